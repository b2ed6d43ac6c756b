"""What every test needs: a complete installation, and where the corpora are."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("untimed")
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"apps": "scriba", "core": "scriba.core", "datasets": "scriba.datasets"}  # as in pyproject.toml
REINSTALL = (
    "run `bash scripts/setup.sh dev`, or in an environment of your own "
    "`pip install -e . --no-deps --no-build-isolation --config-settings editable_mode=strict`"
)


def source_files() -> dict[str, Path]:
    """Return every file that belongs into the package: its path in site-packages to its path here."""
    files = {}
    for folder, package in PACKAGES.items():
        for pattern in ("**/*.py", "py.typed", "*/configs/*.yaml", "models/*/*"):
            for path in sorted((ROOT / folder).glob(pattern)):
                if path.is_file() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts):
                    inside = path.relative_to(ROOT / folder).as_posix()
                    files[f"{package.replace('.', '/')}/{inside}"] = path
    return files


def installation_problem() -> str | None:
    """Return one sentence on what is wrong with the installed package, or None.

    The editable installation links single files, so a new file is not seen before it is installed again.
    """
    spec = importlib.util.find_spec("scriba")
    if spec is None or spec.origin is None:
        return f"the package `scriba` is not installed: {REINSTALL}."
    site = Path(spec.origin).parent.parent
    for name, source in source_files().items():
        installed = site / name
        if not installed.exists():
            return (
                f"{source.relative_to(ROOT)} is not linked into the installed package: {REINSTALL} "
                "(and list a new folder with Python files under `packages` in pyproject.toml)."
            )
        if not installed.samefile(source):
            return f"{installed} is not this checkout's {source.relative_to(ROOT)}: {REINSTALL}."
    return None


def pytest_configure() -> None:
    if problem := installation_problem():
        raise pytest.UsageError(problem)


@pytest.fixture
def corpus() -> Path:
    """The folder of local corpora that SCRIBA_DATA names; where that is not set, the test skips."""
    folder = os.environ.get("SCRIBA_DATA")
    if not folder:
        pytest.skip("set SCRIBA_DATA to a local corpus folder")
    path = Path(folder).expanduser()
    if not path.is_dir():
        pytest.fail(f"SCRIBA_DATA names no folder: {folder}", pytrace=False)
    return path


SMALL_DECODER = {"decoder": {"size": 8, "embedding_size": 4}, "attention": {"size": 8}}
SMALL_SPEECH = {"encoder": {"channels": 4, "size": 8, "layers": 1}, **SMALL_DECODER}
SMALL_LINES = {"encoder": {"channels": [4, 4, 8, 8, 8, 8, 8], "size": 8, "layers": 1}, **SMALL_DECODER}


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained speech model."""
    from toy import untrained_bundle  # here, so that an incomplete installation is told before it is imported

    from scriba.asr import APP

    return untrained_bundle(tmp_path_factory.mktemp("models") / "small", APP, SMALL_SPEECH)


@pytest.fixture(scope="session")
def line_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained line model."""
    from toy import untrained_bundle

    from scriba.ocr import APP

    return untrained_bundle(tmp_path_factory.mktemp("models") / "lines", APP, SMALL_LINES)
