"""Who may start next."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate.runner.turns import Turns


def test_one_turn_ends_before_the_next_begins() -> None:
    at_work, most = 0, 0
    turns = Turns(8, lambda: None)

    def prepare() -> None:
        nonlocal at_work, most
        with turns.taken():
            at_work += 1
            most = max(most, at_work)
            threading.Event().wait(0.001)
            at_work -= 1

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(prepare)
    assert most == 1


def test_whoever_has_started_makes_room_before_the_end() -> None:
    turns = Turns(2, lambda: None)
    with turns.taken() as started:
        started()
        with turns.taken():
            pass


@pytest.mark.parametrize("fails", [False, True])
def test_the_last_turn_is_reported_even_without_a_result(fails: bool) -> None:
    over = threading.Event()
    turns = Turns(2, over.set)
    with turns.taken() as started:
        started()
    assert not over.is_set()
    try:
        with turns.taken():
            if fails:
                raise OSError
    except OSError:
        pass
    assert over.is_set()
