"""Check which paths git tracks: files that a change could have written never count as an environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.git.repository import Repository
from gate.model import decode_path, encode_path

LISTED = ("--literal-pathspecs", "ls-files", "--cached", "--full-name", "-z")


@dataclass(frozen=True, slots=True)
class Tracked:
    """The paths that git tracks below a working tree: in any of `trees` (tree or commit ids), or in the index."""

    repository: Repository | None = None
    trees: tuple[str, ...] = ()

    def first(self, paths: Iterable[Path]) -> str:
        """Return the first tracked path that is at, below, or on the way to one of `paths`, or "" if there is none.

        Symlinks are followed, because a tracked symlink chooses its target. git is asked about all paths at once,
        because this is part of every commit.
        """
        relative_paths = list(dict.fromkeys(relative for path in paths for relative in self._places(path)))
        if self.repository is None or not relative_paths:
            return ""
        # The working tree itself contains everything in the repository.
        outside = next((relative for relative in relative_paths if relative == "." or "\n" in relative), "")
        tracked = self._tracked([relative for relative in relative_paths if relative != outside])
        return next(
            (relative for relative in relative_paths if relative == outside or relative in tracked), ""
        )

    def _places(self, path: Path) -> Iterator[str]:
        """Yield the paths in the working tree that lead to `path`: itself, its target, and symlinks on the way."""
        root = self.repository.work_tree if self.repository else None
        if root is None:
            return
        for base, absolute in ((root, path), (root.resolve(), path.resolve())):
            if absolute.is_relative_to(base):
                yield absolute.relative_to(base).as_posix()
        yield from (
            link.relative_to(root).as_posix()
            for link in path.parents
            if link != root and link.is_relative_to(root) and link.is_symlink()
        )

    def _tracked(self, relative_paths: Sequence[str]) -> frozenset[str]:
        """Return those of `relative_paths` that are, or contain, files in one of the trees or in the index."""
        if self.repository is None or not relative_paths:
            return frozenset()
        paths = [encode_path(relative) for relative in relative_paths]
        # git can merge one tree with the index, which saves one call.
        with_tree, *others = dict.fromkeys(filter(None, self.trees)) or [""]
        listed = self.repository.run(
            *LISTED, *([f"--with-tree={with_tree}"] if with_tree else []), "--", *paths
        )
        for tree in others:
            listed += self.repository.run("ls-tree", "-z", "--name-only", "--full-tree", tree, "--", *paths)
        names = [decode_path(name) for name in listed.split(b"\0") if name]
        return frozenset(
            relative
            for relative in relative_paths
            if any(name == relative or name.startswith(f"{relative}/") for name in names)
        )


def first_tracked(tracked: Tracked, paths: Iterable[Path]) -> str:
    """Return the first tracked path that affects one of `paths`, relative to the working tree, or ""."""
    return tracked.first(dict.fromkeys(paths))
