"""Reading YAML into typed values: every reader takes a node and a place, and collects what is wrong.

A reader never raises: it returns a value and leaves its mistakes in the `Reader`, so that a file's mistakes
are all told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

import yaml

from gate.errors import Mistake

Item = TypeVar("Item")
Word = TypeVar("Word", bound=str)

MOST_NODES = 100_000
KINDS = {"tag:yaml.org,2002:int": "a whole number", "tag:yaml.org,2002:float": "a number",
         "tag:yaml.org,2002:bool": "true or false", "tag:yaml.org,2002:null": "nothing"}  # fmt: skip

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Reader:
    """The file that is read, and the mistakes found so far."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, node: yaml.Node | None, path: str, message: str) -> None:
        """Note a mistake at a node; None stands for the file as a whole."""
        line = node.start_mark.line + 1 if node is not None else 0
        column = node.start_mark.column + 1 if node is not None else 0
        self.mistakes.append(Mistake(self.file, line, column, f"{path}: {message}" if path else message))

    def expected(self, node: yaml.Node, path: str, wanted: str) -> None:
        """Note that something else was expected, and what was found."""
        self.wrong(node, path, f"expected {wanted}, got {shown(node)}")

    def root(self, data: bytes) -> yaml.Node | None:
        """The root node of the file; None where it is empty or no YAML, which is then noted."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.mistakes.append(Mistake(self.file, line, 1, "expected UTF-8 text"))
            return None
        loader = None
        try:
            # The events are counted before anything is built: aliases could make a small file a huge one.
            for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
                alias = isinstance(event, yaml.AliasEvent)
                if alias or number > MOST_NODES:
                    said = "aliases (`*name`) are not allowed" if alias else "the file is too large"
                    mark = event.start_mark
                    place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
                    self.mistakes.append(Mistake(self.file, *place, said))
                    return None
            loader = _Loader(text)
            return loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            said = error.problem or error.context or "it cannot be read"
            self.mistakes.append(Mistake(self.file, *place, f"expected YAML: {said}"))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            said = str(error).splitlines()[0] if str(error) else "it is nested too deeply"
            self.mistakes.append(Mistake(self.file, 0, 0, f"expected YAML: {said}"))
        finally:
            if loader is not None:
                loader.dispose()
        return None

    def entries(self, node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The entries of a mapping as name, key node and value node; notes what is no name, and doubles."""
        if not isinstance(node, yaml.MappingNode):
            if not is_null(node):
                self.expected(node, path, "a mapping")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.expected(key, path, "a name")
                continue
            name = str(key.value)
            if name in seen:
                self.wrong(key, joined(path, name), "given twice")
                continue
            seen.add(name)
            yield name, key, value

    def known(self, node: yaml.Node, path: str, names: Collection[str]) -> dict[str, yaml.Node]:
        """The entries of a mapping of which all keys are known; notes the others, with what may be meant."""
        found: dict[str, yaml.Node] = {}
        for name, key, value in self.entries(node, path):
            if name in names:
                found[name] = value
                continue
            near = get_close_matches(name, names, 1, 0.6)
            hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(sorted(names))}"
            self.wrong(key, joined(path, name), f"unknown key; {hint}")
        return found

    def text(self, node: yaml.Node, path: str) -> str:
        """Any scalar but nothing, as it is written."""
        if isinstance(node, yaml.ScalarNode) and not is_null(node):
            return str(node.value)
        self.expected(node, path, "text")
        return ""

    def whole(self, node: yaml.Node, path: str, least: int = 0) -> int:
        """A whole number of at least `least`, in decimal digits."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and node.value.isdecimal():
            if int(node.value) >= least:
                return int(node.value)
            self.expected(node, path, f"a whole number of at least {least}")
        else:
            self.expected(node, path, "a whole number")
        return least

    def flag(self, node: yaml.Node) -> bool | None:
        """`true` or `false`; None for anything else, also for YAML's other spellings such as `yes`."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return {"true": True, "false": False}.get(node.value.lower())
        return None

    def choice(self, node: yaml.Node, path: str, choices: Collection[Word]) -> Word | None:
        """One of a few words."""
        value = node.value if isinstance(node, yaml.ScalarNode) else None
        for choice in choices:
            if value == choice:
                return choice
        self.expected(node, path, f"one of {', '.join(choices)}")
        return None

    def items(self, node: yaml.Node, path: str, read: Callable[[yaml.Node, str], Item]) -> tuple[Item, ...]:
        """A list, each item read by `read`."""
        if is_null(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.expected(node, path, "a list")
            return ()
        return tuple(read(item, f"{path}[{number}]") for number, item in enumerate(node.value))

    def words(self, node: yaml.Node, path: str) -> tuple[str, ...]:
        """A list of texts."""
        return self.items(node, path, self.text)


def joined(path: str, name: str) -> str:
    """The place of `name` inside `path`."""
    return f"{path}.{name}" if path else name


def is_null(node: yaml.Node) -> bool:
    """Whether nothing is written there."""
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def shown(node: yaml.Node) -> str:
    """What was found, for a message."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if is_null(node):
        return "nothing"
    value = str(node.value)
    quoted = value if len(value) <= 40 else f"{value[:40]}…"
    return quoted if node.tag in KINDS else f'"{quoted}"'
