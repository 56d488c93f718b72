"""Parse `owners` and `approvals` in `require`: who must approve, with rules per path."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import get_args

import yaml

from gate.policy.reading import Reader, is_null, is_text
from gate.policy.types import ApprovalRule, OwnersRequired, Role, Stale, Unowned
from gate.policy.value_kinds import NAME, named

ROLES: tuple[str, ...] = get_args(Role)
PEOPLE = "a person or a team, such as @acme/security"
BRACKET = re.compile(r"(?<!\\)(?:\\\\)*[\[\]]")


def read_owners(reader: Reader, node: yaml.Node, path: str) -> OwnersRequired | None:
    """Parse `owners`: a mapping, `true`, or `false`, which becomes None."""
    names = reader.list_of(partial(named, reader, PEOPLE))
    fields = reader.fields(
        {
            "stale": reader.choice(get_args(Stale)),
            "need": partial(_need, reader),
            "unowned": lambda node, path: _unowned(reader, node, path),
            "optional": names,
            "author": partial(_author, reader),
            # `enforce` was removed earlier; listing it here only makes it an allowed key.
            "enforce": reader.boolean,
        }
    )

    def read(node: yaml.Node, path: str) -> OwnersRequired:
        values = fields(node, path)
        unowned = values.pop("unowned", None)
        values.pop("enforce", None)
        required = OwnersRequired(**{**values, "explicit": True})
        if isinstance(unowned, tuple):
            return replace(required, unowned="error", fallback=unowned)
        return replace(required, unowned=unowned) if unowned else required

    return reader.switched(read, OwnersRequired(explicit=True))(node, path)


def read_approvals(reader: Reader, node: yaml.Node, path: str) -> tuple[ApprovalRule, ...]:
    """Parse `approvals`: a number, or a list of rules. The first rule that matches a file and an author applies."""
    if not isinstance(node, yaml.SequenceNode):
        need = reader.whole(node, path)
        return (ApprovalRule(need),) if need else ()
    read = reader.fields(
        {
            "need": reader.whole,
            "paths": reader.list_of(partial(pattern, reader)),
            "authors": reader.list_of(partial(_role_or_name, reader, (*ROLES, "unknown"))),
            "from": reader.list_of(partial(_role_or_name, reader, ROLES)),
        }
    )
    rules: list[ApprovalRule] = []
    for number, item in enumerate(node.value):
        item_path = f"{path}[{number}]"
        if any(not rule.paths and not rule.authors for rule in rules):
            reader.wrong(
                item,
                item_path,
                "never applies: an earlier rule matches every file and author; put that rule last",
            )
        values = read(_without_enforce(reader, item, item_path), item_path)
        for key in {"paths", "authors", "from"} & values.keys():
            if not values[key]:
                reader.wrong(item, f"{item_path}.{key}", "expected at least one; leave it out for any")
        if is_null(item):
            reader.expected(item, item_path, "a rule such as {paths: [db/], need: 2}")
        whom = values.pop("from", ())
        rules.append(ApprovalRule(**{**values, "whom": whom, "place": f"[{number}]"}))
    return tuple(rules)


def _without_enforce(reader: Reader, item: yaml.Node, path: str) -> yaml.Node:
    """Return the rule without the key `enforce`, which is reported together with the form that works."""
    if not isinstance(item, yaml.MappingNode):
        return item
    rest = [(key, value) for key, value in item.value if key.value != "enforce"]
    for key, _ in item.value:
        if key.value == "enforce":
            form = "`approvals: {rules: [...], enforce: false}`"
            reader.wrong(key, f"{path}.enforce", f"all rules are enforced, or none is: write {form}")
    return yaml.MappingNode(item.tag, rest, item.start_mark, item.end_mark, item.flow_style)


def pattern(reader: Reader, node: yaml.Node, path: str) -> str:
    """Parse a path pattern in the syntax of GitHub's CODEOWNERS."""
    text = reader.text(node, path)
    expectation = ""
    if not text.strip("/") or text != text.strip():
        expectation = "a pattern such as `docs/`, `*.lock` or `/src/**`"
    elif text.startswith(("!", "#")):
        expectation = "a pattern that does not begin with `!` or `#`; the first matching rule applies"
    elif BRACKET.search(text) or "***" in text:
        expectation = r"a pattern with only `*`, `**`, and `?`; write `\[` and `\]` for brackets"
    # `reader.text` reports values of other types.
    if expectation and is_text(node):
        reader.expected(node, path, expectation)
    return text


def _need(reader: Reader, node: yaml.Node, path: str) -> int | str:
    if isinstance(node, yaml.ScalarNode) and node.value == "all":
        return "all"
    return reader.whole(node, path, 1)


def _unowned(reader: Reader, node: yaml.Node, path: str) -> Unowned | tuple[str, ...] | None:
    """Parse the rule for files without an owner: no requirement, an error, or approval by the named people."""
    if isinstance(node, yaml.SequenceNode):
        names = reader.list_of(partial(named, reader, PEOPLE))(node, path)
        if not names:
            reader.wrong(node, path, "expected at least one person or team; `allow` asks nobody")
        return names
    return reader.choice(get_args(Unowned))(node, path)


def _author(reader: Reader, node: yaml.Node, path: str) -> bool:
    flag = reader.flag(node)
    if flag is None:
        reader.expected(node, path, "true or false")
    return bool(flag)


def _role_or_name(reader: Reader, roles: tuple[str, ...], node: yaml.Node, path: str) -> str:
    text = reader.text(node, path)
    # Accept the plural: `bots` can't mean anything else.
    role = text.removesuffix("s")
    if role in roles:
        return role
    if is_text(node) and not NAME.fullmatch(text):
        reader.expected(node, path, f"a person, a team, or one of {', '.join(roles)}")
    return text
