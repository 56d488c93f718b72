"""Questions whose answers depend on each other: answered by repeating, until nothing changes.

A question that is met again while it is open gets what is assumed of it, at first nothing. When everything that was
asked meanwhile has been worked out, and something came out differently than was assumed, it is worked out again. So the
answers do not depend on which question was asked first, and none from within a circle is remembered too early.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Answer = TypeVar("Answer")
MOST_ROUNDS = 6
"""What is still changing after so many rounds changes to and fro; it is unknown then."""
_NONE_OPEN = 1 << 30


class Answers:
    """Answers by their questions. `None` is the answer that nothing is known."""

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self.complete: dict[Hashable, Any] = {}
        """The answers that hold for good."""
        self._assumed: dict[Hashable, Any] = {}
        self._provisional: dict[Hashable, Any] = {}
        """Answers that depend on a question that is still open."""
        self._open: dict[Hashable, int] = {}
        self._lowest = _NONE_OPEN
        """The outermost open question that what is being worked out depends on."""
        self._floor = _NONE_OPEN
        """The outermost open question that any provisional answer depends on."""
        self._has_changed = False

    @property
    def depth(self) -> int:
        """How many questions are open."""
        return len(self._open)

    def of(self, question: Hashable, work: Callable[[], Answer], circular: Answer) -> Answer:
        """The answer that `work` finds; `circular` is assumed at first where the question depends on itself."""
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
        return self._work_out(question, work, circular)

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
    if isinstance(answer, tuple) and isinstance(other, tuple):
        return set(answer) == set(other)
    return bool(answer == other)
