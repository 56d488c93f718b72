"""Render pages about rules from the rules' modules: for `gate explain`, SARIF, and docs/names.md."""

from __future__ import annotations

from collections.abc import Iterator

from gate.names.rules import FORMER_IDS, RULES, load
from gate.names.rules.rule import MARK, Example, Rule


def page(rule: str) -> str:
    """Return the page that `gate explain RULE` shows."""
    return "\n".join(_page(load(rule)))


def page_of_former(rule: str) -> str:
    """Return the page that `gate explain` shows for a rule's former id."""
    now = FORMER_IDS[rule]
    names = " and ".join(f"`{name}`" for name in now)
    return "\n\n".join([f"Now called {names}.", *map(page, now)])


def _page(rule: Rule) -> Iterator[str]:
    yield rule.SUMMARY
    yield ""
    yield rule.WHY
    for title, examples in (("Reported:", rule.BAD), ("Not reported:", rule.GOOD)):
        if examples:
            yield ""
            yield title
        for example in examples:
            yield ""
            yield from _shown(example)
    yield ""
    yield f"To ignore one line, add `# gate: ignore[{rule.ID}]`. That weakens a check, so a guardian must approve it."
    yield f"To turn the rule off, set `checks: {{names: {{disable: [{rule.ID}]}}}}` in gate.yaml."


def _shown(example: Example) -> Iterator[str]:
    for path, text in example.items():
        if len(example) > 1 or not path.endswith(".py"):
            yield f"  {path}:"
        for line in text.splitlines():
            code, _, hint = line.partition(MARK)
            yield f"    {code}# {hint.strip()}" if hint.strip() else f"    {code}".rstrip()


def table() -> str:
    """Return the table of rules for docs/names.md."""
    rows = [f"| `{rule}` | {load(rule).SUMMARY} |" for rule in RULES]
    return "\n".join(("| rule | reports |", "| --- | --- |", *rows))
