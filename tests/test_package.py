"""The folders apps/, core/ and datasets/ are the package `scriba`, in the checkout and in a wheel."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT, source_files

from scriba.cli import COMMANDS, main
from scriba.loading import TASKS

APPS = sorted(p.parent.name for p in (ROOT / "apps").glob("*/train.py") if (p.parent / "configs").is_dir())
WIDTH = "100"
"""Of the terminal, to which help is wrapped."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command that must succeed and return what it prints."""
    environment = {**os.environ, "COLUMNS": WIDTH}
    environment.pop("PYTHONPATH", None)
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, f"{command} exited {result.returncode}:\n{result.stdout}{result.stderr}"
    return result.stdout


def commands(group: str) -> list[str]:
    """Return the commands of an app, or of another group: its files that are also programs."""
    return sorted(
        path.stem
        for path in (ROOT / "apps" / group).glob("*.py")
        if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    )


# A regular package anywhere on sys.path beats a folder without __init__.py, so our datasets/ does not
# hide Hugging Face's `datasets` from Python that runs in the root; a folder scriba/ there would hide us.


def test_nothing_in_the_root_hides_a_package() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()
    assert not (ROOT / "scriba").exists()


def test_datasets_is_hugging_faces_in_the_root() -> None:
    code = "import datasets, scriba.core, scriba.datasets; datasets.load_dataset; print(datasets.__file__)"
    assert not Path(run(sys.executable, "-c", code).strip()).is_relative_to(ROOT / "datasets")


# The wheel: built from a copy, since a build leaves files beside the sources.


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for name in ("apps", "core", "datasets"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    out = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", out)
    run(sys.executable, "-m", "pip", "wheel", *options, tree)
    (path,) = out.glob("scriba-*.whl")
    return path


def test_wheel_holds_every_source_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (licence,) = (name for name in archive.namelist() if name.endswith("LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert names == set(source_files())
    assert "scriba/py.typed" in names
    for app in APPS:
        assert any(name.startswith(f"scriba/{app}/configs/") for name in names), f"{app} has no configuration"


def test_bundled_models_are_complete() -> None:
    for folder in (ROOT / "apps" / "models").glob("[!._]*"):
        names = {path.name for path in folder.iterdir()}
        assert names >= {"config.json", "tokenizer.json", "model.safetensors", "README.md"}, folder


def test_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    # Installing torch once more would take minutes, so the new environment sees this one's packages, after
    # its own. Python reads no .pth files in a folder added this way, so the editable scriba stays out.
    environment, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    (site,) = (environment / "lib").glob("python*/site-packages")
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n", encoding="utf-8")

    modules = sorted(name.removesuffix(".py") for name in source_files() if name.endswith(".py"))
    names = [name.removesuffix("/__init__").replace("/", ".") for name in modules]
    code = (
        f"import importlib; modules = [importlib.import_module(name) for name in {names}]\n"
        "for module in modules: print(module.__file__)\n"
        "import datasets; datasets.load_dataset\n"
    )
    for line in run(python, "-c", code, cwd=elsewhere).splitlines():
        assert Path(line).is_relative_to(site)
    assert "usage: scriba" in run(environment / "bin" / "scriba", "--help", cwd=elsewhere)


def test_every_app_trains_and_evaluates() -> None:
    assert set(APPS) == set(TASKS) and all({"train", "eval"} <= set(COMMANDS[app]) for app in APPS)


# Entry points: of each group one command stands for all, which end in the same lines.


@pytest.mark.parametrize("group", COMMANDS)
def test_every_command_is_a_program(group: str) -> None:
    """Each command of the list is a file that runs its `main`, and there is no other."""
    assert set(commands(group)) == set(COMMANDS[group])
    for name in COMMANDS[group]:
        text = (ROOT / "apps" / group / f"{name}.py").read_text(encoding="utf-8")
        assert "\nmain = " in text and text.endswith('if __name__ == "__main__":\n    sys.exit(main())\n')


@pytest.fixture(scope="module")
def helped_by_file() -> dict[str, str]:
    """What a command of each group says as a file, whose folder Python searches first; two run at a time."""
    files = [Path("apps") / group / f"{next(iter(COMMANDS[group]))}.py" for group in COMMANDS]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(COMMANDS, pool.map(lambda file: run(sys.executable, file, "--help"), files), strict=True))


@pytest.mark.parametrize("group", COMMANDS)
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_three_ways_to_a_command_are_the_same(
    group: str, helped_by_file: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(iter(COMMANDS[group]))
    monkeypatch.setenv("COLUMNS", WIDTH)
    assert main([group, name, "--help"]) == 0
    by_script = capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_module(f"scriba.{group}.{name}", run_name="__main__", alter_sys=True)
    by_module = capsys.readouterr().out
    assert f"usage: scriba {group} {name}" in by_script and by_module == helped_by_file[group] == by_script
