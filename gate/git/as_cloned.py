"""Give a checkout what a clone has besides the files: history, tags, submodules, and filtered content.

Everything is copied or borrowed from the repository, so code that runs in the checkout can't move the user's refs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gate.git.objects import tree_of
from gate.git.repository import Repository, stderr_line
from gate.model import decode_path

DEEPEST = 5
LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize \d+\n"
)
LONGEST_POINTER = 1024
NO_LFS = '[filter "lfs"]\n\tclean = cat\n\tsmudge = cat\n\tprocess =\n\trequired = false\n'
"""gate takes the content of LFS files from the local store itself; git-lfs would fetch missing files."""


@dataclass(frozen=True, slots=True)
class History:
    """The ancestors of a checkout's HEAD, and the author of the change, for tests that read git's history.

    `parents` end with the proposed commit. If one of them already has the checked tree, it becomes HEAD itself.
    """

    parents: tuple[str, ...] = ()
    name: str = ""
    email: str = ""

    def head(self, repository: Repository, tree: str) -> bytes:
        """Return the commit for `tree` as the content of a HEAD file, creating the commit if necessary."""
        for parent in reversed(self.parents):
            if tree_of(repository, parent) == tree:
                return f"{parent}\n".encode("ascii")
        parents = [word for parent in dict.fromkeys(self.parents) for word in ("-p", parent)]
        date = (
            repository.text("log", "-1", "--format=%cI", self.parents[-1])
            if self.parents
            else "@946684800 +0000"
        )
        env = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        if self.name and self.email:
            env |= {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", self.name), ("EMAIL", self.email))}  # fmt: skip
        else:
            env |= {f"GIT_{who}_{what}": f"gate{'@localhost' * (what == 'EMAIL')}"
                    for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
        return repository.run("commit-tree", tree, *parents, "-m", "The tree that gate checks", env=env)


def refs_of(repository: Repository) -> bytes:
    """Return tags and remote branches in the format of `packed-refs`, without gate's own refs."""
    listed = repository.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags", "refs/remotes")
    lines = [line for line in listed.split(b"\n") if line and not line.endswith(b"/HEAD")]
    return b"".join(line + b"\n" for line in sorted(lines, key=lambda line: line.partition(b" ")[2]))


def filter_settings(repository: Repository) -> str:
    """Return the user's smudge and clean filters as git settings. A change can name a filter but never define one."""
    settings = repository.attempt("config", "--null", "--get-regexp", r"^filter\.")
    lines: list[str] = []
    for item in os.fsdecode(settings.stdout).split("\0")[:-1]:
        key, _, value = item.partition("\n")
        _, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if name != "lfs" and not re.search(r'[\n"\\]', name):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f'[filter "{name}"]\n\t{variable} = "{quoted}"\n')
    return "".join(lines) + NO_LFS


def fill_lfs(repository: Repository, root: Path, paths: list[str]) -> tuple[str, ...]:
    """Replace Git LFS pointers by content from the local store, and return the paths whose content is missing."""
    missing = []
    for path in paths:
        file = root / path
        if file.is_symlink() or not file.is_file() or file.stat().st_size > LONGEST_POINTER:
            continue
        pointer = LFS_POINTER.fullmatch(file.read_bytes())
        if pointer is None:
            continue
        oid = pointer[1].decode("ascii")
        stored = repository.common_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
        try:
            content = stored.read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() == oid:
            file.write_bytes(content)
        else:
            missing.append(path)
    return tuple(missing)


def filtered_paths(raw: bytes) -> Iterator[tuple[str, str]]:
    """Parse the output of `git check-attr -z --stdin filter` into pairs of path and filter name."""
    fields = raw.split(b"\0")
    for path, value in zip(fields[0::3], fields[2::3], strict=False):
        name = value.decode("utf-8", "replace")
        if name not in {"unspecified", "unset", "set", ""}:
            yield decode_path(path), name


def submodule_store(repository: Repository, path: str, name: str, commit: str) -> Path | None:
    """Return the git directory that contains the submodule's commit, or None if this machine has none."""
    folders = [repository.common_dir / "modules" / name, repository.common_dir / "modules" / path]
    if repository.work_tree:
        dot_git = repository.work_tree / path / ".git"
        folders.append(dot_git)
        if dot_git.is_file():
            target = dot_git.read_text("utf-8", "surrogateescape").removeprefix("gitdir:").strip()
            folders[-1] = Path(os.path.normpath(dot_git.parent / target))
    for folder in dict.fromkeys(folders):
        if (folder / "HEAD").is_file():
            result = repository.attempt(
                "cat-file", "-e", f"{commit}^{{commit}}", env={"GIT_DIR": str(folder)}
            )
            if result.returncode == 0:
                return folder
    return None


def submodule_names(modules: Path) -> dict[str, str]:
    """Return the name of each submodule by path, as listed in a `.gitmodules` file."""
    try:
        text = modules.read_text("utf-8", "surrogateescape")
    except OSError:
        return {}
    names, name = {}, ""
    for line in text.splitlines():
        if section := re.match(r'\s*\[submodule "(.*)"\]', line):
            name = section[1]
        elif path := re.match(r"\s*path\s*=\s*(.*?)\s*$", line):
            names[path[1].strip('"')] = name
    return {
        path: name for path, name in names.items() if ".." not in name.split("/") and not name.startswith("/")
    }


def fill_submodules(
    repository: Repository, root: Path, gitlinks: dict[str, str], index: Path, depth: int = 0
) -> list[str]:
    """Check out each submodule of `root` whose commit is available, and return the paths of the others.

    `gitlinks` maps paths to commits. `index` is a scratch file used as the index of each submodule in turn.
    """
    absent = []
    names = submodule_names(root / ".gitmodules")
    for path, commit in gitlinks.items():
        folder = root / path
        store = submodule_store(repository, path, names.get(path, path), commit) if depth < DEEPEST else None
        if store is None or folder.is_symlink():
            absent.append(path)
            continue
        index.unlink(missing_ok=True)
        env = {"GIT_DIR": str(store), "GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)}
        done = repository.attempt("read-tree", commit, env=env)
        done = (
            repository.attempt("checkout-index", "--all", "--force", env=env) if not done.returncode else done
        )
        if done.returncode:
            absent.append(f"{path} ({stderr_line(done)})")
            continue
        staged = repository.run("ls-files", "--stage", "-z", env=env)
        inner = Repository(store, store, folder)
        absent += [
            f"{path}/{name}" for name in fill_submodules(inner, folder, gitlinks_in(staged), index, depth + 1)
        ]
    index.unlink(missing_ok=True)
    return absent


def gitlinks_in(staged: bytes) -> dict[str, str]:
    """Parse the output of `git ls-files --stage -z` and return the commit of each submodule by path."""
    entries = (entry.partition(b"\t") for entry in staged.split(b"\0") if entry.startswith(b"160000 "))
    return {decode_path(path): head.split()[1].decode("ascii") for head, _, path in entries}
