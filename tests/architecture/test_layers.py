"""The layers hold: the table in docs/architecture.md is read, and every import is held against it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDGES = {
    "subprocess": {"gate.process"},
    "git": {"gate.git"},
    "socket": {"gate.forges"},
    "urllib": {"gate.forges", "gate.prometheus"},
    "http": {"gate.prometheus"},
    "requests": {"gate.forges.clients"},
    "github": {"gate.forges.clients"},
    "gitlab": {"gate.forges.clients"},
}
IMPURE = ("subprocess", "os", "pathlib", "shutil", "tempfile", "socket", "time", "io", "git")
STANDALONE = {"gate.names", "gate.plugins"}


def layers() -> list[list[str]]:
    """The rows of the drawing, top to bottom, as the document has them."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.search(r"<!-- layers -->\n```\n(.*?)```", text, re.DOTALL)
    assert drawing, "docs/architecture.md has lost its drawing"
    rows = []
    for line in drawing[1].splitlines():
        names = line.split("  ")[0].split()
        if names and not line.startswith(("-", " ")):
            rows.append([f"gate.{name.rstrip('/')}" for name in names])
    return rows


def pure_rows() -> list[list[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.search(r"<!-- layers -->\n```\n(.*?)```", text, re.DOTALL)
    assert drawing
    below = drawing[1].split("-----", 1)[1].splitlines()[1:]
    return [
        [f"gate.{name.rstrip('/')}" for name in line.split("  ")[0].split()]
        for line in below
        if line and not line.startswith(" ")
    ]


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "gate").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    """Every module that the file imports, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def row_of(module: str, rows: list[list[str]]) -> int | None:
    for number, row in enumerate(rows):
        if any(module == name or module.startswith(f"{name}.") for name in row):
            return number
    return None


MODULES = modules()


def test_every_module_has_a_place_in_the_drawing() -> None:
    rows = layers()
    lost = [
        name
        for name in MODULES
        if row_of(name, rows) is None and not any(name == s or name.startswith(f"{s}.") for s in STANDALONE)
    ]
    assert [name for name in lost if name not in {"gate", "gate.__main__", "gate.answer_cache"}] == []


def test_everything_in_the_drawing_exists() -> None:
    for row in layers():
        for name in row:
            assert name in MODULES, f"the drawing shows {name}, which is not there"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module: str) -> None:
    rows = layers()
    own = row_of(module, rows)
    if own is None:
        return
    for target in imports(MODULES[module]):
        if not target.startswith("gate.") or target not in MODULES:
            continue
        other = row_of(target, rows)
        if other is not None:
            assert other >= own, f"{module} imports {target}, which is in a layer above it"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_edges_touch_the_outside(module: str) -> None:
    for name, homes in EDGES.items():
        if any(module == home or module.startswith(f"{home}.") for home in homes | STANDALONE):
            continue
        touched = {found for found in imports(MODULES[module]) if found.split(".")[0] == name}
        assert not touched, f"{module} imports {name}: only {sorted(homes)} may"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_pure_layers_import_nothing_that_does_io(module: str) -> None:
    if row_of(module, pure_rows()) is None:
        return
    touched = {found for found in imports(MODULES[module]) if found.split(".")[0] in IMPURE}
    assert not touched, f"{module} is pure, yet imports {sorted(touched)}"
