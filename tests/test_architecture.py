"""How the code hangs together: rooms with faces, arrows that only go down, and nothing that happens by importing."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from conftest import PACKAGES, ROOT, source_files

LINES = {"file": 400, "function": 70, "class": 250}
"""Longest that is still read at a sitting."""
Graph = dict[str, set[str]]


def module_of(path: Path) -> str:
    """Return the name that a source file is imported by."""
    folder = next(parent for parent in PACKAGES if path.is_relative_to(ROOT / parent))
    parts = path.relative_to(ROOT / folder).with_suffix("").parts
    return ".".join([PACKAGES[folder], *(part for part in parts if part != "__init__")])


MODULES = {module_of(path): path for path in source_files().values() if path.suffix == ".py"}


def imports_of(path: Path) -> Iterable[tuple[str, str]]:
    """Yield the modules of scriba that a file imports from, with the names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "scriba":
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "scriba")


def room_of(module: str) -> str:
    """Return the room of a module of the core: its package, or itself where it lies at the top."""
    return module.split(".")[2] if module.startswith("scriba.core.") else ""


def core_graph() -> Graph:
    """Return for each room of the core the rooms that it imports from."""
    graph: Graph = {room_of(module): set() for module in MODULES if room_of(module)}
    for module, path in MODULES.items():
        if room := room_of(module):
            graph[room] |= {room_of(name) for name, _ in imports_of(path)} - {room, ""}
    return graph


def file_graph() -> Graph:
    """Return for each file the files that it imports from; a package's face is a file too."""
    graph: Graph = {}
    for module, path in MODULES.items():
        names = set()
        for source, name in imports_of(path):
            names.add(f"{source}.{name}" if f"{source}.{name}" in MODULES else source)
        graph[module] = names - {module}
    return graph


def floors(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """Return how far above the ground each room lies; fails where arrows go in a circle."""
    found: dict[str, int] = {}
    while len(found) < len(graph):
        ready = [room for room in graph if room not in found and graph[room] <= found.keys()]
        assert ready, f"a circle among {sorted(graph.keys() - found.keys())}"
        found |= {room: 1 + max((found[below] for below in graph[room]), default=0) for room in ready}
    return found


def test_the_core_has_rooms_on_floors() -> None:
    """No circle between rooms; few rooms, few floors, few arrows: what it takes to keep the map in one's head."""
    graph = core_graph()
    assert len(graph) <= 14 and max(floors(graph).values()) <= 9 and sum(map(len, graph.values())) <= 50


def test_no_circle_between_files() -> None:
    floors(file_graph())


def test_the_core_knows_neither_apps_nor_datasets() -> None:
    """Arrows: apps to core and datasets, datasets to core. The word of a task stands nowhere in the core."""
    for module, path in MODULES.items():
        names = {name for name, _ in imports_of(path)}
        if module.startswith("scriba.core"):
            assert all(name.startswith("scriba.core") for name in names), (module, names)
        elif module.startswith("scriba.datasets"):
            assert all(name.startswith(("scriba.core", "scriba.datasets")) for name in names), (module, names)


@pytest.mark.parametrize("folder", ["apps", "core", "datasets", "scripts"])
def test_rooms_are_entered_by_their_face(folder: str) -> None:
    """From outside a room of the core, what its `__init__` exports is imported, and nothing from its files."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        own = room_of(module_of(path)) if folder in PACKAGES else ""
        for module, name in imports_of(path):
            if module.startswith("scriba.core.") and room_of(module) != own:
                assert module.count(".") == 2, f"{path.relative_to(ROOT)} imports {name} from {module}"


def sizes() -> dict[str, dict[str, int]]:
    """Return the lines of every file, function and class."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in LINES}
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        found["file"][module] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            kind = {ast.FunctionDef: "function", ast.ClassDef: "class"}.get(type(node))
            if kind is not None:
                name, end = f"{module}.{node.name}", node.end_lineno  # type: ignore[attr-defined]
                found[kind][name] = end - node.lineno + 1  # type: ignore[attr-defined]
    return found


def test_nothing_is_too_long_to_be_read() -> None:
    for kind, lengths in sizes().items():
        longest = max(lengths, key=lengths.__getitem__)
        assert lengths[longest] <= LINES[kind], f"{kind} {longest}: {lengths[longest]} lines"


def test_importing_changes_nothing() -> None:
    """No module touches the backend of matplotlib, a class of another library or the number of threads."""
    code = """
import json, sys
import matplotlib, torch, datasets
before = [datasets.Audio.encode_example, torch.get_num_threads(), matplotlib.rcParams._get("backend")]
import importlib
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
after = [datasets.Audio.encode_example, torch.get_num_threads(), matplotlib.rcParams._get("backend")]
assert before == after, (before, after)
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(sorted(MODULES))], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_tests_that_hold_promises_exist() -> None:
    """Each test that docs/promises.md names is there."""
    named = re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`", (ROOT / "docs" / "promises.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), (file, test)


@pytest.mark.parametrize("document", ["docs/architecture.md", "README.md"])
def test_paths_in_the_documents_exist(document: str) -> None:
    """Where a document says that something lies, it lies."""
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:apps|core|datasets|scripts|tests|docs)/[\w./-]*)`", text))
    assert named
    for name in named:
        assert (ROOT / name).exists(), f"{document}: {name}"
