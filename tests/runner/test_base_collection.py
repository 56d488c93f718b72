"""Collecting the tests of the base while those of the head run."""

from __future__ import annotations

import pytest

from gate.checks import Report
from gate.process import Cancel
from gate.runner.base_collection import BaseCollection
from gate.runner.execute import Outcome

DONE = Outcome(Report((), seen=3))


def test_it_runs_once_from_the_start_on() -> None:
    calls: list[Cancel] = []

    def collect(cancel: Cancel) -> Outcome:
        calls.append(cancel)
        return DONE

    with BaseCollection(collect, Cancel()) as collection:
        assert collection.result() is None
        collection.start()
        collection.start()
        assert collection.result() is DONE
    assert len(calls) == 1


@pytest.mark.parametrize("how", ["end", "leave", "outer"])
def test_nobody_waits_for_one_that_is_not_needed(how: str) -> None:
    outer = Cancel()

    def collect(cancel: Cancel) -> Outcome:
        assert cancel.wait(60)
        return DONE

    with BaseCollection(collect, outer) as collection:
        collection.start()
        if how == "end":
            collection.end()
            assert collection.result() is None
        elif how == "outer":
            outer.set()
            assert collection.result() is DONE
    assert outer.is_set() is (how == "outer")


def test_an_error_is_raised_where_the_result_is_needed() -> None:
    def collect(_: Cancel) -> Outcome:
        raise OSError("no room")

    with BaseCollection(collect, Cancel()) as collection:
        collection.start()
        with pytest.raises(OSError, match="no room"):
            collection.result()
