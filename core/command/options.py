"""Command lines and config files: dataclasses in, dataclasses out, one sentence when something is wrong."""

import sys
import traceback
import types
import warnings
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace

from scriba.core.errors import InputError, ScribaError, UsageError, nearest
from scriba.core.files import read_text
from scriba.core.ranges import Range, check_ranges
from scriba.core.text import visible

C = TypeVar("C")
OWN = ("config", "debug")
"""Options of the command line itself, not of a config."""
MAX_CONFIG = 1 << 20
"""Bytes of a file of options."""
LONGEST = 1000
"""Characters of a sentence that are shown."""
DEEPEST = 20
"""Levels that options are nested in at most."""
SINGLE = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
MANY = {int: "whole numbers", float: "numbers", bool: "truths", str: "texts"}


class HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Help with defaults, what is expected in words, and the lines of the description as they are."""

    def _get_type_str(self, action: Any) -> str | None:
        words: str | None = getattr(action, "expected", None)
        return words or super()._get_type_str(action)


class OptionParser(ArgumentParser):
    """A jsonargparse parser whose errors are one sentence that names option, value and what is expected.

    Attributes:
        types: The type of each option by its dotted name.
        places: Number of arguments that are given by place, or None for any number.
        given: Yields the options that are being parsed, with their values.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.types: dict[str, Any] = {}
        self.places: int | None = 0
        self.given: Callable[[], Iterable[tuple[str, Any]]] = tuple

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UsageError(first_fault(self) or f"{' '.join(message.split()).rstrip('.')}. See --help.") from ex


def build_parser(
    command: str,
    description: str,
    *configs: type,
    positionals: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> OptionParser:
    """Return a parser whose options are the fields of dataclasses.

    Args:
        command: What the user types, such as "scriba asr train".
        description: First lines of the help, with an example.
        configs: The dataclasses; fields that hold dataclasses become groups of options. A name that several have is an
            option of the first.
        positionals: Fields that are given by place, with their help; a name that ends in * takes one or more.
        defaults: Defaults by dotted name, in place of those of the dataclasses.
    """
    parser = OptionParser(
        prog=command, description=description, usage=f"{command} [options]", formatter_class=HelpFormatter
    )
    names = positionals or {}
    if names:
        shown = " ".join(f"{n.rstrip('*').upper()}{' …' if n.endswith('*') else ''}" for n in names)
        parser.usage = f"{command} {shown} [options]"
    for name, text in names.items():
        parser.add_argument(name.rstrip("*"), type=str, help=text, nargs="+" if name.endswith("*") else None)
    parser.places = None if any(name.endswith("*") for name in names) else len(names)
    parser.add_argument("--debug", action="store_true", help="Show a traceback when something fails.")
    parser.add_argument("--config", action="config", help="YAML file of options; options after it win.")
    skip = {name.rstrip("*") for name in names}
    for config in configs:
        parser.add_class_arguments(config, skip=set(skip))
        parser.types |= {name: hint for name, hint in types_of(config).items() if name.split(".")[0] not in skip}
        skip |= {field.name for field in fields(config)}
    for action in parser._actions:
        if action.dest in parser.types:
            action.expected = expected(parser.types[action.dest])  # type: ignore[attr-defined]
    parser.set_defaults(dict(defaults or {}))
    return parser


def parse_config(parser: OptionParser, config: type[C], argv: Sequence[str]) -> C:
    """Parse a command line into the config.

    Args:
        parser: From `build_parser` with the same config.
        config: The dataclass.
        argv: The arguments.

    Raises:
        UsageError: An option or a value is wrong, or a number lies outside its range.
    """
    (values,) = parse_configs(parser, (config,), argv)
    return values


def parse_configs(parser: OptionParser, configs: Sequence[type[C]], argv: Sequence[str]) -> list[C]:
    """Parse a command line into several configs.

    Args:
        parser: From `build_parser` with the same configs.
        configs: The dataclasses.
        argv: The arguments.

    Raises:
        UsageError: An option or a value is wrong, or a number lies outside its range.
    """
    parser.given = lambda: given(argv)
    for option, value in given(argv):
        if isinstance(value, UsageError) and option == "--config":
            raise value
    try:
        parsed = parser.parse_args(list(argv))
    except UsageError:
        raise
    except Exception as error:  # the library has its own for each wrong kind of value
        parser.error(str(error), error)
    return _instantiate(parser, configs, parsed)


def config_from_values(
    config: type[C], values: Mapping[str, Any], where: str, defaults: Mapping[str, Any] | None = None
) -> C:
    """Build a config from plain values, such as a bundle's config.json.

    Args:
        config: The dataclass.
        values: The values.
        where: Where they come from, for messages.
        defaults: Defaults by dotted name, in place of those of the dataclass.

    Raises:
        InputError: The values do not fit.
    """
    if lone := next(_lone_groups(config, values), None):
        raise InputError(f"{where}: '{lone}' is no group of options.")
    parser = build_parser("", "", config, defaults=defaults)
    parser.given = lambda: ((f"--{name}", value) for name, value in flatten(values).items())
    try:
        (result,) = _instantiate(parser, (config,), parser.parse_object(dict(values)))
    except UsageError as error:
        raise InputError(f"{where}: {error}") from error
    except Exception as error:  # the library has its own for each wrong kind of value
        raise InputError(f"{where}: holds no options of this kind ({error}).") from error
    return result


def _lone_groups(config: type, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield groups of options that are something else: the library would take a text for the name of a file of them."""
    for name, hint in get_type_hints(config).items():
        value = values.get(name, {})
        if is_dataclass(hint):
            yield from _lone_groups(hint, value) if isinstance(value, Mapping) else (name,)  # type: ignore[arg-type]


def _instantiate(parser: OptionParser, configs: Sequence[type[C]], parsed: Namespace) -> list[C]:
    try:
        values = parser.instantiate(parsed).as_dict()
    except (TypeError, ValueError) as error:
        parser.error(str(error), error)
    made = []
    for config in configs:
        names = [field.name for field in fields(config)]  # type: ignore[arg-type]
        made.append(config(**{name: values[name] for name in names if name in values}))
        check_ranges(made[-1])
    return made


def types_of(config: type, prefix: str = "") -> dict[str, Any]:
    """Return the types of the fields of a dataclass and of those inside it, by dotted name."""
    hints: dict[str, Any] = {}
    for name, hint in get_type_hints(config, include_extras=True).items():
        hints[prefix + name] = hint
        if is_dataclass(hint):
            hints |= types_of(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
    return hints


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values as one mapping with dotted names, as on the command line."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat


def first_fault(parser: OptionParser) -> str | None:
    """Return a sentence on the first argument that is wrong, or None if each by itself is right."""
    names = [f"--{name}" for name in (*parser.types, *OWN, "help")]
    places = 0
    for option, value in parser.given():
        if not option:
            places += 1
            if parser.places is not None and places > parser.places:
                return f"unknown argument {value}. See --help."
            continue
        name = option.removeprefix("--").removesuffix("+")
        if option == "--config":
            if isinstance(value, Exception):
                return str(value)
        elif f"--{name}" not in names and option not in ("-h", *names):
            return f"unknown option {option}.{nearest(option, names)} See --help."
        elif name in parser.types and not fits(parser.types[name], value):
            shown = "" if value is None else f" {value}"
            return f"{option}{shown}: expected {expected(parser.types[name])}."
    return None


def given(argv: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the options of a command line with their values, those of its config files too; of arguments "" as name."""
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            yield "", word
            continue
        option, equals, value = word.partition("=")
        if option in ("--debug", "--help", "-h"):
            continue
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("--") else None  # type: ignore[assignment]
        if option != "--config":
            yield option, value
            continue
        try:
            read = read_options(Path(value or ""))
        except InputError as error:
            yield option, UsageError(f"--config {error}")
            continue
        yield option, value
        yield from ((f"--{name}", v) for name, v in flatten(read).items())


def read_options(path: Path) -> Mapping[str, Any]:
    """Read a YAML file of options.

    Raises:
        InputError: It cannot be read, or holds something else.
    """
    text, depth = read_text(path, MAX_CONFIG), 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST or isinstance(event, yaml.AliasEvent):  # a few aliases of aliases fill any memory
                what = "repeats parts by reference" if depth <= DEEPEST else "is nested too deeply"
                raise InputError(f"{path}: {what}; write the options out.")
        read = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: is no YAML file of options ({' '.join(str(error).split())}).") from error
    if not isinstance(read, Mapping) and read is not None:
        raise InputError(f"{path}: holds no options; write one on each line, such as `seed: 2`.")
    return read or {}


def fits(hint: Any, value: Any) -> bool:
    """Tell whether a value is one of a type: text as typed, or what a YAML file holds."""
    if value is None and get_origin(hint) not in (Union, types.UnionType):
        return False
    if is_dataclass(hint):
        return isinstance(value, str)  # the path of a file with the options of the group
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        if isinstance(value, str):
            parser.parse_args([f"--value={value}"])
        else:
            parser.parse_object({"value": value})
    except Exception:  # the library's errors have many classes
        return False
    return True


def expected(hint: Any) -> str:
    """Return what values of a type are, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if any(isinstance(argument, Range) for argument in arguments):
        bounds = str(next(argument for argument in arguments if isinstance(argument, Range)))
        return f"{expected(arguments[0])}, {bounds}" if any(c.isdigit() for c in bounds) else expected(arguments[0])
    if origin in (Union, types.UnionType):
        words = [*map(expected, arguments)]
        return (", or " if any("," in word for word in words) else " or ").join(words)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in (list, tuple):
        inner = get_args(arguments[0])[0] if get_origin(arguments[0]) is Annotated else arguments[0]
        return f"a list of {MANY.get(inner, expected(inner))}"
    if is_dataclass(hint):
        return "a group of options"
    return SINGLE.get(hint, getattr(hint, "__name__", str(hint)))


def program(body: Callable[[Sequence[str]], int]) -> Callable[..., int]:
    """Return the `main` of a command: its errors become one sentence and an exit status.

    Args:
        body: From arguments to an exit status.

    Returns:
        A function of the arguments, by default those of the process: 0 done, 1 failed, 2 wrong usage.
    """

    def main(argv: Sequence[str] | None = None) -> int:
        arguments = list(sys.argv[1:] if argv is None else argv)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # as results in files are, in cron too
        try:
            with warnings.catch_warnings():
                if "--debug" not in arguments:
                    warnings.simplefilter("ignore")  # libraries talk to programmers; people get our sentences
                return body(arguments)
        except SystemExit as stop:
            return int(stop.code or 0)
        except KeyboardInterrupt:
            print("scriba: interrupted.", file=sys.stderr)
            return 1
        except BrokenPipeError:
            sys.stdout = None  # the reader of the pipe went away; do not flush to it
            return 0
        except Exception as error:
            if "--debug" in arguments:
                traceback.print_exc()
            told = (
                str(error)
                if isinstance(error, ScribaError)
                else f"{type(error).__name__}: {error} (--debug shows where)."
            )
            if len(told) > LONGEST:
                told = f"{told[:LONGEST]} … {told[-LONGEST // 4 :]}"
            print(f"scriba: {visible(told)}", file=sys.stderr)
            return error.exit_status if isinstance(error, ScribaError) else 1

    return main
