"""Locks on files, as POSIX has them and, simulated, as Windows has them."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import types
from pathlib import Path

import pytest

from gate import platforms
from gate.platforms import locked, readable


class Msvcrt(types.ModuleType):
    """Windows' locks: of bytes from the position on, for a limited time, and with an error of their own."""

    LK_LOCK, LK_NBLCK = 1, 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.positions: list[int] = []
        self.waited = 0

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert count == 1
        self.positions.append(os.lseek(descriptor, 0, os.SEEK_CUR))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.waited += mode == self.LK_LOCK
            raise PermissionError(13, "Permission denied") from None


@pytest.fixture(params=["posix", "windows"])
def msvcrt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Msvcrt:
    fake = Msvcrt()
    if request.param == "windows":
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(platforms, "msvcrt", fake, raising=False)
    return fake


def test_a_lock_is_held_by_one_alone(msvcrt: Msvcrt, tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("what an older version wrote")
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pytest.fail("two hold it")
    with locked(path, wait=False):
        assert path.read_text() == "what an older version wrote"
    assert set(msvcrt.positions) <= {0}


def test_who_waits_gets_the_lock_when_it_is_free(msvcrt: Msvcrt, tmp_path: Path) -> None:
    path, order = tmp_path / "x.lock", []

    def second() -> None:
        with locked(path):
            order.append("second")

    with locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        while msvcrt.positions and msvcrt.waited < 2:
            pass
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_only_what_has_something_to_read_is_readable() -> None:
    silent, speaking = os.pipe(), os.pipe()
    os.write(speaking[1], b"x")
    assert readable([silent[0], speaking[0]], 0) == {speaking[0]}
    assert readable([silent[0]], 0) == set()
    for descriptor in (*silent, *speaking):
        os.close(descriptor)
