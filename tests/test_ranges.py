"""Numbers outside their ranges are refused, wherever they stand, with a sentence that says what is inside."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.asr.eval import AsrEvalConfig
from scriba.asr.transcribe import TranscribeConfig
from scriba.caption.describe import DescribeConfig
from scriba.commands.tune import TuneConfig
from scriba.core.errors import UsageError
from scriba.core.ranges import Count, NotNegative, Range, Share, check_ranges, ranges_in
from scriba.data.check import CheckConfig
from scriba.data.preview import PreviewConfig
from scriba.loading import TASKS, app_named
from scriba.ocr.read import ReadConfig

CONFIGS = [
    *(app_named(name).config for name in TASKS),
    *(AsrEvalConfig, TranscribeConfig, DescribeConfig, ReadConfig, TuneConfig, CheckConfig, PreviewConfig),
]


@dataclass(frozen=True)
class Inner:
    share: Share = 0.5
    sizes: tuple[Count, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    limit: Count | None = None
    loud: NotNegative = 0.0
    odd: Annotated[float, Range(0, 1, above=True, below=True)] = 0.5


@given(st.floats(), st.floats(-5, 5), st.floats(0, 5), st.booleans(), st.booleans())
def test_a_range_is_what_it_says(number: float, low: float, width: float, above: bool, below: bool) -> None:
    """Ends count unless they are said not to; what is no finite number lies nowhere."""
    high = low + width
    inside = math.isfinite(number) and (number > low if above else number >= low)
    inside = inside and (number < high if below else number <= high)
    assert (number in Range(low, high, above, below)) == inside


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (Outer(Inner(share=1.5)), r"--inner\.share 1\.5: give 0 to 1\."),
        (Outer(Inner(sizes=(3, 0))), r"--inner\.sizes \(3, 0\): give 1 or more\."),
        (Outer(limit=0), r"--limit 0: give 1 or more\."),
        (Outer(loud=math.nan), r"--loud nan: give 0 or more\."),
        (Outer(loud=math.inf), r"--loud inf: give 0 or more\."),
        (Outer(odd=1.0), r"--odd 1\.0: give more than 0 to below 1\."),
    ],
)
def test_each_place_is_looked_at(config: Outer, told: str) -> None:
    """Numbers, entries of tuples, numbers that may be left out, and those of dataclasses inside."""
    check_ranges(Outer())
    with pytest.raises(UsageError, match=told):
        check_ranges(config)


def bare_numbers(config: type, prefix: str = "") -> list[str]:
    """Return the fields that are numbers without a range."""
    found = []
    for name, hint in get_type_hints(config, include_extras=True).items():
        if is_dataclass(hint):
            found += bare_numbers(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        elif numeric(hint) and not list(ranges_in(hint)):
            found.append(prefix + name)
    return found


def numeric(hint: Any) -> bool:
    """Tell whether values of a type are or hold numbers."""
    return hint in (int, float) or any(map(numeric, get_args(hint)))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_every_number_has_a_range(config: type) -> None:
    """Of every option of every command; none can be so senseless that it ends in another library's error."""
    assert bare_numbers(config) == []
