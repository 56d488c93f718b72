"""Compute answers that depend on each other, by repeating until nothing changes.

A question that comes up again while it is open gets an assumed answer, a neutral one at first. Once everything that
came up in the meantime is answered, an answer that differs from the assumption is computed again. So the answers don't
depend on which question was asked first, and no answer from within a cycle is cached too early.

A question that is nested too deeply in others is answered first, by itself. So the depth limits the stack, but not what
can be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
MOST_ROUNDS = 6
"""An answer that still changes after this many rounds alternates, and counts as unknown."""
DEEPEST = 50
"""The number of open questions above which a deeper one is answered separately."""
_DEEPEST_EVER = 400
"""For a cycle of more than `DEEPEST` questions, the depth is doubled up to this limit."""
_NONE_OPEN = 1 << 30


class _TooDeepError(Exception):
    """A question is nested too deeply in others."""

    def __init__(self, question: Hashable, work: Callable[[], Any], circular: object) -> None:
        super().__init__(question)
        self.task = question, work, circular


class Answers:
    """Answers by question. The answer `None` means that nothing is known."""

    def __init__(self) -> None:
        """Start without any answers."""
        self._deepest = DEEPEST
        self.complete: dict[Hashable, Any] = {}
        """Final answers."""
        self._assumed: dict[Hashable, Any] = {}
        self._provisional: dict[Hashable, Any] = {}
        """Answers that depend on an open question."""
        self._open: dict[Hashable, int] = {}
        self._lowest = _NONE_OPEN
        """The depth of the outermost open question that the current computation depends on."""
        self._floor = _NONE_OPEN
        """The depth of the outermost open question that any provisional answer depends on."""
        self._has_changed = False

    def of(self, question: Hashable, work: Callable[[], Answer], circular: Answer) -> Answer:
        """Return the answer that `work` computes. If it depends on itself, `circular` is assumed at first."""
        answer: Answer
        if question in self.complete:
            answer = self.complete[question]
            return answer
        if question in self._open:
            self._lowest = min(self._lowest, self._open[question])
            answer = self._assumed.get(question, circular)
            return answer
        if question in self._provisional:
            self._lowest = min(self._lowest, self._floor)
            answer = self._provisional[question]
            return answer
        if not self._open:
            return self._from_outside(question, work, circular)
        if len(self._open) > self._deepest:
            if self._deepest >= _DEEPEST_EVER:
                return circular
            raise _TooDeepError(question, work, circular)
        return self._work_out(question, work, circular)

    def _from_outside(self, question: Hashable, work: Callable[[], Answer], circular: Answer) -> Answer:
        """Compute an answer. Questions that are nested too deeply are answered first, as often as necessary."""
        tasks: list[tuple[Hashable, Callable[[], Any], Any]] = [(question, work, circular)]
        while True:
            try:
                answer: Answer = self._work_out(*tasks[-1])
            except _TooDeepError as error:
                self._forget_open()
                if any(error.task[0] == task[0] for task in tasks):
                    # Allow more depth for a cycle that is longer than the stack may be deep.
                    self._deepest = min(2 * self._deepest, _DEEPEST_EVER)
                    del tasks[1:]
                else:
                    tasks.append(error.task)
                continue
            tasks.pop()
            if not tasks:
                self._deepest = DEEPEST
                return answer

    def _forget_open(self) -> None:
        self._open.clear()
        self._provisional.clear()
        self._assumed.clear()
        self._lowest = self._floor = _NONE_OPEN
        self._has_changed = False

    def _work_out(self, question: Hashable, work: Callable[[], Answer], circular: Answer) -> Answer:
        outer = self._lowest, self._floor, self._has_changed
        depth = len(self._open)
        start = len(self._provisional)
        inner: list[Hashable] = []
        for _ in range(MOST_ROUNDS):
            self._lowest, self._has_changed = _NONE_OPEN, False
            self._open[question] = depth
            try:
                answer = work()
            finally:
                del self._open[question]
            if self._lowest > depth:
                self._lowest, self._floor, self._has_changed = outer
                self.complete[question] = answer
                return answer
            if not _is_same(answer, self._assumed.get(question, circular)):
                self._assumed[question] = answer
                self._has_changed = True
            if self._lowest < depth:
                return self._postpone(question, answer, outer)
            inner = list(self._provisional)[start:]
            if not self._has_changed:
                break
            for name in inner:
                del self._provisional[name]
        is_settled = not self._has_changed
        for name in inner:
            if is_settled:
                self.complete[name] = self._provisional.pop(name)
            self._assumed.pop(name, None)
        self._assumed.pop(question, None)
        self._lowest, self._floor, self._has_changed = outer
        self.complete[question] = answer if is_settled else None
        result: Answer = self.complete[question]
        return result

    def _postpone(self, question: Hashable, answer: Answer, outer: tuple[int, int, bool]) -> Answer:
        """Store a provisional answer for as long as the enclosing questions are open, and return it."""
        self._provisional[question] = answer
        self._floor = min(self._floor, self._lowest)
        self._lowest = min(self._lowest, outer[0])
        self._has_changed = self._has_changed or outer[2]
        return answer


def _is_same(answer: Any, previous: Any) -> bool:
    """Return whether two answers are equal. Alternatives have no order."""
    if answer == previous:
        return True
    if not isinstance(answer, tuple) or not isinstance(previous, tuple):
        return False
    try:
        return set(answer) == set(previous)
    except TypeError:
        return False
