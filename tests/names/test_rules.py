"""The module of a rule is all there is of it: its examples are tests, and its pages come from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.company import Clone

from gate.names.rules import RULES, load
from gate.names.rules.pages import page, table
from gate.names.rules.rule import MARK, Example, Rule
from gate.names.run import check

ROOT = Path(__file__).parents[2]
INVALID = [(rule, example) for rule in RULES for example in load(rule).BAD]
VALID = [(rule, example) for rule in RULES for example in load(rule).GOOD]


def found(folder: Path, example: Example) -> list[tuple[str, int, str, str]]:
    """Path, line, rule and hint of what is found in an example, from which the marks are taken out first."""
    for name, text in example.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(rf" *{re.escape(MARK)}.*", "", text))
    _, findings = check(folder, None, None)
    return [(item.path, item.line, item.rule, item.hint) for item in findings]


def marked(example: Example, rule: str) -> list[tuple[str, int, str, str]]:
    """What the marks of an example promise."""
    return [
        (name, number, rule, line.partition(MARK)[2].strip())
        for name, text in example.items()
        for number, line in enumerate(text.splitlines(), 1)
        if MARK in line
    ]


def test_every_module_of_a_rule_is_listed_under_its_id_and_has_examples_of_both_kinds() -> None:
    for rule in RULES:
        module = load(rule)
        assert isinstance(module, Rule)
        assert rule == module.ID
        assert module.BAD
        assert module.GOOD
    folder = ROOT / "gate" / "names" / "rules"
    with_ids = {
        path.stem for path in folder.glob("*.py") if re.search(r"^ID = ", path.read_text(), re.MULTILINE)
    }
    assert with_ids == set(RULES.values())


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "example"), INVALID)
def test_an_invalid_example_yields_its_rule_at_the_mark_and_nothing_else(
    tmp_path: Path, rule: str, example: Example
) -> None:
    expected = marked(example, rule)
    assert len(expected) == 1
    assert found(tmp_path, example) == expected


@pytest.mark.parametrize(("rule", "example"), VALID)
def test_a_valid_example_yields_nothing(tmp_path: Path, rule: str, example: Example) -> None:
    assert found(tmp_path, example) == []


def test_a_page_fits_a_terminal_and_says_how_to_switch_the_rule_off() -> None:
    for rule in RULES:
        text = page(rule)
        assert load(rule).SUMMARY in text
        assert f"# gate: ignore[{rule}]" in text
        assert max(map(len, text.splitlines())) <= 120
        assert MARK not in text


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_inspects_nodes_says_which(rule: str) -> None:
    module = load(rule)
    assert not hasattr(module, "inspect") or vars(module)["NODES"]


def test_explain_shows_the_page_of_a_rule(project: Clone) -> None:
    for rule in RULES:
        assert project.gate("explain", rule).out.strip() == page(rule).strip()
    assert "`gate explain unknown-member`" in project.gate("explain", "unknwon-member").err


def test_the_document_lists_the_rules_as_they_are() -> None:
    text = (ROOT / "docs" / "names.md").read_text()
    assert table() in text, "run python .ci/reference.py"
