"""What is no look-up in Python code: settings that name objects, comments for gate, and files that are no Python."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "wrong-ignore",
        "A `# gate: ignore` that names no rule, or one that there is not.",
        """\
It silences nothing, though whoever wrote it believes that it does. An ignore names what it is about, so that
it does not hide the next mistake on the same line as well.""",
        (
            code("x = 1  # gate: ignore  # <- write which rule: `# gate: ignore[RULE]`\n"),
            code("x = 1  # gate: ignore[misspelt-nmae]  # <- did you mean `misspelt-name`?\n"),
        ),
        (
            code("import json\n\njson.laods('1')  # gate: ignore[misspelt-member]\n"),
            code("print('# gate: ignore is text here')\n"),
        ),
    ),
    Rule(
        "syntax-error",
        "A file that is no Python which this interpreter can read.",
        "Whatever imports it fails, and no other rule can see into it.",
        (code("def broken(:  # <-\n    pass\n"),),
        (code("match [1]:\n    case [first, *rest]:\n        print(first, rest)\n"),),
    ),
)
