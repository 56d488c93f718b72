"""Read YAML into typed values. Every reader takes a node and its path.

A reader never raises. It returns a value and adds mistakes to the `Reader`, so that all mistakes of a file are reported
together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

import yaml

from gate.errors import Mistake

Value = TypeVar("Value")
Read = Callable[[yaml.Node, str], Value]
"""A function that reads one value from a node. The string is its path for messages, such as `protect.main.require`."""
Word = TypeVar("Word", bound=str)

# A policy for a thousand people is far below these limits; only an attempt to overload gate exceeds them.
MOST_BYTES, MOST_NODES, DEEPEST = 2_000_000, 100_000, 20
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
KINDS = {"tag:yaml.org,2002:int": "a whole number", "tag:yaml.org,2002:float": "a number",
         "tag:yaml.org,2002:bool": "true or false", "tag:yaml.org,2002:null": "nothing"}  # fmt: skip

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Reader:
    """The file being read, and the mistakes so far."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, node: yaml.Node | None, path: str, message: str) -> None:
        """Add a mistake at a node, or, if None, about the file as a whole."""
        line = node.start_mark.line + 1 if node is not None else 0
        column = node.start_mark.column + 1 if node is not None else 0
        self.mistakes.append(Mistake(self.file, line, column, f"{path}: {message}" if path else message))

    def expected(self, node: yaml.Node, path: str, wanted: str) -> None:
        """Add a mistake: what was expected, and what is there."""
        self.wrong(node, path, f"expected {wanted}, got {shown(node)}")

    def root(self, data: bytes) -> yaml.Node | None:
        """Return the root node, or None if the file is empty or, after adding a mistake, not valid YAML."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.mistakes.append(Mistake(self.file, line, 1, "expected UTF-8 text"))
            return None
        loader = None
        try:
            message, line, column = refused(text)
            if not message:
                loader = _Loader(text)
                return loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            problem = error.problem or error.context or "it cannot be read"
            if "cannot start any token" in problem and mark and text[mark.index : mark.index + 1] == "\t":
                problem = "lines must be indented with spaces, but here is a tab"
            if "nesting depth" in problem:
                # Newer versions of libyaml report this before gate can count the levels.
                problem = "it is nested too deeply"
            message = f"expected YAML: {problem}"
        except yaml.YAMLError as error:
            message, line, column = f"expected YAML: {error}".partition("\n")[0], 0, 0
        finally:
            if loader is not None:
                loader.dispose()
        self.mistakes.append(Mistake(self.file, line, column, message))
        return None

    def entries(self, node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield the entries of a mapping as name, key node, and value node. Invalid and duplicate keys are mistakes."""
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
        """Return the entries of a mapping. Unknown keys are mistakes, with a suggestion."""
        nodes: dict[str, yaml.Node] = {}
        for name, key, value in self.entries(node, path):
            if name in names:
                nodes[name] = value
                continue
            close_matches = get_close_matches(name, names, 1, 0.6)
            hint = (
                f"did you mean `{close_matches[0]}`?"
                if close_matches
                else f"expected one of {', '.join(sorted(names))}"
            )
            self.wrong(key, joined(path, name), f"unknown key; {hint}")
        return nodes

    def fields(self, readers: Mapping[str, Read[Any]]) -> Read[dict[str, Any]]:
        """Return a reader for a mapping that reads each key with its own reader. Missing keys are omitted from the
        result.
        """

        def read(node: yaml.Node, path: str) -> dict[str, Any]:
            nodes = self.known(node, path, readers)
            return {name: readers[name](value, joined(path, name)) for name, value in nodes.items()}

        return read

    def text(self, node: yaml.Node, path: str) -> str:
        """Read any scalar except null, as written."""
        if is_text(node):
            return str(node.value)
        self.expected(node, path, "text")
        return ""

    def whole(self, node: yaml.Node, path: str, least: int = 0) -> int:
        """Read a decimal integer of at least `least`."""
        # YAML reads 010 as eight and 1:30 as ninety, which nobody intends.
        plain = (
            isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and WHOLE.fullmatch(node.value)
        )
        if not plain:
            digits = " in plain digits" if node.tag.endswith(":int") else ""
            self.expected(node, path, f"a whole number{digits}")
        elif int(node.value) < least:
            self.expected(node, path, f"a whole number of at least {least}")
        else:
            return int(node.value)
        return least

    def number(self, node: yaml.Node, path: str) -> float:
        """Read a decimal number, with or without a fraction."""
        if isinstance(node, yaml.ScalarNode) and NUMBER.fullmatch(node.value):
            return float(node.value)
        self.expected(node, path, "a number such as 20 or 0.5")
        return 0.0

    def flag(self, node: yaml.Node) -> bool | None:
        """Read `true` or `false`. Returns None for anything else, including YAML's other spellings such as `yes`."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
            return {"true": True, "false": False}.get(node.value.lower())
        return None

    def boolean(self, node: yaml.Node, path: str) -> bool:
        """Read `true` or `false`. Anything else is a mistake, and read as true."""
        flag = self.flag(node)
        if flag is None:
            self.expected(node, path, "true or false")
        return flag is not False

    def choice(self, choices: Collection[Word]) -> Read[Word | None]:
        """Return a reader for one of a few words."""

        def read(node: yaml.Node, path: str) -> Word | None:
            value = node.value if isinstance(node, yaml.ScalarNode) else None
            for choice in choices:
                if value == choice:
                    return choice
            self.expected(node, path, f"one of {', '.join(choices)}")
            return None

        return read

    def list_of(self, read: Read[Value]) -> Read[tuple[Value, ...]]:
        """Return a reader for a list that reads each item with `read`."""

        def items(node: yaml.Node, path: str) -> tuple[Value, ...]:
            if is_null(node):
                # An empty value, or a list whose items are all commented out, doesn't mean "none".
                self.wrong(node, path, "expected a list, got nothing; write [] for an empty one")
                return ()
            if not isinstance(node, yaml.SequenceNode):
                self.expected(node, path, "a list")
                return ()
            return tuple(read(item, f"{path}[{number}]") for number, item in enumerate(node.value))

        return items

    def switched(self, read: Read[Value], on: Value | None = None) -> Read[Value | None]:
        """Return a reader for a value that `false` disables (None) and, if `on` is given, `true` enables as `on`."""

        def switch(node: yaml.Node, path: str) -> Value | None:
            flag = self.flag(node)
            if flag is None or (flag and on is None):
                return read(node, path)
            return on if flag else None

        return switch

    def words(self, node: yaml.Node, path: str) -> tuple[str, ...]:
        """Read a list of strings."""
        return self.list_of(self.text)(node, path)


def refused(text: str) -> tuple[str, int, int]:
    """Return why a file must not be parsed, with line and column, or "". Raises YAMLError if it isn't valid YAML.

    Events are examined one at a time, because aliases could expand a small file into a huge one, and deep nesting could
    keep the parser busy for very long.
    """
    if len(text) > MOST_BYTES:
        return f"the file is too large: expected at most {MOST_BYTES:,} characters, got {len(text):,}", 0, 0
    control = CONTROL.search(text)
    if control:
        preceding = text[: control.start()]
        column = control.start() - (preceding.rfind("\n") + 1) + 1
        return (
            f"expected text, got the control character {ord(control[0]):#04x}",
            preceding.count("\n") + 1,
            column,
        )
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        message = ""
        if isinstance(event, yaml.AliasEvent):
            message = "aliases (`*name`) are not allowed"
        elif number > MOST_NODES:
            message = f"the file is too large: expected at most {MOST_NODES:,} keys and values"
        elif depth > DEEPEST:
            message = "it is nested too deeply"
        elif getattr(event, "tag", None) is not None:
            message = "tags (`!name`) are not allowed"
        if message:
            mark = event.start_mark
            return message, *((mark.line + 1, mark.column + 1) if mark else (0, 0))
    return "", 0, 0


def joined(path: str, name: str) -> str:
    """Return the path of `name` inside `path`."""
    return f"{path}.{name}" if path else name


def is_text(node: yaml.Node) -> bool:
    """Return whether a value is a non-null scalar, possibly an empty string."""
    return isinstance(node, yaml.ScalarNode) and not is_null(node)


def is_null(node: yaml.Node) -> bool:
    """Return whether a value is missing or null."""
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def shown(node: yaml.Node) -> str:
    """Describe a value for an error message."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if is_null(node):
        return "nothing"
    value = str(node.value)
    quoted = value if len(value) <= 40 else f"{value[:40]}…"
    return quoted if node.tag in KINDS else f'"{quoted}"'
