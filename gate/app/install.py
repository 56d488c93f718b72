"""Install the git hooks of a clone or a server: each calls `gate hook NAME`, after the one that was there before."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from gate.app.quick import NOTE
from gate.errors import CannotDecide, UsageError
from gate.git.repository import Repository

HOOKS = ("pre-commit", "pre-merge-commit", "pre-push")
SERVER_HOOKS = ("pre-receive",)
MARK = "# Installed by gate; `gate install --uninstall` puts back what was here before."
KEPT = ".before-gate"
SCRIPT = """\
#!/bin/sh
{mark}
# A hook that was here before runs first, and has its say.
before="$0{kept}"
python={python}
if [ ! -x "$python" ]; then
  echo "gate: $python is gone, so this hook cannot answer" >&2
  echo "  help: {help}" >&2
  exit 3
fi
{body}"""
HELP = "install gate again and run \\`gate install\\`, or \\`rm '$0'\\` to do without"
SERVER_HELP = "whoever runs this server has to install gate again, and run \\`gate install --server\\`"
# What `gate.app.quick` noted holds as long as nothing that decided it has changed.
PLAIN = """\
if [ -x "$before" ]; then "$before" "$@" || exit $?; fi
answer=
cd -P .
note=${{GIT_DIR:-.git}}/{note}
case $note in /*) ;; *) note=$PWD/$note ;; esac
[ -f "$note" ] && command . "$note" 2>/dev/null
[ "$answer" = pass ] && exit 0
exec "$python" -P -m gate hook {name} "$@"
"""
# pre-push and pre-receive are told on standard input what is pushed; both hooks must hear it.
WITH_INPUT = """\
lines=$(cat)
if [ -x "$before" ]; then printf '%s\\n' "$lines" | "$before" "$@" || exit $?; fi
printf '%s\\n' "$lines" | "$python" -P -m gate hook {name} "$@"
"""


def hooks_folder(repository: Repository) -> Path:
    """Where git looks for the hooks of this repository: `core.hooksPath`, else its own folder."""
    # gate runs git with hooks turned off, on the command line, which git then lists last.
    values = repository.attempt("config", "--type=path", "--get-all", "core.hooksPath")
    configured = [line for line in os.fsdecode(values.stdout).splitlines() if line and line != os.devnull]
    said = configured[-1] if configured else ""
    if not said:
        return repository.common_dir / "hooks"
    folder = Path(said)
    return folder if folder.is_absolute() else (repository.work_tree or repository.git_dir) / folder


@dataclass(frozen=True, slots=True)
class Installed:
    """Where which hooks are now. `kept` were there and run first; those of them that are `linked` are links."""

    folder: Path
    names: tuple[str, ...]
    kept: tuple[str, ...]
    linked: tuple[str, ...]


def install(start: Path, *, server: bool = False) -> Installed:
    """Install the hooks of a clone, or of a `server`, keeping those that are there.

    Raises UsageError in a repository of the other kind. Installing twice is installing once.
    """
    repository = Repository.find(start)
    if server and repository.work_tree is not None:
        raise UsageError(
            "this is a working clone, which nobody pushes to", "run it in the bare repository on the server"
        )
    if not server and repository.work_tree is None:
        raise UsageError(
            "this is a bare repository, which nobody commits in",
            "install the hooks in a clone; `gate install --server` protects this one",
        )
    folder = hooks_folder(repository)
    if server and folder.is_symlink():
        raise UsageError(
            f"{folder} is a link to hooks that other repositories share",
            "let a custom hook call `gate hook pre-receive`; docs/server.md says how",
        )
    names = SERVER_HOOKS if server else HOOKS
    kept = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            path = folder / name
            before = folder / f"{name}{KEPT}"
            if (path.exists() or path.is_symlink()) and not is_ours(path):
                path.replace(before)
            if before.exists() or before.is_symlink():
                kept.append(name)
            _write(path, script_of(name))
    except OSError as error:
        raise CannotDecide(f"the hooks cannot be written to {folder}: {error.strerror}") from error
    linked = tuple(name for name in kept if (folder / f"{name}{KEPT}").is_symlink())
    return Installed(folder, names, tuple(kept), linked)


def uninstall(start: Path) -> tuple[str, ...]:
    """Take the hooks away and put back what was there before; the names of the hooks that were gate's."""
    folder = hooks_folder(Repository.find(start))
    removed = []
    for name in (*HOOKS, *SERVER_HOOKS):
        path = folder / name
        before = folder / f"{name}{KEPT}"
        if not is_ours(path):
            continue
        path.unlink()
        if before.exists() or before.is_symlink():
            before.replace(path)
        removed.append(name)
    return tuple(removed)


def is_ours(path: Path) -> bool:
    """Whether the hook at `path` is one of gate's."""
    with contextlib.suppress(OSError):
        return MARK in path.read_text("utf-8", "replace")
    return False


def script_of(name: str) -> str:
    """The hook `name`: it starts the very interpreter that installed it."""
    with_input = name in {"pre-push", "pre-receive"}
    body = WITH_INPUT.format(name=name) if with_input else PLAIN.format(name=name, note=NOTE)
    way_out = SERVER_HELP if name in SERVER_HOOKS else HELP
    return SCRIPT.format(mark=MARK, kept=KEPT, python=shlex.quote(sys.executable), help=way_out, body=body)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.chmod(temporary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    temporary.replace(path)
