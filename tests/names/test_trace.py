"""`--trace FILE:LINE` and `gate explain --finding`: why there is a finding, or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.company import Clone

from gate.names.analysis import Analysis
from gate.names.run import main
from gate.names.trace import trace

MODELS = "class Shop:\n    def sell(self, thing): ...\n"
MAIN = """\
import json
from shop.models import Shop


def main(text, settings):
    shop = Shop()
    shop.slel("tea")  # attribute
    text.startswith("a"), text.starts_with("#")  # use
    json.laods(text)  # member
    shop.sell("tea", 2)  # many
    shop.sell(thingg="tea")  # keyword
    return lenn(text)  # name


def quiet(text):
    json.laods(text)  # gate: ignore[unknown-member]
    Shop().open()  # setattr
    return text.upper()  # nothing


setattr(Shop, "open", quiet)
"""
EXPECTED = {
    "attribute": [
        "`Shop` has no attribute `slel`",
        "`slel` → `sell` on line",
        "`shop` is an instance of `Shop` (module `shop.models`, line 1)",
        "line 6: shop = Shop()",
        "no class or assignment of the project defines an attribute `slel`",
        "closest: `sell`",
    ],
    "use": [
        "`text` is of unknown type",
        "it is used like a `str` (evidence: likely)",
        "closest: `startswith` (used once)",
        "none is certain",
    ],
    "member": ["`json` is the module `json`", "line 1: import json", "closest: `loads`"],
    "many": ["`shop.sell` is the function `sell` (module `shop.models`, line 2)", "none is certain"],
    "keyword": ["`shop.sell` is the function `sell`", "closest: `thing`"],
    "name": ["Undefined name `lenn`", "closest: `len`"],
    "gate: ignore[unknown-member]": [
        "`json` has no attribute `laods`",
        "a comment on the line suppresses it",
        "no finding",
    ],
    "setattr": [
        "not reported: unknown-attribute: `Shop` has no attribute `open`",
        "`open` is defined",
        "no finding",
    ],
    "nothing": ["no finding"],
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").touch()
    (root / "shop" / "models.py").write_text(MODELS)
    (root / "shop" / "main.py").write_text(MAIN)
    (root / "setup.cfg").write_text("[options.entry_points]\nconsole_scripts =\n  shop = shop.main:mian\n")
    return root


def traced(root: Path, path: str, line: int) -> str:
    return "\n".join(trace(Analysis(root, None, None), path, line))


@pytest.mark.parametrize("marked", EXPECTED)
def test_a_trace_shows_what_led_to_a_finding_or_to_none(tree: Path, marked: str) -> None:
    number = next(number for number, line in enumerate(MAIN.splitlines(), 1) if line.endswith(f"# {marked}"))
    text = traced(tree, "shop/main.py", number)
    assert [part for part in EXPECTED[marked] if part not in text] == []


def test_a_line_of_settings_shows_its_rule(tree: Path) -> None:
    text = traced(tree, "setup.cfg", 3)
    assert "unknown-reference" in text
    assert "fix:       `mian` → `main` on line 3" in text


@pytest.mark.parametrize("place", ["shop/main.py", "shop/main.py:seven", "nowhere.py:7"])
def test_a_place_that_is_none_is_a_usage_error(
    tree: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--root", str(tree), "--trace", place])
    assert exit_info.value.code == 2
    assert "--trace" in capsys.readouterr().err


def test_gate_explains_a_finding_of_the_working_tree(project: Clone) -> None:
    folder = project.path / "deep"
    folder.mkdir()
    (folder / "example.py").write_text("import json\n\njson.laods('1')\n")
    for place in ("deep/example.py:3", "deep/example.py:3:6"):
        shown = project.gate("explain", "--finding", place)
        assert shown.code == 0
        assert "`json` is the module `json`" in shown.out
    assert re.search("no finding", project.gate("explain", "--finding", "deep/example.py:1").out)
    for wrong in ("deep/example.py", "deep/other.py:3"):
        assert project.gate("explain", "--finding", wrong).code == 2
    assert project.gate("explain", "owners", "--finding", "deep/example.py:3").code == 2
