"""Honor other checkers' suppression comments on the line of a finding: someone has accepted the code already.

Typos are reported anyway: a word one typo away from the right one isn't a matter of opinion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gate.finding import Finding
from gate.names.spelling.similarity import is_common_typo

_TYPES = re.compile(r"#\s*(?:type|pyright|ty|pyrefly)\s*:\s*ignore(?:\s*\[([^\]]*)\])?")
_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*([A-Z0-9, ]+))?", re.IGNORECASE)
_PYLINT = re.compile(r"#\s*pylint\s*:\s*disable\s*=\s*([\w\-, ]+)")
_CODES = {
    "undefined-name": {"name-defined", "undefined-variable", "used-before-def", "F821", "F405"},
    "unknown-attribute": {"attr-defined", "union-attr", "no-member", "misc", "assignment", "index",
                          "func-returns-value"},
    "unknown-member": {"attr-defined", "no-member", "misc", "no-name-in-module", "import-error", "import"},
    "unknown-module": {"import", "import-not-found", "import-untyped", "no-name-in-module", "import-error"},
    "undefined-export": {"F822", "undefined-all-variable", "name-defined"},
    "unexpected-keyword": {"call-arg", "call-overload", "unexpected-keyword-arg", "misc", "arg-type"},
    "wrong-call": {"call-arg", "operator", "call-overload", "misc", "index", "no-value-for-parameter", "not-callable",
                   "too-many-function-args", "unsubscriptable-object", "attr-defined", "arg-type", "valid-type"},
    "wrong-format": {"str-format", "str-bytes-safe", "bad-format-string", "too-few-format-args", "too-many-format-args",
                     "logging-too-few-args", "logging-too-many-args", "missing-format-string-key", "misc", "arg-type",
                     "F501", "F502", "F503", "F505", "F506", "F507", "F509", "F521", "F524", "F525", "PLE1205",
                     "PLE1206", "PLE1300", "PLE1307"},
    "wrong-operand": {"operator", "misc", "unsupported-binary-operation", "comparison-with-callable", "F633", "index",
                      "not-an-iterable", "unsubscriptable-object", "invalid-unary-operand-type", "attr-defined",
                      "unsupported-membership-test", "arg-type", "func-returns-value", "call-overload", "union-attr"},
    "wrong-exception": {"misc", "raising-bad-type", "raising-non-exception", "notimplemented-raised", "F901",
                        "catching-non-exception", "bad-exception-cause"},
    "wrong-argument": {"arg-type", "call-overload", "type-var", "misc"},
    "wrong-json-argument": {"arg-type", "call-overload", "misc"},
    "missing-await": {"unused-coroutine", "attr-defined", "operator", "truthy-function", "misc", "union-attr"},
}  # fmt: skip
"""The codes of other checkers for the same mistakes. All codes of pyright start with `report`."""


def without_suppressed_elsewhere(findings: Iterator[Finding], lines: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings that no comment on their first or last line suppresses for another checker."""
    for finding in findings:
        if _is_typo(finding) or not any(
            _acknowledges(lines[line - 1], finding.rule)
            for line in {finding.line, finding.end_line}
            if 0 < line <= len(lines)
        ):
            yield finding


def _acknowledges(line: str, rule: str) -> bool:
    if "#" not in line or rule not in _CODES:
        return False
    codes_of_rule = _CODES[rule]
    for pattern in (_TYPES, _NOQA, _PYLINT):
        for match in pattern.finditer(line):
            codes = {code.strip() for code in re.split(r"[, ]+", match[1] or "") if code.strip()}
            if pattern is _NOQA and not codes:
                # A bare `noqa` often refers to line length.
                continue
            if not codes or codes & codes_of_rule or any(code.startswith("report") for code in codes):
                return True
    return False


def _is_typo(finding: Finding) -> bool:
    """Return whether the word is a common typo of the suggested one, and they don't just differ in case."""
    words = re.findall(r"`(?:[^`]*\.)?(\w+)=?`", finding.message)
    suggested = re.findall(r"`(?:[^`]*\.)?(\w+)`", finding.hint)
    return bool(words and suggested) and any(
        is_common_typo(word, suggested[0]) and word.casefold() != suggested[0].casefold() for word in words
    )
