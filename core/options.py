"""Command lines and config files: dataclasses in, dataclasses out, one sentence when something is wrong."""

from __future__ import annotations

import re
import sys
import traceback
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace

from scriba.core.errors import InputError, ScribaError, UsageError, nearest

C = TypeVar("C")
OWN = ("config", "debug")
"""Options of the command line itself, not of a config."""


class HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Help with defaults, and with the lines of the description as they are."""


class OptionParser(ArgumentParser):
    """A jsonargparse parser whose errors are one sentence with the nearest valid option."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UsageError(_sentence(message, self))


def build_parser(
    command: str, description: str, config: type, positionals: Mapping[str, str] | None = None
) -> OptionParser:
    """Return a parser whose options are the fields of a dataclass.

    Args:
        command: What the user types, such as "scriba asr train".
        description: First lines of the help, with an example.
        config: The dataclass; fields that hold dataclasses become groups of options.
        positionals: Fields that are given by place, with their help; a name that ends in * takes one or more.
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
    parser.add_argument("--debug", action="store_true", help="Show a traceback when something fails.")
    parser.add_argument("--config", action="config", help="YAML file of options; options after it win.")
    parser.add_class_arguments(config, skip={name.rstrip("*") for name in names})
    return parser


def parse_config(
    parser: OptionParser, config: type[C], argv: Sequence[str], defaults: Mapping[str, Any] | None = None
) -> C:
    """Parse a command line into the config.

    Args:
        parser: From `build_parser` with the same config.
        config: The dataclass.
        argv: The arguments.
        defaults: Defaults by dotted name, in place of those of the dataclass.

    Raises:
        UsageError: An option or a value is wrong.
    """
    parser.set_defaults(dict(defaults or {}))
    return _instantiate(parser, config, parser.parse_args(list(argv)))


def config_from_values(config: type[C], values: Mapping[str, Any], where: str) -> C:
    """Build a config from plain values, such as a bundle's config.json.

    Raises:
        InputError: The values do not fit; `where` is named.
    """
    parser = build_parser("", "", config)
    try:
        return _instantiate(parser, config, parser.parse_object(dict(values)))
    except UsageError as error:
        raise InputError(f"{where}: {error}") from error


def _instantiate(parser: OptionParser, config: type[C], parsed: Namespace) -> C:
    values = parser.instantiate(parsed).as_dict()
    return config(**{name: value for name, value in values.items() if name not in OWN})


def _sentence(message: str, parser: ArgumentParser) -> str:
    """Reduce jsonargparse's report to a sentence that names the option as it is typed."""
    names = [option for action in parser._actions for option in action.option_strings]
    unknown = re.search(
        r"(?i)unrecognized arguments: (?P<typed>\S+)|Group '(?P<group>[\w.]+)' does not accept option '(?P<key>[\w.]+)'"
        r"|Key '(?P<path>[\w.]+)' is not expected",
        message,
    )
    if unknown:
        found = {name: value for name, value in unknown.groupdict().items() if value}
        typed = found.get("typed", "--" + ".".join(found.get(n, "") for n in ("group", "key", "path") if n in found))
        option = typed.split("=")[0]
        kind = "option" if option.startswith("-") else "argument"
        return f"unknown {kind} {option}.{nearest(option, names)} See --help."
    text = " ".join(line.strip(" -") for line in message.splitlines() if line.strip())
    text = re.sub(r'Parser key "([\w.]+)":', r"--\1:", text)
    text = re.sub(r"Expected a <class '(\w+)'>\.", r"expected \1.", text)
    text = re.sub(r"Expected a typing\.Literal\[(.*?)\]\.", r"expected one of \1.", text)
    return re.sub(r"Got value: (\S+)", r"Got \1.", text).replace("--config: File", "--config: file")


def run_command(body: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Run a command and turn its errors into one sentence and an exit status.

    Args:
        body: The command; returns its exit status.
        argv: Arguments; by default those of the process.

    Returns:
        0 done, 1 failed, 2 wrong usage.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
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
        if isinstance(error, ScribaError):
            print(f"scriba: {error}", file=sys.stderr)
            return error.exit_status
        print(f"scriba: {type(error).__name__}: {error} (--debug shows where).", file=sys.stderr)
        return 1
