"""Parse JSON verdicts written by `verdict_json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.finding import Finding
from gate.json_input import parse_json
from gate.model import (
    Approval,
    Author,
    Broken,
    Change,
    CheckResult,
    Duty,
    FileChange,
    Missing,
    Outcome,
    Ran,
    ReviewRequest,
    Skipped,
    Verdict,
)
from gate.reports.verdict_json import VERSION


def from_json(text: str) -> Verdict:
    """Parse a verdict that `render` wrote. Raises ValueError if it isn't a verdict of version 1.

    Only for gate's own output, such as a cached verdict: fields that were added later get their defaults.
    """
    try:
        data = parse_json(text)
        if data["version"] != VERSION:
            raise ValueError(f"a verdict of version {data['version']}, where {VERSION} was expected")
        return Verdict(
            data["outcome"],
            _read_change(data["change"]),
            tuple(_read_requirement(item) for item in data["requirements"]),
            tuple(read_check(item) for item in data["checks"]),
            tuple(_read_approval(item) for item in data["approvals"]),
            tuple(data.get("notes", ())),
            tuple(_read_reviewer(item) for item in data.get("reviewers", ())),
            data.get("approve_with", ""),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a verdict: {error!r}") from error


def _read_approval(data: Mapping[str, Any]) -> Approval:
    lists = {name: tuple(data.get(name, ())) for name in ("files", "owned")}
    return Approval(**{**data, **lists})


def _read_reviewer(data: Mapping[str, Any]) -> ReviewRequest:
    duties = tuple(Duty(duty["role"], tuple(duty["paths"])) for duty in data["duties"])
    return ReviewRequest(tuple(data["names"]), data["need"], duties)


def _read_change(data: Mapping[str, Any]) -> Change:
    names = data.get("author_names", [""] * len(data["authors"]))
    return Change(
        repository=data["repository"],
        into=data["into"],
        base=data["base"],
        head=data["head"],
        merge_base=data["merge_base"],
        tree=data["tree"],
        base_tree=data.get("base_tree", ""),
        digest=data["digest"],
        authors=tuple(Author(name, email) for name, email in zip(names, data["authors"], strict=True)),
        files=tuple(FileChange(**{"old_mode": "", "new_mode": "", **item}) for item in data["files"]),
        renames=data.get("renames", {}),
        merge_blocker=data.get("obstacle", ""),
        conflicts=tuple(data.get("conflicts", ())),
        staged=data.get("staged", False),
    )


def _read_requirement(data: Mapping[str, Any]) -> Outcome:
    missing = tuple(
        Missing(tuple(item["paths"]), item["need"], tuple(item["from"]), item["rule"])
        for item in data["missing"]
    )
    return Outcome(
        data["id"],
        data["outcome"],
        data["reason"],
        missing,
        tuple(data.get("advice", ())),
        tuple(Finding.from_data(item) for item in data.get("findings", ())),
        enforced=data.get("enforced", True),
    )


def read_check(data: Mapping[str, Any]) -> CheckResult:
    """Parse the result of a check in a verdict. Raises KeyError or TypeError if the fields are invalid."""
    enforced = data.get("enforced", True)
    if data.get("skipped"):
        return Skipped(data["id"], data["reason"], enforced)
    if data["outcome"] == "broken":
        return Broken(data["id"], data["reason"], data["hint"], data["seconds"], data["output"], enforced)
    pairs = [
        (
            Finding.from_data({key: item[key] for key in item.keys() - {"blocks", "reported_by"}}),
            item.get("blocks", False),
        )
        for item in data["findings"]
    ]
    return Ran(
        data["id"],
        tuple(finding for finding, _ in pairs),
        tuple(finding for finding, blocks in pairs if blocks),
        data["seconds"],
        data["cached"],
        data.get("note", ""),
        data.get("seen"),
        enforced,
    )
