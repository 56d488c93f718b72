"""A kill at each operation on files: of gate, of git, of the git that receives. Nothing is lost or half-written.

For each step a fresh copy of the company is made, the command is ended there, what is left is looked at, and
the command is given once more. Objects are written by git in one and the same way hundreds of times, so of
those steps (and of those at gate's caches, or in a row at one file) only a few are taken, and of the others
every fourth; `GATE_EVERY_STEP=1` takes all.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.company import Clone, Result
from support.kills import EVERY_STEP, KILLED, STRIDE, Killer, make_killer
from support.scenes import BRANCH, Scene, kinds, mine, ref, whole

BULK_STRIDE = 1 if EVERY_STEP else 25
BULK = re.compile(r"/objects/|/\.git/gate/")
LOCK = re.compile(r"(/[^\s':]+\.lock|refs/[\w/.-]+\.lock)")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Killer:
    return make_killer(tmp_path_factory.mktemp("killer"))


def again(scene: Scene, *args: str) -> Result:
    """Give the command once more. Where a lock stays in the way, the message must say which: it is removed then."""
    senior = scene.senior
    for _ in range(4):
        result = senior.gate_process(*args)
        if result.code == 0:
            return result
        named = {
            found
            for name in LOCK.findall(result.text)
            for found in (Path(name), senior.path / ".git" / name, scene.company.server.path / name)
            if found.is_file()
        }
        assert named, f"{result.code}: {result.text}"
        for path in named:
            path.unlink()
    pytest.fail(f"still in the way: {result.text}")


def at_each_step(scene: Scene, killer: Killer, folder: Path, look: Callable[[Scene, Scene], None]) -> None:
    """Kill at one step after the other, each in a fresh copy; `look` checks it, given the scene as it was too."""
    rehearsal = scene.copy(folder / "rehearsal")
    paths = killer.steps(rehearsal.senior, *scene.args, below=rehearsal.company.path)
    assert len(paths) > 50
    distinct = [n for n, path in enumerate(paths, 1) if not (BULK.search(path) or path in paths[n:][:1])]
    bulk = [n for n in range(BULK_STRIDE, len(paths) + 1, BULK_STRIDE) if n not in distinct]
    steps = sorted(distinct[::STRIDE] + bulk)

    def one(at: int) -> str:
        copy = scene.copy(folder / f"at-{at}")
        where = f"step {at}, at {paths[at - 1].removeprefix(str(rehearsal.company.path))}"
        try:
            code, result = killer.run(copy.senior, *scene.args, below=copy.company.path, at=at)
            assert code in {KILLED, 0}, result
            whole(copy)
            look(copy, scene)
        except (AssertionError, OSError, pytest.fail.Exception) as error:
            return f"{where}: {error}"
        shutil.rmtree(copy.company.path)
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(one, steps) if fault]
    assert not faults, f"{len(faults)} of {len(steps)} steps:\n\n" + "\n".join(faults)


def test_approve(proposed: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        assert mine(now.senior) == mine(before.senior)
        for clone in (now.senior, now.company.server):
            assert kinds(clone) in ({"json": 0, "sig": 0, "changes": 0}, {"json": 1, "sig": 1, "changes": 1})
        again(now, *now.args)
        assert mine(now.senior) == mine(before.senior)
        assert kinds(now.senior) == {"json": 1, "sig": 1, "changes": 1}
        assert ref(now.senior, "refs/gate/log") == ref(now.company.server, "refs/gate/log")
        assert ref(now.company.server, "refs/heads/main") == ref(before.company.server, "refs/heads/main")

    at_each_step(proposed, killer, tmp_path / "copies", look)


def test_revoke(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    (approval,) = approved.senior.decisions(BRANCH)
    one, two = ({"json": n, "sig": n, "changes": 1} for n in (1, 2))

    def look(now: Scene, before: Scene) -> None:
        assert mine(now.senior) == mine(before.senior)
        for clone in (now.senior, now.company.server):
            assert kinds(clone) in (one, two)
        again(now, *now.args)
        assert kinds(now.senior) == two
        assert ref(now.senior, "refs/gate/log") == ref(now.company.server, "refs/gate/log")

    at_each_step(Scene(approved.company, ("revoke", approval["id"])), killer, tmp_path / "copies", look)


def landed(clone: Clone, before: str) -> bool:
    """Is main at a merge onto `before` now, complete with the log that it refers to? Else it must not have moved."""
    now = ref(clone, "refs/heads/main")
    if now == before:
        return False
    assert clone.git("log", "-1", "--format=%P", "main").split()[0] == before
    assert clone.git("show", "main:a.py") == "x = 2"
    log_commit = clone.git("log", "-1", "--format=%(trailers:key=Gate-Log,valueonly)", "main")
    clone.git("merge-base", "--is-ancestor", log_commit, "refs/gate/log")
    return True


def test_merge_on_the_remote(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        old = ref(before.company.server, "refs/heads/main")
        landed(now.company.server, old)
        again(now, *now.args)
        assert landed(now.company.server, old)
        assert now.senior.git("status", "--porcelain") == ""

    scene = Scene(approved.company, ("merge", BRANCH, "--push"))
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

    scene = Scene(approved.company, ("merge", BRANCH))
    scene.senior.git("checkout", "-q", "--detach")
    at_each_step(scene, killer, tmp_path / "copies", look)


def test_merge_here_where_the_branch_is_checked_out(approved: Scene, killer: Killer, tmp_path: Path) -> None:
    def look(now: Scene, before: Scene) -> None:
        old = ref(before.senior, "refs/heads/main")
        landed(now.senior, old)
        # git moves the files before the branch. What it had begun is put back, and nothing else is touched.
        assert (now.senior.path / "b.py").read_text() == "y = 1\n"
        again(now, *now.args)
        assert landed(now.senior, old)
        assert now.senior.git("status", "--porcelain") == ""

    scene = Scene(approved.company, ("merge", BRANCH))
    at_each_step(scene, killer, tmp_path / "copies", look)
