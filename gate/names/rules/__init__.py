"""The rules, one module each, with documentation, examples, messages, and the check itself.

Importing this package loads no rule, because the configuration only needs to know which rules exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.names.rules.rule import Rule

RULES: Mapping[str, str] = {
    "unknown-module": "unknown_module",
    "unknown-member": "unknown_member",
    "undefined-name": "undefined_name",
    "unknown-attribute": "unknown_attribute",
    "unknown-key": "unknown_key",
    "unexpected-keyword": "unexpected_keyword",
    "undefined-export": "undefined_export",
    "wrong-json-argument": "wrong_json_argument",
    "wrong-argument": "wrong_argument",
    "wrong-call": "wrong_call",
    "wrong-format": "wrong_format",
    "wrong-operand": "wrong_operand",
    "wrong-exception": "wrong_exception",
    "missing-await": "missing_await",
    "unknown-reference": "unknown_reference",
    "unknown-fixture": "unknown_fixture",
    "wrong-ignore": "wrong_ignore",
    "syntax-error": "syntax_error",
}
"""Every rule with its module in this package, in the order of the documentation."""

FORMER_IDS: Mapping[str, tuple[str, ...]] = {
    "misspelt-import": ("unknown-module", "unknown-member"),
    "misspelt-member": ("unknown-member",),
    "misspelt-name": ("undefined-name",),
    "misspelt-attribute": ("unknown-attribute",),
    "misspelt-keyword": ("unexpected-keyword",),
    "misspelt-export": ("undefined-export",),
    "misspelt-reference": ("unknown-reference",),
}
"""Rule ids used before 0.2.0, with the current rules: comments and policies may still use them."""


def current_ids(rule: str) -> tuple[str, ...]:
    """Return the rules that a current or former id refers to, or () if there is no such rule."""
    return (rule,) if rule in RULES else FORMER_IDS.get(rule, ())


@cache
def load(rule: str) -> Rule:
    """Import and return the module of a rule."""
    module: Rule = import_module(f"{__name__}.{RULES[rule]}")
    return module
