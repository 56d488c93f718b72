"""The folders of the names check import only from earlier steps, in the order of docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ROOT / "gate" / "names"
STEPS = (
    {"read", "syntax"},
    {"resolve", "spelling"},
    {"infer"},
    {"hints"},
    {"report"},
    {"rules"},
    {"store"},
)
"""The folders of one step may import each other."""
EXCEPTIONS = {
    ("report/suppressions.py", "gate.names.rules"): "the ids of the rules, without any rule",
    ("resolve/installed.py", "gate.names.store.workers"): "reads packages in several processes",
    ("resolve/modules.py", "gate.names.store.cache"): "what earlier runs read of modules",
}


def imports() -> Iterator[tuple[str, str]]:
    """Each file in a folder, with each module of the check that it imports."""
    for path in sorted(NAMES.glob("*/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gate.names."):
                yield path.relative_to(NAMES).as_posix(), str(node.module)


def step_of(folder: str) -> int:
    return next((number for number, folders in enumerate(STEPS) if folder in folders), len(STEPS))


def test_a_folder_imports_only_from_earlier_steps() -> None:
    upward = {
        (file, module)
        for file, module in imports()
        if step_of(module.split(".")[2]) > step_of(file.partition("/")[0])
    }
    assert upward == EXCEPTIONS.keys()


def test_the_document_has_the_folders_in_this_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    documented = re.findall(r"(?m)^  \| `(\w+)/` \|", text)
    steps = list(map(step_of, documented))
    assert steps == sorted(steps)
    assert set(documented) == {path.parent.name for path in NAMES.glob("*/*.py")} == set[str]().union(*STEPS)


def test_the_walk_reports_nothing_itself() -> None:
    texts = [path.read_text("utf-8") for path in (NAMES / "rules" / "walk").glob("*.py")]
    assert texts
    assert not any(".report(" in text for text in texts)
