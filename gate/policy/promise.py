"""Parse the SLO file: the maximum downtime promised for each environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, get_args

import yaml

from gate.errors import InvalidInput, Mistake
from gate.policy.reading import Reader, shown
from gate.policy.value_kinds import span

Gaps = Literal["down", "up"]
YEAR_DAYS = 365.0
LONGEST = 366.0
"""The maximum length of a window, in days."""


@dataclass(frozen=True, slots=True)
class Promise:
    """At most `downtime` seconds in any `window` of seconds.

    `gaps` says how time without measurements counts. `maintenance` are announced windows, in seconds since the epoch,
    which don't count.
    """

    downtime: float
    window: float = YEAR_DAYS * 86400
    gaps: Gaps = "down"
    maintenance: tuple[tuple[float, float], ...] = ()


def read_promises(data: bytes, file: str) -> dict[str, Promise]:
    """Return the promises in an SLO file by environment. Raises InvalidInput with all mistakes and their lines."""
    reader = Reader(file)
    promises: dict[str, Promise] = {}

    def environments(node: yaml.Node, path: str) -> None:
        for name, _, value in reader.entries(node, path):
            promises[name] = _promise(reader, value, f"{path}.{name}")

    root = reader.root(data)
    if root is None and not reader.mistakes:
        reader.wrong(None, "", "expected `version: 1` and `environments`, got an empty file")
    elif root is not None:
        values = reader.fields({"version": reader.text, "environments": environments})(root, "")
        if values.get("version") != "1" or "environments" not in values:
            reader.wrong(root, "", "expected `version: 1` and `environments`")
    if reader.mistakes:
        raise InvalidInput(reader.mistakes)
    return promises


def promise_of(data: bytes, file: str, environment: str) -> Promise:
    """Return the promise for one environment. Raises InvalidInput, also if there is none."""
    promises = read_promises(data, file)
    if environment not in promises:
        expected = (
            f"expected a promise for {environment}: `environments: {{{environment}: {{downtime: 20m}}}}`"
        )
        raise InvalidInput([Mistake(file, 1, 1, expected)])
    return promises[environment]


def _promise(reader: Reader, node: yaml.Node, path: str) -> Promise:
    time = partial(span, reader, LONGEST)
    values = reader.fields(
        {
            "downtime": time,
            "window": time,
            "gaps": reader.choice(get_args(Gaps)),
            "maintenance": reader.list_of(partial(_window, reader)),
        }
    )(node, path)
    if "downtime" not in values:
        reader.wrong(node, path, "expected `downtime`, a time such as 20m")
    promise = Promise(
        **{"downtime": 0.0, **{key: value for key, value in values.items() if value is not None}}
    )
    if promise.downtime > promise.window > 0:
        reader.wrong(node, f"{path}.downtime", "expected at most the window that it is promised for")
    for (_, end), (start, _) in zip(promise.maintenance, promise.maintenance[1:], strict=False):
        if start < end:
            reader.wrong(node, f"{path}.maintenance", "expected windows in order that do not overlap")
    return promise


def _window(reader: Reader, node: yaml.Node, path: str) -> tuple[float, float]:
    moment = partial(_moment, reader)
    values: dict[str, Any] = reader.fields({"from": moment, "to": moment, "reason": reader.text})(node, path)
    if values.keys() != {"from", "to", "reason"} or not values["reason"].strip():
        reader.wrong(node, path, "expected `from`, `to`, and `reason`")
        return 0.0, 0.0
    if values["from"] >= values["to"] > 0:
        reader.wrong(node, path, "expected `to` to be later than `from`")
    return values["from"], values["to"]


def _moment(reader: Reader, node: yaml.Node, path: str) -> float:
    """Return seconds since the epoch, or 0 after reporting a mistake."""
    try:
        moment = datetime.fromisoformat(reader.text(node, path))
    except ValueError:
        reader.expected(node, path, "a time such as 2026-12-24T02:00:00+01:00")
        return 0.0
    if moment.tzinfo is None:
        reader.wrong(node, path, f"expected a time zone, as in 2026-12-24T02:00:00+01:00; got {shown(node)}")
        return 0.0
    return moment.timestamp()
