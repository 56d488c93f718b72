"""Dataclasses as plain data: whatever the fields of facts and diagnostics are, they come back as they were."""

from __future__ import annotations

import marshal
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pytest

from gate.names.hints.load_dump import WrongJsonCall
from gate.names.hints.usage import TypeHint
from gate.names.report.candidates import Candidate, FileDiagnostics
from gate.names.store.codec import from_plain, to_plain
from gate.names.store.module_interface import ModuleInterface
from gate.names.syntax.facts import Facts, Use
from gate.names.syntax.object_reference import ObjectReference

VALUES = [
    Facts(),
    Facts(
        words={"a", "b"},
        attributes=[Use("name", 1, 2, 3, "owner", "receiver", "root")],
        exports=[ObjectReference("text", 1, 2)],
        members_of_classes=["a", "a"],
        refused={(1, 2, "message")},
    ),
    FileDiagnostics(),
    FileDiagnostics(
        candidates=[Candidate("rule", 1, 2, 3, "message", "word", frozenset({"a", "b"}), "project", "hint")],
        resolved={(1, 2)},
        hints={(3, 4): TypeHint("str", "sure", given_by=("strip",)), (5, 6): TypeHint("list", "weak")},
        unresolved_imports=[0, 2],
        lacks_exports=False,
        json_calls=[WrongJsonCall(1, 2, 3, "message", "right")],
    ),
    ModuleInterface("rest", {"name": "digest"}, frozenset({"a"}), frozenset()),
]


def stored(value: object) -> object:
    return marshal.loads(marshal.dumps(to_plain(value)))  # noqa: S302  as the cache does


@pytest.mark.parametrize("value", VALUES)
def test_what_is_stored_comes_back(value: object) -> None:
    assert from_plain(type(value), stored(value)) == value


class Point(NamedTuple):
    x: int
    names: list[str]


@dataclass
class Later:
    """A class of tomorrow, with fields of every kind that is used today."""

    points: list[Point] = field(default_factory=list)
    by_name: dict[str, Point] = field(default_factory=dict)
    kind: Literal["", "a"] = ""
    maybe: tuple[str, ...] | None = None


def test_a_new_class_needs_no_code() -> None:
    value = Later([Point(1, ["a"])], {"b": Point(2, [])}, "a", ("c",))
    assert from_plain(Later, stored(value)) == value


@dataclass
class Unknown:
    value: object


def test_what_cannot_be_stored_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        to_plain(Unknown(1))
