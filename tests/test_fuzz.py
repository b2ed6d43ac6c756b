"""scripts/fuzz.py: damaged files end in results or sentences, and the harness notices when they do not."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import fuzz  # noqa: E402

CASES = 56


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the fuzzing happens, with what it damages."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "base").mkdir()
    with chdir(folder / "base"):
        fuzz.make_materials()
    return folder


def test_damaged_files_end_in_sentences(folder: Path) -> None:
    """All targets in turn; each case is told with what repeats it."""
    outcomes = list(fuzz.fuzz(range(CASES), 0, folder))
    faults = [f"--seed 0 --case {o.case}: {o.command}, {o.file}: {o.fault}\n{o.tail}" for o in outcomes if o.fault]
    assert not faults, "\n".join(faults)
    assert {outcome.target for outcome in outcomes} == set(fuzz.TARGETS)
    statuses = [outcome.status for outcome in outcomes]
    assert min(map(statuses.count, (0, 1))) > CASES // 10, "both results and refusals"


def planted(words: Sequence[str]) -> int:
    """A command that does what none may."""
    if words[0] == "model":
        raise KeyError("planted")
    if words[0] == "ocr":
        print("\x1b[31mred")
    if words[1] == "eval":
        Path("lm.arpa").write_text("")
        Path(".text.7.part").touch()
    if words[1] == "align":
        return 3
    if words[1] == "train":
        print("scriba: this has no end", file=sys.stderr)
        return 1
    if words[0] == "caption":
        time.sleep(60)
    return 0


def plant(root: Path) -> None:
    """Begin a process whose commands are planted."""
    fuzz.begin(root)
    fuzz.scriba_main, fuzz.LIMIT_S = planted, 2.0


def test_faults_are_noticed(folder: Path) -> None:
    """An exception, a control character, a changed file, a status, a sentence without an end, and no end at all."""
    wanted = {
        "model info": "shows 'Traceback'",
        "ocr read": r"writes '\x1b'",
        "asr eval": "changes case/.text.7.part, case/lm.arpa",
        "asr align": "ends with exit status 3",
        "asr train": "says a sentence without an end: 'scriba: this has no end'",
        "data check": "",
        "caption describe": "ends the process: Timeout (0:00:02)",
    }
    cases = {}
    for case in range(400):
        command = fuzz.planned(0, case, folder / "base")[0].command
        cases.setdefault(" ".join(command.split()[:2]), case)
    outcomes = fuzz.fuzz([cases[command] for command in wanted], 0, folder, plant)
    for outcome, (command, fault) in zip(outcomes, wanted.items(), strict=True):
        assert outcome.command.startswith(command)
        assert outcome.fault.startswith(fault) and bool(outcome.fault) == bool(fault)
        if "Timeout" in fault:
            assert "in planted" in outcome.tail


def test_damage_is_a_function_of_the_seed(folder: Path) -> None:
    def made(seed: int, case: int) -> tuple[object, ...]:
        outcome, rng = fuzz.planned(seed, case, folder / "base")
        return outcome, fuzz.damaged(outcome.file, (folder / "base" / outcome.file).read_bytes(), rng, b"other")

    cases = range(200)
    assert all(made(0, case) == made(0, case) for case in cases)
    assert sum(made(0, case) != made(1, case) for case in cases) > 190
