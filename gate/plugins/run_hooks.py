"""Run the hooks of `.pre-commit-config.yaml` one after the other: `python run_hooks.py REPORT IDS FILES -- PROGRAM…`.

IDS and FILES are files that list the hooks, and the files to run them on, separated by NUL. For each hook, a line of
JSON is written to REPORT: its exit code, its output, and its changes to the tree as a diff. Its changes are then added
to the index, so that those of the next hook can be distinguished.
"""

from __future__ import annotations

import json
import subprocess
import sys

DIFF = (
    "git",
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-renames",
    "-U1",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)

ADD = ("git", "add", "--update")


def text_of(data: bytes) -> str:
    """Decode a program's output without losing anything."""
    return data.decode("utf-8", "surrogateescape")


def run() -> int:
    """Run every hook. Always returns 0."""
    _, report, ids, files, _, *program = sys.argv
    with open(ids, "rb") as file:
        hooks = [text_of(name) for name in file.read().split(b"\0") if name]
    with open(files, "rb") as file:
        paths = [text_of(name) for name in file.read().split(b"\0") if name]
    with open(report, "w", encoding="ascii") as out:
        for hook in hooks:
            argv = [*program, "run", hook, "--color", "never", "--files", *paths]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            diff = subprocess.run([*DIFF], capture_output=True, check=False).stdout
            if diff:
                subprocess.run([*ADD], capture_output=True, check=False)
            printed = text_of(done.stdout + done.stderr)
            line = {
                "hook": hook,
                "code": done.returncode,
                "output": printed[-20000:],
                "diff": text_of(diff)[:500_000],
            }
            out.write(json.dumps(line) + "\n")
        out.write(json.dumps({"finished": True}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run())
