"""Forge log entries as attackers would: records with any content, signed by anyone or not at all."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from support.company import Clone

from gate.approvals.record import Record, record_id, serialise
from gate.log.paths import record_path, signature_path

BRANCH = "feature"


def put(clone: Clone, files: dict[str, bytes], *, drop: tuple[str, ...] = (), force: bool = False) -> None:
    """Write files into the log by hand and push it, as somebody would do without `gate approve`."""
    index = {"GIT_INDEX_FILE": str(clone.path / ".git" / "attack-index")}
    known = clone.git("for-each-ref", "--format=%(objectname)", "refs/gate/log")
    if known:
        clone.git("read-tree", known, env=index)
    for name, data in files.items():
        oid = clone.git("hash-object", "-w", "--stdin", stdin=data)
        clone.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{name}", env=index)
    for name in drop:
        clone.git("update-index", "--force-remove", name, env=index)
    tree = clone.git("write-tree", env=index)
    parents = ["-p", known] if known and not force else []
    commit = clone.git("commit-tree", tree, *parents, "-m", "log")
    clone.git("update-ref", "refs/gate/log", commit)
    clone.git("push", "-q", *(["-f"] if force else []), "origin", "refs/gate/log")


def sign(clone: Clone, data: bytes, key: str, namespace: str = "gate@v1") -> bytes:
    """Return the signature that ssh-keygen makes for `namespace`."""
    argv = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", clone.key(key)]
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


def forged(clone: Clone, **fields: Any) -> Record:
    """Return a record about the current feature branch, with any fields the attacker wants."""
    change = clone.verdict(BRANCH)["change"]
    made: dict[str, Any] = {
        "kind": "approve",
        "repository": "acme/shortener",
        "into": "refs/heads/main",
        "base": change["base"],
        "head": change["head"],
        "change": change["digest"],
        "by": "@nehemiah",
        "at": int(time.time()),
        "nonce": "0" * 32,
    }
    return Record(**{**made, **fields})


def plant(clone: Clone, record: Record, key: str, namespace: str = "gate@v1") -> str:
    """Add a record, signed with `key`, to the log. Return its id."""
    data = serialise(record)
    identity = record_id(data)
    put(clone, {record_path(identity): data, signature_path(identity): sign(clone, data, key, namespace)})
    return identity
