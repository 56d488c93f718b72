"""Parse `enforce: false` in a requirement, which is then evaluated and displayed but doesn't block.

A requirement that is a number or a list is written as a mapping for that: `approvals: {need: 2, enforce: false}`.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from gate.policy.reading import Reader, joined

VALUE_KEYS: Mapping[str, tuple[str, ...]] = {
    "approvals": ("need", "rules"),
    "guarded": ("from",),
    "checks": ("run",),
    "history": ("keep",),
}
"""The keys for the value of a requirement that isn't a mapping itself."""


def without_enforce(reader: Reader, node: yaml.Node, path: str) -> tuple[yaml.Node, frozenset[str]]:
    """Return the section `require` without such keys, and the requirements that aren't enforced."""
    if not isinstance(node, yaml.MappingNode):
        return node, frozenset()
    pairs, unenforced = [], set()
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        plain, enforced = _plain(reader, name, value, joined(path, name))
        pairs.append((key, plain))
        if not enforced:
            unenforced.add(name)
    return _mapping(node, pairs), frozenset(unenforced)


def _plain(reader: Reader, name: str, node: yaml.Node, path: str) -> tuple[yaml.Node, bool]:
    """Return the value of a requirement without `enforce`, and whether it is enforced."""
    if not isinstance(node, yaml.MappingNode):
        return node, True
    keys = [str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if "enforce" not in keys and not set(keys) & set(VALUE_KEYS.get(name, ())):
        return node, True
    says = [reader.boolean(value, f"{path}.enforce") for key, value in node.value if key.value == "enforce"]
    rest = [(key, value) for key, value in node.value if key.value != "enforce"]
    if len(rest) == 1 and rest[0][0].value in VALUE_KEYS.get(name, ()):
        return rest[0][1], all(says)
    if not rest and name in VALUE_KEYS:
        reader.wrong(node, path, f"expected `{VALUE_KEYS[name][0]}` beside `enforce`")
    return _mapping(node, rest), all(says)


def _mapping(like: yaml.MappingNode, pairs: list[tuple[yaml.Node, yaml.Node]]) -> yaml.MappingNode:
    return yaml.MappingNode(like.tag, pairs, like.start_mark, like.end_mark, like.flow_style)
