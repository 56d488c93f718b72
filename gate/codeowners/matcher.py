"""Match many patterns against many paths, using a trie of path segments that visits each folder once.

A pattern is a sequence of segments: a name, a glob over one segment, or `DEEP` for any number of folders. It matches
the path it spells, everything below that path, or both. The last matching pattern wins, so a node only stores the
highest number that ends there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

DEEP: Final = "**"
NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Glob:
    """A segment with wildcards, as a regular expression over one whole segment.

    `suffix` is set if the glob is a star followed by a fixed suffix (`*.py`), by far the most common kind: these are
    looked up together, by suffix.
    """

    expression: str
    suffix: str = ""


def glob_of(chars: Sequence[str | None]) -> str:
    """Return the regular expression of a glob, from one expression per character and None per star.

    The text between two stars is matched possessively at its first occurrence, so that no file name can cause
    backtracking.
    """
    pieces = [""]
    for char in chars:
        if char is None:
            pieces.append("")
        else:
            pieces[-1] += char
    if len(pieces) == 1:
        return pieces[0]
    first, *middle = pieces[:-1]
    return f"{first}{''.join(f'(?>.*?{piece})' for piece in middle if piece)}.*{pieces[-1]}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The segments of a pattern, and whether it matches the path they spell, everything below, or both."""

    segments: tuple[str | Glob, ...]
    exact: bool = True
    below: bool = False


class _Node:
    __slots__ = ("below", "deep", "exact", "is_deep", "names", "wildcards")

    def __init__(self, *, is_deep: bool = False) -> None:
        self.exact = NONE
        self.below = NONE
        self.names: dict[str, _Node] = {}
        # Most nodes have only names.
        self.wildcards: _Wildcards | None = None
        self.deep: _Node | None = None
        self.is_deep = is_deep

    def add_glob(self, glob: Glob) -> _Node:
        """Return the child for `glob`, creating it if necessary."""
        if self.wildcards is None:
            self.wildcards = _Wildcards()
        return self.wildcards.add(glob)

    def leads_on(self) -> bool:
        """Whether the node has children."""
        return bool(self.names) or self.wildcards is not None

    def step(self, name: str) -> tuple[_Node, ...]:
        """Return the nodes that the segment `name` leads to."""
        named = self.names.get(name)
        reached = () if named is None else (named,)
        return reached if self.wildcards is None else reached + self.wildcards.matching(name)


class _Wildcards:
    """The globs that lead on from a node, and the nodes behind them."""

    __slots__ = ("by_expression", "by_suffix", "memo")

    def __init__(self) -> None:
        self.by_suffix: dict[int, dict[str, _Node]] = {}
        self.by_expression: dict[str, tuple[re.Pattern[str], _Node]] = {}
        self.memo: dict[str, tuple[_Node, ...]] = {}

    def add(self, glob: Glob) -> _Node:
        """Return the child for `glob`, creating it if necessary."""
        if glob.suffix:
            return self.by_suffix.setdefault(len(glob.suffix), {}).setdefault(glob.suffix, _Node())
        if glob.expression not in self.by_expression:
            self.by_expression[glob.expression] = (re.compile(glob.expression, re.DOTALL), _Node())
        return self.by_expression[glob.expression][1]

    def matching(self, name: str) -> tuple[_Node, ...]:
        """Return the children for the globs that match `name`."""
        nodes = self.memo.get(name)
        if nodes is None:
            nodes = self.memo[name] = tuple(self._find(name))
        return nodes

    def _find(self, name: str) -> Iterator[_Node]:
        for length, by_ending in self.by_suffix.items():
            ending = name[-length:]
            if ending in by_ending:
                yield by_ending[ending]
        for expression, node in self.by_expression.values():
            if expression.fullmatch(name):
                yield node


_State = tuple[tuple[_Node, ...], int]


class Matcher:
    """Finds the last of its numbered patterns that matches a path."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Build the trie, in time linear in the size of the patterns."""
        self._root = _Node()
        for number, pattern in enumerate(patterns):
            self._add(number, pattern)
        below = self._root.below
        self._folders: dict[str, _State] = {"": (_closed([self._root]), below)}

    def _add(self, number: int, pattern: Pattern) -> None:
        node = self._root
        for segment in pattern.segments:
            if segment == DEEP:
                if node.is_deep:
                    continue
                if node.deep is None:
                    node.deep = _Node(is_deep=True)
                node = node.deep
            elif isinstance(segment, Glob):
                node = node.add_glob(segment)
            else:
                child = node.names.get(segment)
                node = node.names.setdefault(segment, _Node()) if child is None else child
        # Numbers only grow, so the last rule that ends here has the highest.
        if pattern.exact:
            node.exact = number
        if pattern.below:
            node.below = number

    def last(self, path: str) -> int:
        """Return the number of the last pattern that matches the file `path`, or NONE."""
        folder, _, name = path.rpartition("/")
        nodes, best = self._folders.get(folder) or self._folder(folder)
        for node in nodes:
            for reached in node.step(name):
                best = max(best, reached.exact)
        return best

    def _folder(self, folder: str) -> _State:
        """Return the state in `folder`: the reachable nodes, and the last pattern that matches everything below."""
        missing = [folder]
        while missing[-1] not in self._folders:
            missing.append(missing[-1].rpartition("/")[0])
        state = self._folders[missing.pop()]
        for path in reversed(missing):
            nodes, inherited = state
            if nodes:
                name = path.rpartition("/")[2]
                reached = [node for node in nodes if node.is_deep]
                for node in nodes:
                    reached += node.step(name)
                closed = _closed(reached)
                for node in closed:
                    inherited = max(inherited, node.below)
                state = (tuple(node for node in closed if node.leads_on()), inherited)
            self._folders[path] = state
        return state


def _closed(nodes: Iterable[_Node]) -> tuple[_Node, ...]:
    """Add the `DEEP` child of each node, which also matches no folder at all, and remove duplicates."""
    closed: dict[int, _Node] = {}
    for node in nodes:
        closed[id(node)] = node
        if node.deep is not None:
            closed[id(node.deep)] = node.deep
    return tuple(closed.values())
