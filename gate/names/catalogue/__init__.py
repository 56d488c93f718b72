"""Every rule of the `names` check: what it says, why the mistake fails late, and examples that are its tests.

Only who asks about a rule imports this; the check itself knows the rules by their ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gate.names.catalogue import beyond, calls, spelling
from gate.names.catalogue.rule import MARK, Example, Rule

CATALOGUE: Mapping[str, Rule] = {rule.id: rule for rule in (*spelling.RULES, *calls.RULES, *beyond.RULES)}
"""Every rule by its id, in the order in which documents show them."""

FORMER_IDS: Mapping[str, tuple[str, ...]] = {
    "misspelt-import": ("unknown-module", "unknown-member"),
    "misspelt-member": ("unknown-member",),
    "misspelt-name": ("undefined-name",),
    "misspelt-attribute": ("unknown-attribute",),
    "misspelt-keyword": ("unexpected-keyword",),
    "misspelt-export": ("undefined-export",),
    "misspelt-reference": ("unknown-reference",),
}
"""Ids that rules had before 0.2.0, with the rules that they are now: comments and policies may still use them."""


def current_ids(rule: str) -> tuple[str, ...]:
    """The rules that an id names, whether it is today's or a former one; nothing where there is no such rule."""
    return (rule,) if rule in CATALOGUE else FORMER_IDS.get(rule, ())


__all__ = ["CATALOGUE", "FORMER_IDS", "MARK", "Example", "Rule", "current_ids", "page", "table"]


def page(rule: Rule) -> str:
    """What `gate explain RULE` shows."""
    return "\n".join(_page(rule))


def page_of_former(rule: str) -> str:
    """What `gate explain` shows about a rule by the id that it had before."""
    now = FORMER_IDS[rule]
    named = " and ".join(f"`{one}`" for one in now)
    return "\n\n".join([f"Now called {named}.", *(page(CATALOGUE[one]) for one in now)])


def _page(rule: Rule) -> Iterator[str]:
    yield rule.summary
    yield ""
    yield rule.why
    for title, examples in (("Reported:", rule.invalid), ("Not reported:", rule.valid)):
        if examples:
            yield ""
            yield title
        for example in examples:
            yield ""
            yield from _shown(example)
    yield ""
    yield f"To ignore one line, add `# gate: ignore[{rule.id}]`. That weakens a check, so a guardian must approve it."
    yield f"To turn the rule off, set `checks: {{names: {{disable: [{rule.id}]}}}}` in gate.yaml."


def _shown(example: Example) -> Iterator[str]:
    for path, text in example.items():
        if len(example) > 1 or not path.endswith(".py"):
            yield f"  {path}:"
        for line in text.splitlines():
            yield f"    {line.replace(MARK, '# ')}".rstrip()


def table() -> str:
    """The table of rules in docs/names.md."""
    rows = [f"| `{rule.id}` | {rule.summary} |" for rule in CATALOGUE.values()]
    return "\n".join(("| rule | reports |", "| --- | --- |", *rows))
