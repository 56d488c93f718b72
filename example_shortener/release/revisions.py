"""Revisions of the repository: what they are called, and what they hold, written out once."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from release.problems import CannotGo, WrongUsage
from release.processes import run


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, its first line, and who wrote it."""

    id: str
    subject: str
    author: str


def resolve(root: Path, name: str) -> Revision:
    """The commit that `name` stands for now; raises WrongUsage."""
    if name.startswith("-"):
        raise WrongUsage(f"{name}: expected a revision")
    code, said = run(
        ["git", "log", "-1", "--format=%H%x00%s%x00%an <%ae>", f"{name}^{{commit}}", "--"], cwd=root
    )
    if code:
        raise WrongUsage(f"{name}: there is no such revision in {root}")
    return Revision(*said.split("\0"))


def write_out(root: Path, revision: str, folder: Path) -> Path:
    """The folder that holds what `revision` holds, below `folder`. What is there already is not written again."""
    tree = folder / revision
    if tree.is_dir():
        return tree
    # The sample may be a folder of a larger repository: then the release is that folder.
    _, prefix = run(["git", "rev-parse", "--show-prefix"], cwd=root)
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{revision[:9]}-", dir=folder))
    packed = beside / "packed.tar"
    code, said = run(
        ["git", "archive", "--format=tar", f"--output={packed}", f"{revision}:{prefix}"], cwd=root
    )
    if code:
        shutil.rmtree(beside)
        raise CannotGo(f"git archive {revision}: {said}")
    with tarfile.open(packed) as tar:
        tar.extractall(beside, filter="data")
    packed.unlink()
    complete = (beside / "shortener" / "serving.py").is_file()
    if complete and not tree.is_dir():
        beside.rename(tree)
    else:
        shutil.rmtree(beside)
    if not complete:
        raise WrongUsage(f"{revision}: there is no shortener in it")
    return tree
