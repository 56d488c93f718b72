"""Which paths of a working tree are tracked by git: what the change could have written is never an environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gate.git.repository import Repository
from gate.model import encode_path


@dataclass(frozen=True, slots=True)
class Tracked:
    """What git tracks below a working tree: in any of `trees` (tree or commit ids), or in the index."""

    repository: Repository | None = None
    trees: tuple[str, ...] = ()

    def holds(self, path: Path) -> str:
        """The first path that git tracks at or below `path`, or by which `path` is reached; empty if there is none.

        Links are followed: a link that git tracks chooses what it points to.
        """
        return next((path_inside for path_inside in self._places(path) if self._tracks(path_inside)), "")

    def _places(self, path: Path) -> Iterator[str]:
        """The places in the working tree that `path` stands for: itself, the links on its way, and its real place."""
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

    def _tracks(self, inside: str) -> bool:
        # The working tree itself: whatever is in the repository is in it.
        if inside == "." or "\n" in inside or self.repository is None:
            return True
        path = encode_path(inside)
        trees = [tree for tree in dict.fromkeys(self.trees) if tree]
        if any(self.repository.run("ls-tree", "-z", "--full-tree", tree, "--", path) for tree in trees):
            return True
        return bool(self.repository.run("ls-files", "--cached", "-z", "--", path))


def first_tracked(tracked: Tracked, paths: Iterable[Path]) -> str:
    """The first of `paths` that has to do with what git tracks, as a path of the working tree; empty if none has."""
    return next(filter(None, (tracked.holds(path) for path in dict.fromkeys(paths))), "")
