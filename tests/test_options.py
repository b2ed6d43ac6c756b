"""Command lines and config files: each wrong one is a sentence that names option, value and what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from scriba.core.command import build_parser, config_from_values, parse_config, parse_configs
from scriba.core.command.options import expected, types_of
from scriba.core.errors import InputError, UsageError
from scriba.core.ranges import Count, Dropout, Real


@dataclass(frozen=True)
class Inner:
    """Inside.

    Args:
        size: How large.
        kind: Which.
        sizes: How large each.
    """

    size: Count = 3
    kind: Literal["soft", "hard"] = "soft"
    sizes: tuple[Count, ...] = (1, 2)


@dataclass(frozen=True)
class Config:
    """Outside.

    Args:
        limit: How many.
        name: How called.
        loud: How loud.
        dropout: How much is lost.
        flag: Whether.
        names: Which.
        inner: Inside.
    """

    limit: Count | None = None
    name: str = ""
    loud: Real = 0.0
    dropout: Dropout = 0.1
    flag: bool = False
    names: list[str] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)


def parse(*words: str) -> Config:
    return parse_config(build_parser("scriba try", "Try.", Config), Config, words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--limit many", "--limit many: expected a whole number, 1 or more, or null."),
        ("--limit=many", "--limit many: expected a whole number, 1 or more, or null."),
        ("--limit 0", "--limit 0: give 1 or more."),
        ("--limit 1.5", "--limit 1.5: expected a whole number, 1 or more, or null."),
        ("--loud very", "--loud very: expected a number."),
        ("--loud", "--loud: expected a number."),
        ("--loud nan", "--loud nan: expected a number."),
        ("--loud .nan", "--loud nan: give any finite number."),
        ("--dropout 1", "--dropout 1.0: give from 0 to below 1."),
        ("--flag maybe", "--flag maybe: expected true or false."),
        ("--inner.size soon", "--inner.size soon: expected a whole number, 1 or more."),
        ("--inner.kind harsh", "--inner.kind harsh: expected one of 'soft', 'hard'."),
        ("--inner.sizes [1,two]", "--inner.sizes [1,two]: expected a list of whole numbers."),
        ("--inner.sizes [1,0]", "--inner.sizes (1, 0): give 1 or more."),
        ("--inner.siez 3", "unknown option --inner.siez. Did you mean '--inner.size'? See --help."),
        ("--limt 3", "unknown option --limt. Did you mean '--limit'? See --help."),
        ("word", "unknown argument word. See --help."),
        ("--limit 3 --config none.yaml", "--config none.yaml: no such file; check the path"),
    ],
)
def test_what_is_wrong_with_a_line(words: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(*words.split())
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limit: many", "--limit many: expected a whole number, 1 or more, or null."),
        ("inner: {size: -1}", "--inner.size -1: give 1 or more."),
        ("inner: {size: soon}", "--inner.size soon: expected a whole number, 1 or more."),
        ("inner: {siez: 3}", "unknown option --inner.siez. Did you mean '--inner.size'?"),
        ("inner: 3", "--inner 3: expected a group of options."),
        ("names: 3", "--names 3: expected a list of texts."),
        ("{", "--config"),
        ("- 1", ""),
    ],
)
def test_what_is_wrong_with_a_file(text: str, told: str, tmp_path: Path) -> None:
    """A key of a file is named as on the command line."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        parse("--config", str(path))
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


def test_a_file_and_what_comes_after_it(tmp_path: Path) -> None:
    """Later options win; what is not named keeps its default, or the default that was given for it."""
    path = tmp_path / "c.yaml"
    path.write_text("limit: 4\ninner: {size: 7}\n")
    found = parse("--config", str(path), "--limit", "9")
    assert (found.limit, found.inner.size, found.inner.kind) == (9, 7, "soft")
    parser = build_parser("scriba try", "Try.", Config, defaults={"inner.kind": "hard"})
    assert parse_config(parser, Config, []).inner.kind == "hard"


def test_two_configs_on_one_line() -> None:
    """A name that both have belongs to the first."""

    @dataclass(frozen=True)
    class Other:
        limit: Count = 5
        more: Count = 6

    parser = build_parser("scriba try", "Try.", Other, Config, positionals={"name": "Its name."})
    other, found = parse_configs(parser, (Other, Config), ["me", "--limit", "2", "--inner.size", "8"])
    assert (other.limit, other.more) == (2, 6)
    assert (found.name, found.limit, found.inner.size) == ("me", 2, 8)


def test_values_from_elsewhere_are_named_by_where() -> None:
    """What a bundle's config.json holds is checked as a command line is, and is no wrong usage."""
    assert config_from_values(Config, {"limit": 3}, "config.json").limit == 3
    for values, told in (
        ({"limit": "many"}, "config.json: --limit many: expected a whole number"),
        ({"inner": {"size": 0}}, r"config.json: --inner\.size 0: give 1 or more"),
        ({"inner": {"siez": 0}}, r"config.json: unknown option --inner\.siez"),
    ):
        with pytest.raises(InputError, match=told):
            config_from_values(Config, values, "config.json")


def test_help_says_what_is_expected_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "How many. (type: a whole number, 1 or more, or null, default: null)" in text
    assert "Which. (type: one of 'soft', 'hard', default: soft)" in text
    assert "Annotated" not in text and "Literal" not in text


def test_every_type_of_option_has_words() -> None:
    words = {name: expected(hint) for name, hint in types_of(Config).items()}
    assert words["inner.sizes"] == "a list of whole numbers" and words["names"] == "a list of texts"
    assert not any("<" in text or "[" in text for text in words.values())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"inner: " + b"{a: " * 5000 + b"1" + b"}" * 5000, "is nested too deeply"),
        (b"a: &a {b: 1, c: 2}\nd: &d {e: *a, f: *a}\nlimit: 1\n", "repeats parts by reference"),
        (b"# " + b"x" * (1 << 20), "is larger than 1 MiB"),
        (b"- 1\n- 2\n", "holds no options"),
        (b"a: [1\n", "is no YAML file of options"),
        (b"limit: \x00\n", "is no YAML file of options"),
        (b"!!python/object/apply:os.system ['true']\n", "is no YAML file of options"),
    ],
)
def test_a_file_of_options_has_bounds(tmp_path: Path, content: bytes, told: str) -> None:
    """A file from a stranger runs nothing, nests within bounds, and is told in one sentence that names it."""
    path = tmp_path / "options.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"--config {path}: {told}"):
        parse("--config", str(path))


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b"])
def test_names_of_files_of_options(name: str) -> None:
    with pytest.raises(UsageError, match=r"--config .*: (is a folder|the name is too long|no file can have that name)"):
        parse("--config", name)


@pytest.mark.parametrize("values", [{"inner": 1}, {"inner": None}, {"limit": 10**400}, {"limit": "\0"}])
def test_wrong_types_in_a_config_are_one_sentence(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"^config\.json: "):
        config_from_values(Config, values, "config.json")
