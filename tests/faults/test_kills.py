"""A kill at each operation on files: of gate, of git, of the git that receives. Nothing is lost or half-written.

For each step a fresh copy of the company is made, the command is ended there, what is left is looked at, and
the command is given once more. Objects are written by git in one and the same way hundreds of times, so of
those steps (and of those in gate's own scratch tree) only some are taken; `GATE_EVERY_STEP=1` takes all.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from support.kills import KILLED, Killer, make_killer
from support.town import Clone, Said, Town, copy_town

BRANCH = "feature"
EVERY = 1 if os.environ.get("GATE_EVERY_STEP") else 12
BULK = re.compile(r"/objects/|/gate/trees/")
LOCK = re.compile(r"(/[^\s':]+\.lock|refs/[\w/.-]+\.lock)")
ONE_DECISION = {"approve": 1, "revoke": 2}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Killer:
    return make_killer(tmp_path_factory.mktemp("killer"))


@dataclass(frozen=True)
class Scene:
    """A company in which `args` are about to be given by the senior."""

    town: Town
    args: tuple[str, ...]

    def copy(self, path: Path) -> Scene:
        """The same at another place, where nothing has happened yet."""
        town = copy_town(self.town, path)
        senior = town.path / "nehemiah"
        config = senior / ".git/config"
        config.write_text(config.read_text().replace(str(self.town.path), str(path)))
        return Scene(town, self.args)

    @property
    def senior(self) -> Clone:
        return self.town.clone("nehemiah")


def ref(clone: Clone, name: str) -> str:
    return clone.git("for-each-ref", "--format=%(objectname)", name)


def kinds(clone: Clone) -> dict[str, int]:
    """How many files of each kind the log has."""
    found = {"json": 0, "sig": 0, "changes": 0}
    if ref(clone, "refs/gate/log"):
        for name in clone.git("ls-tree", "-r", "--name-only", "refs/gate/log").splitlines():
            if name.startswith(("records/", "changes/")):
                found["changes" if name.startswith("changes/") else name.rpartition(".")[2]] += 1
    return found


def mine(clone: Clone) -> tuple[str, ...]:
    """What belongs to the user: where HEAD stands, the index, and the files."""
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
    """Both repositories are sound, and each record in a log has its signature."""
    for clone in (scene.senior, scene.town.server):
        clone.git("fsck", "--strict", "--no-dangling")
        found = kinds(clone)
        assert found["json"] == found["sig"], found


def again(scene: Scene, *args: str) -> Said:
    """Give the command once more. Where a lock stays in the way, the message must say which: it is removed then."""
    senior = scene.senior
    for _ in range(4):
        said = senior.gate_process(*args)
        if said.code == 0:
            return said
        named = {
            found
            for name in LOCK.findall(said.text)
            for found in (Path(name), senior.path / ".git" / name, scene.town.server.path / name)
            if found.is_file()
        }
        assert named, f"{said.code}: {said.text}"
        for path in named:
            path.unlink()
    pytest.fail(f"still in the way: {said.text}")


def at_each_step(scene: Scene, killer: Killer, folder: Path, look: Callable[[Scene, Scene], None]) -> None:
    """Kill at one step after the other, each in a fresh copy; `look` judges it, given the scene as it was too."""
    rehearsal = scene.copy(folder / "rehearsal")
    paths = killer.steps(rehearsal.senior, *scene.args, below=rehearsal.town.path)
    assert len(paths) > 50
    steps = [n for n, path in enumerate(paths, 1) if not BULK.search(path) or n % EVERY == 0]

    def one(at: int) -> str:
        copy = scene.copy(folder / f"at-{at}")
        where = f"step {at}, at {paths[at - 1].removeprefix(str(rehearsal.town.path))}"
        try:
            code, said = killer.run(copy.senior, *scene.args, below=copy.town.path, at=at)
            assert code in {KILLED, 0}, said
            whole(copy)
            look(copy, scene)
        except (AssertionError, OSError, pytest.fail.Exception) as error:
            return f"{where}: {error}"
        shutil.rmtree(copy.town.path)
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(one, steps) if fault]
    assert not faults, f"{len(faults)} of {len(steps)} steps:\n\n" + "\n".join(faults)


@pytest.fixture
def proposed(town: Town) -> Scene:
    """Somebody has proposed a change, and the senior has fetched it."""
    town.clone("newhire").commit("v2", {"a.py": "x = 2\n", "new.py": "n = 1\n"}, branch=BRANCH)
    senior = town.clone("nehemiah")
    senior.fetch()
    return Scene(town, ("approve", BRANCH))


@pytest.fixture
def approved(proposed: Scene) -> Scene:
    """The senior has approved it."""
    assert proposed.senior.gate("approve", BRANCH).code == 0
    return proposed


def test_approve(proposed: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        assert mine(now.senior) == mine(before.senior)
        for clone in (now.senior, now.town.server):
            assert kinds(clone) in ({"json": 0, "sig": 0, "changes": 0}, {"json": 1, "sig": 1, "changes": 1})
        again(now, *now.args)
        assert mine(now.senior) == mine(before.senior)
        assert kinds(now.senior) == {"json": 1, "sig": 1, "changes": 1}
        assert ref(now.senior, "refs/gate/log") == ref(now.town.server, "refs/gate/log")
        assert ref(now.town.server, "refs/heads/main") == ref(before.town.server, "refs/heads/main")

    at_each_step(proposed, killer, tmp_path / "copies", look)


def test_revoke(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    (approval,) = approved.senior.decisions(BRANCH)
    one, two = ({"json": n, "sig": n, "changes": 1} for n in (1, 2))

    def look(now: Scene, before: Scene) -> None:
        assert mine(now.senior) == mine(before.senior)
        for clone in (now.senior, now.town.server):
            assert kinds(clone) in (one, two)
        again(now, *now.args)
        assert kinds(now.senior) == two
        assert ref(now.senior, "refs/gate/log") == ref(now.town.server, "refs/gate/log")

    at_each_step(Scene(approved.town, ("revoke", approval["id"])), killer, tmp_path / "copies", look)


def landed(clone: Clone, before: str) -> bool:
    """Is main at a merge onto `before` now, complete with the log that it refers to? Else it must not have moved."""
    now = ref(clone, "refs/heads/main")
    if now == before:
        return False
    assert clone.git("log", "-1", "--format=%P", "main").split()[0] == before
    assert clone.git("show", "main:a.py") == "x = 2"
    witness = clone.git("log", "-1", "--format=%(trailers:key=Gate-Log,valueonly)", "main")
    clone.git("merge-base", "--is-ancestor", witness, "refs/gate/log")
    return True


def test_merge_on_the_remote(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        old = ref(before.town.server, "refs/heads/main")
        landed(now.town.server, old)
        again(now, *now.args)
        assert landed(now.town.server, old)
        assert now.senior.git("status", "--porcelain") == ""
        again(now, "audit", "--fetch")

    scene = Scene(approved.town, ("merge", BRANCH, "--push"))
    scene.senior.git("checkout", "-q", "--detach")
    at_each_step(scene, killer, tmp_path / "copies", look)


def test_merge_here(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        old = ref(before.senior, "refs/heads/main")
        assert mine(now.senior) == mine(before.senior)
        landed(now.senior, old)
        again(now, *now.args)
        assert landed(now.senior, old)
        assert mine(now.senior) == mine(before.senior)

    scene = Scene(approved.town, ("merge", BRANCH))
    scene.senior.git("checkout", "-q", "--detach")
    at_each_step(scene, killer, tmp_path / "copies", look)
