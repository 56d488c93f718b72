"""Questions whose answers depend on each other: answered by repeating, until nothing changes.

A question that comes up again while it is open gets an assumed answer, at first a neutral one. When everything that
was asked meanwhile is answered, and an answer differs from what was assumed, it is computed again. So the answers do
not depend on which question was asked first, and none from within a cycle is remembered too early.

A question that comes up too deep in others is answered first, by itself. So the depth limits the stack, and not what
can be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
MOST_ROUNDS = 6
"""An answer that still changes after so many rounds alternates; it is unknown then."""
DEEPEST = 50
"""So many questions may be open before a deeper one is answered by itself."""
_DEEPEST_EVER = 400
"""For a cycle of more questions than `DEEPEST`, the depth is doubled, up to this one."""
_NONE_OPEN = 1 << 30


class _TooDeepError(Exception):
    """A question has come up too deep in others."""

    def __init__(self, question: Hashable, work: Callable[[], Any], circular: object) -> None:
        super().__init__(question)
        self.task = question, work, circular


class Answers:
    """Answers by their questions. `None` is the answer that nothing is known."""

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self._deepest = DEEPEST
        self.complete: dict[Hashable, Any] = {}
        """The final answers."""
        self._assumed: dict[Hashable, Any] = {}
        self._provisional: dict[Hashable, Any] = {}
        """Answers that depend on a question that is still open."""
        self._open: dict[Hashable, int] = {}
        self._lowest = _NONE_OPEN
        """The outermost open question on which the current computation depends."""
        self._floor = _NONE_OPEN
        """The outermost open question on which any provisional answer depends."""
        self._has_changed = False

    def of(self, question: Hashable, work: Callable[[], Answer], circular: Answer) -> Answer:
        """The answer that `work` computes; `circular` is assumed at first where the question depends on itself."""
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
        """Answer what comes up too deep first, as often as it takes."""
        tasks: list[tuple[Hashable, Callable[[], Any], Any]] = [(question, work, circular)]
        while True:
            try:
                answer: Answer = self._work_out(*tasks[-1])
            except _TooDeepError as error:
                self._forget_open()
                if any(error.task[0] == task[0] for task in tasks):
                    # A cycle that is longer than the stack may be deep.
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
        before = len(self._provisional)
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
            inner = list(self._provisional)[before:]
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
        """Keep an answer for as long as the questions around are open."""
        self._provisional[question] = answer
        self._floor = min(self._floor, self._lowest)
        self._lowest = min(self._lowest, outer[0])
        self._has_changed = self._has_changed or outer[2]
        return answer


def _is_same(answer: Any, other: Any) -> bool:
    """Whether two answers are the same; alternatives have no order."""
    if answer == other:
        return True
    if not isinstance(answer, tuple) or not isinstance(other, tuple):
        return False
    try:
        return set(answer) == set(other)
    except TypeError:
        return False
