"""A disk that is full, or becomes so at any moment; a repository that can only be read."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.company import Clone, Company, Result, isolated
from support.scenes import BRANCH, Scene, kinds, mine, ref, whole

COMMANDS = {
    "approve": ("approve", BRANCH),
    "block": ("approve", BRANCH, "--block", "--reason", "x"),
    "merge": ("merge", BRANCH),
    "push": ("merge", BRANCH, "--push"),
}


def mount(path: Path, *args: str) -> None:
    """Mount, as root can; skips the test where even root may not."""
    if os.geteuid() != 0 or platform.system() != "Linux":
        pytest.skip("only root can mount")
    done = subprocess.run(["mount", *args, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine does not let root mount: {done.stderr.strip()}")


def unmount(path: Path) -> None:
    subprocess.run(["umount", str(path)], check=True)


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nobody can write below the folder, root neither."""
    if os.geteuid() == 0:
        mount(path, "--bind", str(path))
        try:
            mount(path, "-o", "remount,bind,ro")
            yield
        finally:
            unmount(path)
        return
    folders = [Path(folder) for folder, _, _ in os.walk(path)]
    try:
        for folder in folders:
            folder.chmod(0o500)
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


def left_behind() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("gate-aside-*")}


@pytest.mark.slow
def test_a_read_only_repository_can_be_checked(approved: Scene) -> None:
    senior = approved.senior
    questions = (
        ("check", "--head", f"origin/{BRANCH}"),
        ("check", "--head", f"origin/{BRANCH}", "--format", "json"),
        ("check", "--staged"),
        ("approvals", BRANCH),
        ("owners",),
        ("owners", "--change"),
        ("audit",),
    )
    before = left_behind()
    with read_only(senior.path):
        locked = [senior.gate_process(*args) for args in questions]
        assert left_behind() <= before
    free = [senior.gate_process(*args) for args in questions]
    assert [result.code for result in locked] == [0] * len(questions), [result.text for result in locked]
    for args, one, other in zip(questions, locked, free, strict=True):
        if "json" not in args:
            assert one.out == other.out


@pytest.mark.slow
@pytest.mark.parametrize("args", COMMANDS.values(), ids=COMMANDS)
def test_a_repository_that_can_only_be_read_is_not_written_to(approved: Scene, args: tuple[str, ...]) -> None:
    senior, server = approved.senior, approved.company.server
    before = kinds(senior), ref(senior, "refs"), ref(server, "refs")
    with read_only(senior.path):
        result = senior.gate_process(*args)
    if args == ("approve", BRANCH):
        # It stands already, and the remote has it.
        assert result.code == 0, result.text
    else:
        assert result.code == 3
        assert f"{senior.path}/.git cannot be written to" in result.err
    assert (kinds(senior), ref(senior, "refs"), ref(server, "refs")) == before


@pytest.mark.slow
def test_a_server_that_can_only_be_read_keeps_what_was_recorded_here(proposed: Scene) -> None:
    senior, server = proposed.senior, proposed.company.server
    with read_only(server.path):
        result = senior.gate_process("approve", BRANCH)
        assert result.code == 3
        assert "Recorded locally, but not pushed" in result.out
        merge = senior.gate_process("merge", BRANCH, "--push")
        assert merge.code in {1, 3}
        assert "unpack" in merge.err or "Read-only" in merge.err or "denied" in merge.err
    assert kinds(server)["json"] == 0
    assert senior.gate_process("approve", BRANCH).code == 0
    assert ref(server, "refs/gate/log") == ref(senior, "refs/gate/log")


@pytest.mark.slow
def test_two_logs_that_nobody_may_unite(approved: Scene, company: Company) -> None:
    """What the remote's log has more is not left out for want of room to write."""
    senior = approved.senior
    bob = company.clone("bob")
    bob.approve(f"origin/{BRANCH}", "--block", "--reason", "no")
    senior.git("fetch", "-q", "origin", "+refs/gate/log:refs/gate/remotes/origin/log")
    assert ref(senior, "refs/gate/log") != ref(senior, "refs/gate/remotes/origin/log")
    with read_only(senior.path):
        assert senior.gate_process("check", "--head", f"origin/{BRANCH}").code == 1
    mine_only = senior.git("commit-tree", "refs/gate/log^{tree}", "-p", "refs/gate/log", "-m", "apart")
    senior.git("update-ref", "refs/gate/log", mine_only)
    with read_only(senior.path):
        result = senior.gate_process("check", "--head", f"origin/{BRANCH}")
        assert result.code == 3
        assert "two approval logs have to be merged" in result.err
    assert senior.gate_process("check", "--head", f"origin/{BRANCH}").code == 1


@contextmanager
def small_disk(clone: Clone) -> Iterator[Path]:
    """The clone on a disk of 3 MiB; gives a file to fill it with."""
    copy = clone.path.with_name("kept")
    clone.path.rename(copy)
    clone.path.mkdir()
    with ExitStack() as stack:
        mount(clone.path, "-t", "tmpfs", "-o", "size=3m", "tmpfs")
        stack.callback(unmount, clone.path)
        shutil.copytree(copy, clone.path, dirs_exist_ok=True, symlinks=True)
        yield clone.path / ".git" / "filling"


def fill(filling: Path, free: int) -> None:
    """Fill the disk up to so many bytes."""
    filling.unlink(missing_ok=True)
    status = os.statvfs(filling.parent)
    filling.write_bytes(b"x" * max(0, status.f_bavail * status.f_frsize - free))


@pytest.mark.slow
@pytest.mark.parametrize("args", COMMANDS.values(), ids=COMMANDS)
def test_a_disk_that_becomes_full(request: pytest.FixtureRequest, args: tuple[str, ...]) -> None:
    """With a little more room each time: refused in one sentence, or done; never half."""
    scene: Scene = request.getfixturevalue("proposed" if args == COMMANDS["approve"] else "approved")
    senior, server = scene.senior, scene.company.server
    senior.git("checkout", "-q", "--detach")
    before, theirs = kinds(senior), ref(server, "refs")
    with small_disk(senior) as filling:
        own = mine(senior)
        for free in range(0, 400_000, 20_000):
            fill(filling, free)
            result = senior.gate_process(*args)
            filling.unlink()
            whole(scene)
            assert mine(senior) == own
            if result.code == 0:
                break
            refused(result)
            if "shared" not in result.out and kinds(senior)["changes"] == before["changes"]:
                assert ref(server, "refs") == theirs, result.text
        assert result.code == 0, result.text
        assert free > 0


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [0, 1, 4, 16])
@pytest.mark.parametrize("args", COMMANDS.values(), ids=COMMANDS)
def test_files_that_must_not_grow(approved: Scene, args: tuple[str, ...], blocks: int) -> None:
    """The same where nobody can mount: no file may become longer than so many blocks of 512 bytes."""
    senior = approved.senior
    senior.git("checkout", "-q", "--detach")
    own = mine(senior)
    done = subprocess.run(
        [sys.executable, "-m", "gate", *args],
        cwd=senior.path,
        env=isolated(senior.path.parent / "home") | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512 * blocks, 512 * blocks)),
    )
    whole(approved)
    assert mine(senior) == own
    if done.returncode:
        refused(Result(done.returncode, done.stdout, done.stderr))
    assert senior.gate_process(*args).code == 0
    whole(approved)


def refused(result: Result) -> None:
    """Exit 3, and one sentence that says what is the matter."""
    assert result.code == 3, result.text
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    assert (
        len([line for line in result.err.splitlines() if line.startswith("gate: ")]) <= 1
        or "shared" in result.out
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a full disk to try with")
@pytest.mark.parametrize("args", [("check",), ("approvals",), ("owners",), ("--help",)], ids=" ".join)
def test_an_answer_that_cannot_be_written_is_none(approved: Scene, args: tuple[str, ...]) -> None:
    senior = approved.senior
    for _ in range(2):  # A cached answer is written in another way.
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "gate", *args],
                cwd=senior.path,
                env=isolated(senior.path.parent / "home"),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 3
        assert done.stderr.splitlines()[0] == "gate: No space left on device"
        assert "Exception" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a full disk to try with")
@pytest.mark.parametrize(
    ("args", "code"),
    [(("check", "--head", "nope"), 2), (("chekc",), 2), (("check", "--head", "nope:x"), 2)],
)
def test_an_error_that_cannot_be_printed_shows_in_the_exit_code(
    approved: Scene, args: tuple[str, ...], code: int
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gate", *args],
            cwd=approved.senior.path,
            env=isolated(approved.senior.path.parent / "home"),
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
        )
    assert done.returncode == code
