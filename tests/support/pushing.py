"""Real pushes to the company's server, and their preparation."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from support.company import Clone, Company, Result, isolated

EVIL = {"a.py": "import os\n"}
MOST_LINES = 15


def push(clone: Clone, *args: str, env: Mapping[str, str] | None = None) -> Result:
    """Push for real. If the server rejects it, check that the message has a few lines and that nothing has moved."""
    server = Clone(clone.path.parent / "server.git", "nobody", clone.keys)
    before = server.git("for-each-ref")
    done = subprocess.run(
        ["git", "push", *args],
        cwd=clone.path,
        env={**isolated(clone.path.parent / "home"), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    if done.returncode:
        assert server.git("for-each-ref") == before, done.stderr
        assert done.stderr.count("remote: ") <= MOST_LINES, done.stderr
        assert "\x1b[3" not in done.stderr
        assert "remote: gate:" not in done.stderr or "  help: " in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def audited(company: Company, since: str = "") -> list[str]:
    """Return the problems that an audit of main, since that commit, reports in a fresh clone."""
    result = company.clone("ada", "auditor").gate(
        "audit", "--fetch", *([f"{since}..origin/main"] if since else [])
    )
    return [] if result.code == 0 else result.out.splitlines()


def on_main(clone: Clone) -> Clone:
    clone.fetch()
    clone.git("checkout", "-q", "-B", "main", "origin/main")
    return clone


def change(
    company: Company, branch: str = "feature", files: Mapping[str, str | bytes] | None = None
) -> Clone:
    """Push a branch of the new hire's, and return the senior's clone after fetching it."""
    company.clone("newhire").commit("v2", files or {"a.py": "x = 2\n"}, branch=branch)
    senior = company.clone("nehemiah")
    senior.fetch()
    return senior


def tree_with(clone: Clone, files: Mapping[str, bytes]) -> str:
    """Write a tree with these files, at most one folder deep, and return its object id."""
    rows: dict[str, list[str]] = {}
    for name, data in files.items():
        folder, _, file = name.rpartition("/")
        oid = clone.git("hash-object", "-w", "--stdin", stdin=data)
        rows.setdefault(folder, []).append(f"100644 blob {oid}\t{file}\n")
    top = rows.pop("", [])
    for folder, lines in rows.items():
        top.append(f"040000 tree {clone.git('mktree', stdin=''.join(lines).encode())}\t{folder}\n")
    return clone.git("mktree", stdin="".join(top).encode())
