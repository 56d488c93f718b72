"""A company just before a command is run, and the invariants that must hold no matter how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from support.company import Clone, Company, copy_company

BRANCH = "feature"


@dataclass(frozen=True)
class Scene:
    """A company in which the senior is about to run `args`."""

    company: Company
    args: tuple[str, ...]

    def copy(self, path: Path) -> Scene:
        """Copy the scene to another place, where nothing has happened yet."""
        company = copy_company(self.company, path)
        senior = company.path / "nehemiah"
        config = senior / ".git/config"
        config.write_text(config.read_text().replace(str(self.company.path), str(path)))
        return Scene(company, self.args)

    @property
    def senior(self) -> Clone:
        return self.company.clone("nehemiah")


def ref(clone: Clone, name: str) -> str:
    return clone.git("for-each-ref", "--format=%(objectname)", name)


def kinds(clone: Clone) -> dict[str, int]:
    """Return the number of files of each kind in the log."""
    found = {"json": 0, "sig": 0, "changes": 0}
    if ref(clone, "refs/gate/log"):
        for name in clone.git("ls-tree", "-r", "--name-only", "refs/gate/log").splitlines():
            if name.startswith(("records/", "changes/")):
                found["changes" if name.startswith("changes/") else name.rpartition(".")[2]] += 1
    return found


def mine(clone: Clone) -> tuple[str, ...]:
    """Return what belongs to the user: HEAD, the index, and the files."""
    git = clone.path / ".git"
    return (
        (git / "HEAD").read_text(),
        sha256((git / "index").read_bytes()).hexdigest(),
        *(
            f"{path.name} {path.read_text()}"
            for path in sorted(clone.path.rglob("*.*"))
            if path.is_file() and ".git/" not in f"{path}"
        ),
    )


def whole(scene: Scene) -> None:
    """Check that both repositories are sound, and that each record in a log has its signature."""
    for clone in (scene.senior, scene.company.server):
        clone.git("fsck", "--strict", "--no-dangling")
        found = kinds(clone)
        assert found["json"] == found["sig"], found
