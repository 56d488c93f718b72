"""A `# gate: ignore` without a rule, or with an unknown one."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from gate.finding import Finding
from gate.names.rules import RULES
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code

ID = "wrong-ignore"
SUMMARY = "A `# gate: ignore` without a rule, or with an unknown one."
WHY = """\
The comment has no effect, although its author expects one. It must name the rule, so that it doesn't hide the next
mistake on the same line."""
BAD: Examples = (
    code("x = 1  # gate: ignore  # <- name the rule: `# gate: ignore[RULE]`\n"),
    code("x = 1  # gate: ignore[undefined-nmae]  # <- did you mean `undefined-name`?\n"),
)
GOOD: Examples = (
    code("import json\n\njson.laods('1')  # gate: ignore[unknown-member]\n"),
    code("print('# gate: ignore is text here')\n"),
)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for comments that ignore nothing."""
    for mistake in context.suppressions.mistakes:
        position = mistake.line, mistake.column, mistake.line
        if not mistake.rule:
            message, hint = (
                "`# gate: ignore` without a rule has no effect",
                "name the rule: `# gate: ignore[RULE]`",
            )
        else:
            close = get_close_matches(mistake.rule, RULES, 1)
            message = f"Unknown rule `{mistake.rule}`"
            hint = f"did you mean `{close[0]}`?" if close else "`gate explain names` lists the rules"
        yield Finding(context.path, *position, ID, "error", message, hint)
