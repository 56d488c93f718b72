"""Continuous integration installs the programs without which tests are skipped."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from support.shop import ENGINES

ROOT = Path(__file__).parents[2]


def test_ci_installs_every_program_that_a_test_needs() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    installed = {
        pair.partition(":")[0] for pair in re.findall(r"[\w-]+:[\w-]+", script.partition("for pair in")[2])
    }
    needed = set(ENGINES)
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text("utf-8")
        for call in ast.walk(ast.parse(text)) if "needs(" in text or "which(" in text else ():
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"needs", "shutil.which"}:
                needed |= {str(item.value) for item in call.args if isinstance(item, ast.Constant)}
    by_path = {program for program in needed if "/" in program}
    browsers = {"chromium-browser", "google-chrome"}
    with_npm = {"node"}
    assert needed - by_path - browsers - with_npm - installed == set()
