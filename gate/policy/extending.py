"""Resolve `extends`: a policy shared by several repositories, with a copy stored in each. Pure.

The copy comes with a proof that it is the content at the pinned commit: the commit, the trees on the path to the file,
and the file, each matching the hash in the one before. Reading a policy therefore never fetches anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from gate.json_input import parse_json
from gate.model import OID
from gate.policy.files import PROOF, SHARED
from gate.policy.reading import Reader, joined
from gate.policy.sections import read_policy
from gate.policy.types import Extends

OWN = frozenset({"version", "extends", "repository"})
"""Keys that aren't inherited: every policy has its own."""
UPDATE = "`gate init --extends` fetches and stores it"


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored copy of a shared policy, and the proof that it is the content at the pinned commit."""

    policy: bytes
    proof: bytes


def read_extends(reader: Reader, node: yaml.Node, path: str) -> Extends:
    """Parse the section `extends`."""
    values = reader.fields({"repository": reader.text, "commit": reader.text, "file": reader.text})(
        node, path
    )
    for name, what in (("repository", "the address of a repository"), ("commit", "the id of a commit")):
        if not values.get(name):
            reader.wrong(node, path, f"expected `{name}`, {what}")
    commit = values.get("commit", "")
    if commit and not OID.fullmatch(commit):
        # A branch or a tag could be moved, and the requirements with it.
        reader.wrong(node, f"{path}.commit", f'expected the full id of a commit, got "{commit}"')
    return Extends(values.get("repository", ""), commit, values.get("file") or "gate.yaml")


def merged(reader: Reader, root: yaml.Node, stored: Stored | None) -> tuple[yaml.Node, Extends | None]:
    """Merge a policy over the one it extends, and return both the result and the reference. Mistakes go to the
    reader.
    """
    node = _entry(root, "extends")
    if node is None:
        return root, None
    extends = read_extends(reader, node, "extends")
    if reader.mistakes:
        return root, extends
    named = f"{extends.file} of {extends.repository}"
    problem = "it is not stored here" if stored is None else unproven(extends, stored)
    if problem or stored is None:
        reader.wrong(node, "extends", f"{named} at {extends.commit[:12]}: {problem}; {UPDATE}")
        return root, extends
    below = Reader(f"{extends.repository}:{extends.file}")
    shared = below.root(stored.policy)
    if _entry(shared, "extends") is not None:
        reader.wrong(node, "extends", f"{named} extends another policy itself, which isn't supported")
    elif shared is not None:
        # Read it separately first, so that its mistakes are reported with its own file and line.
        read_policy(below, shared)
    reader.mistakes += below.mistakes
    if not isinstance(shared, yaml.MappingNode) or not isinstance(root, yaml.MappingNode):
        return root, extends
    overridable = _entry(shared, "overridable")
    _refuse_others(reader, root, "", below.words(overridable, "overridable") if overridable else ())
    return _over(shared, root), extends


def unproven(extends: Extends, stored: Stored) -> str:
    """Return why the copy isn't proven to be the content at the commit, or ""."""
    try:
        proof = parse_json(stored.proof)
        commit = base64.b64decode(proof["commit"], validate=True)
        trees = [base64.b64decode(tree, validate=True) for tree in proof["trees"]]
    except (ValueError, KeyError, TypeError):
        return f"{PROOF} cannot be read"
    algorithm = "sha256" if len(extends.commit) == 64 else "sha1"
    if _oid("commit", commit, algorithm) != extends.commit:
        return f"{PROOF} is about another commit"
    blob = commit.partition(b"\n")[0].removeprefix(b"tree ").decode("ascii", "replace")
    parts = extends.file.split("/")
    if len(trees) != len(parts):
        return f"{PROOF} is about another file"
    for name, tree in zip(parts, trees, strict=True):
        if _oid("tree", tree, algorithm) != blob:
            return f"{PROOF} does not belong together"
        blob = _child(tree, name, len(extends.commit) // 2)
    if _oid("blob", stored.policy, algorithm) != blob:
        return f"{SHARED} is not what the commit holds"
    return ""


def proof_of(commit: bytes, trees: Sequence[bytes]) -> bytes:
    """Return the proof to store: the raw commit, and the raw trees from the root to the file's folder."""
    encoded = {
        "commit": base64.b64encode(commit).decode(),
        "trees": [base64.b64encode(t).decode() for t in trees],
    }
    return json.dumps(encoded, indent=1).encode() + b"\n"


def _oid(kind: str, data: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, b"%s %d\0%s" % (kind.encode(), len(data), data)).hexdigest()


def _child(tree: bytes, name: str, width: int) -> str:
    """Return the object id of an entry in a raw tree, or ""."""
    position = 0
    while position < len(tree):
        end = tree.find(b"\0", position)
        if end < 0:
            return ""
        entry = tree[position:end].partition(b" ")[2]
        oid = tree[end + 1 : end + 1 + width]
        if entry == name.encode("utf-8", "surrogateescape"):
            return oid.hex()
        position = end + 1 + width
    return ""


def _refuse_others(reader: Reader, node: yaml.Node, path: str, allowed: Sequence[str]) -> None:
    """Report every key that the shared policy doesn't allow others to override."""
    for name, key, value in reader.entries(node, path):
        key_path = joined(path, name)
        if (not path and name in OWN) or key_path in allowed:
            continue
        deeper = [allowed_path for allowed_path in allowed if allowed_path.startswith(f"{key_path}.")]
        if deeper and isinstance(value, yaml.MappingNode):
            _refuse_others(reader, value, key_path, allowed)
        else:
            open_keys = f"it allows {', '.join(allowed)}" if allowed else "it allows nothing"
            reader.wrong(key, key_path, f"the shared policy doesn't allow overriding this; {open_keys}")


def _over(below: yaml.MappingNode, above: yaml.MappingNode) -> yaml.MappingNode:
    """Merge two mappings recursively. Values in `above` take precedence."""
    pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {
        str(key.value): (key, value) for key, value in below.value if key.value != "overridable"
    }
    for key, value in above.value:
        name = str(key.value)
        if name == "extends":
            continue
        base_node = pairs[name][1] if name in pairs else None
        if isinstance(value, yaml.MappingNode) and isinstance(base_node, yaml.MappingNode):
            value = _over(base_node, value)
        pairs[name] = (key, value)
    return yaml.MappingNode(
        above.tag, list(pairs.values()), above.start_mark, above.end_mark, above.flow_style
    )


def _entry(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if getattr(key, "value", None) == name), None)
