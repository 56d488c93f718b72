"""Divide a run among machines: each shard writes a part, signed if the policy has a bot, and `join` combines the parts.

A part is about one change: base, head, and merge result. The join computes these again, and takes only the results of
checks from the parts. It fails closed if a part is missing, is there twice, is about another change, was made by
another version of gate, or isn't signed by a bot, if the policy at the base has one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gate import __version__
from gate.approvals.keys import Holder, bots
from gate.errors import CannotDecide, UsageError
from gate.finding import Finding
from gate.json_input import parse_json
from gate.model import Broken, Change, CheckResult, Ran, Skipped, Verdict
from gate.policy.types import CheckSettings, Policy
from gate.reports.verdict_json import to_data
from gate.reports.verdict_reading import from_json
from gate.runner.shards import Shard, ShardTests, missing_tests
from gate.ssh import Claim, find_key, sign, verify

NAMESPACE = "gate-shard@v1"
LARGEST = 200_000_000
AGAIN = "run all shards again for this change, and join all of their parts"


@dataclass(frozen=True, slots=True)
class Part:
    """The results of a shard: `results` of the checks that it ran, and `shard_tests` for the tests."""

    path: str
    shard: Shard
    results: tuple[CheckResult, ...]
    shard_tests: Mapping[tuple[str, str], ShardTests]


def write_part(
    path: Path,
    verdict: Verdict,
    shard: Shard,
    shard_tests: Mapping[tuple[str, str], ShardTests],
    key: str | None,
) -> None:
    """Write the results of a shard, signed with the key in the file `key` if there is one."""
    rows = [
        {"check": check, "folder": folder, **asdict(tests)} for (check, folder), tests in shard_tests.items()
    ]
    document = json.dumps(
        {
            "kind": "shard",
            "gate": __version__,
            "shard": [shard.number, shard.count],
            "verdict": to_data(verdict),
            "shard_tests": rows,
        }
    )
    signed = {"document": document, "key": "", "signature": ""}
    if key:
        signing = find_key(key, "", ())
        signature = sign(document.encode("utf-8", "surrogateescape"), signing, NAMESPACE)
        signed |= {"key": signing.public.line, "signature": signature.decode("ascii")}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(signed), "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def part_files(paths: Iterable[str]) -> list[Path]:
    """Return the parts named on the command line: files, or all `*.json` files below a folder."""
    found: list[Path] = []
    for name in paths:
        path = Path(name)
        found += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    return found


def read_parts(
    paths: Sequence[Path], change: Change, policy: Policy, now: int, *, unsigned: bool = False
) -> list[Part]:
    """Return the parts of all shards of this change, in order. Raises CannotDecide if any is missing or doesn't fit.

    With `unsigned`, parts without a signature are accepted, too.
    """
    trusted = bots(policy, now)
    parts = [_read(path, change, trusted, unsigned) for path in paths]
    if not parts:
        raise CannotDecide("no files to join", "name the files that `gate check --shard` wrote")
    count = parts[0].shard.count
    by_number: dict[int, Part] = {}
    for part in parts:
        if part.shard.count != count:
            raise CannotDecide(
                f"{part.path} is from a run with {part.shard.count} shards, but other parts are from one with {count}",
                AGAIN,
            )
        if part.shard.number in by_number:
            other = by_number[part.shard.number].path
            raise CannotDecide(
                f"{other} and {part.path} are both from shard {part.shard.number} of {count}", AGAIN
            )
        by_number[part.shard.number] = part
    missing = [str(number) for number in range(1, count + 1) if number not in by_number]
    if missing:
        raise CannotDecide(f"the part of shard {', '.join(missing)} of {count} is missing", AGAIN)
    return [by_number[number] for number in sorted(by_number)]


def _read(path: Path, change: Change, trusted: Mapping[str, Holder], unsigned: bool) -> Part:
    try:
        if path.stat().st_size > LARGEST:
            raise CannotDecide(f"{path} is too large to be the result of a shard", AGAIN)
        signed = parse_json(path.read_text("utf-8"))
        document, line, signature = (str(signed[name]) for name in ("document", "key", "signature"))
    except OSError as error:
        raise CannotDecide(f"{path} cannot be read: {error.strerror}", AGAIN) from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CannotDecide(f"{path} is not the result of a shard, or is damaged", AGAIN) from None
    if trusted and (signature or not unsigned):
        _verify(path, document.encode("utf-8", "surrogateescape"), line, signature, trusted)
    try:
        return _parse(path, parse_json(document), change)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CannotDecide(f"{path} is not the result of a shard, or is damaged", AGAIN) from None


def _verify(path: Path, document: bytes, line: str, signature: str, trusted: Mapping[str, Holder]) -> None:
    from gate.policy.keys import parse_key

    names = ", ".join(sorted({holder.person for holder in trusted.values()}))
    if not signature:
        raise CannotDecide(
            f"{path} is not signed",
            f"run `gate check --shard I/N --key FILE` with the key of {names}; or `--join … --unsigned` if only the "
            "shards can write the parts, such as in the jobs of one pipeline",
        )
    try:
        key = parse_key(line)
    except ValueError:
        raise CannotDecide(f"{path} has no valid key", AGAIN) from None
    if key.blob not in trusted:
        raise CannotDecide(f"{path} is signed with {key.fingerprint}, which is not a key of {names}", AGAIN)
    if verify([Claim(document, signature.encode("utf-8", "replace"), key, NAMESPACE)]) != [True]:
        raise CannotDecide(f"the signature of {path} is not valid: it was altered", AGAIN)


def _parse(path: Path, data: Mapping[str, Any], change: Change) -> Part:
    if data["kind"] != "shard":
        raise ValueError("another kind of document")
    if data["gate"] != __version__:
        raise CannotDecide(
            f"{path} was written by gate {data['gate']}, but this is gate {__version__}", AGAIN
        )
    verdict = from_json(json.dumps(data["verdict"]))
    made = verdict.change
    for name in ("repository", "into", "base", "head", "tree", "digest"):
        if getattr(made, name) != getattr(change, name):
            raise CannotDecide(
                f"{path} is about another change: its {name} is {getattr(made, name)}, not {getattr(change, name)}",
                AGAIN,
            )
    number, count = data["shard"]
    if type(number) is not int or type(count) is not int or not 1 <= number <= count:
        raise ValueError("an impossible shard")
    shard_tests = {}
    for row in data["shard_tests"]:
        place = str(row["check"]), str(row["folder"])
        collected, ran = (tuple(map(str, row[name])) for name in ("collected", "ran"))
        shard_tests[place] = ShardTests(str(row["plan"]), collected, int(row["total"]), ran, int(row["seen"]))
    return Part(str(path), Shard(number, count), verdict.checks, shard_tests)


def join(parts: Sequence[Part], settings: Collection[CheckSettings]) -> tuple[CheckResult, ...]:
    """Return the combined results of all shards. Raises CannotDecide if they are incomplete."""
    return tuple(_joined(parts, check) for check in settings)


def _joined(parts: Sequence[Part], check: CheckSettings) -> CheckResult:
    found = [(part, result) for part in parts for result in part.results if result.id == check.id]
    wanted = len(parts) if check.tool == "pytest" else 1
    if len(found) != wanted:
        raise CannotDecide(f"the check {check.id} is in {len(found)} of the parts; expected {wanted}", AGAIN)
    results = [result for _, result in found]
    if check.tool == "pytest":
        places = {frozenset(place for place in part.shard_tests if place[0] == check.id) for part, _ in found}
        if len(places) != 1:
            raise CannotDecide(f"the shards ran {check.id} in different projects", AGAIN)
        if all(isinstance(result, Ran) for result in results):
            for place in next(iter(places)):
                wrong = missing_tests([part.shard_tests[place] for part, _ in found])
                if wrong:
                    raise CannotDecide(f"{check.id}: {wrong}", AGAIN)
    return merged(check.id, results)


def merged(check: str, results: Sequence[CheckResult]) -> CheckResult:
    """Combine the results of all shards into one. If any could not run, the result is never a pass."""
    skipped = [result for result in results if isinstance(result, Skipped)]
    broken = [result for result in results if isinstance(result, Broken)]
    ran = [result for result in results if isinstance(result, Ran)]
    blocking = _unique(finding for result in ran for finding in result.blocking)
    if (broken or skipped) and not blocking:
        return broken[0] if broken else skipped[0]
    working = [result for result in ran if not result.empty] or ran[:1]
    seen = [result.seen for result in ran]
    return replace(
        ran[0],
        id=check,
        findings=_unique(finding for result in ran for finding in result.findings),
        blocking=blocking,
        seconds=sum(result.seconds for result in ran),
        cached=all(result.cached for result in ran),
        note="; ".join(dict.fromkeys(result.note for result in working if result.note)),
        seen=None if None in seen else sum(number or 0 for number in seen),
    )


def _unique(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


def unsigned_note(policy: Policy, now: int, *, unsigned: bool) -> str:
    """Return a warning for readers of the verdict if the parts may be unsigned, or "" if a bot signs them."""
    if unsigned:
        return "The parts may be unsigned (`--unsigned`): anyone who can write them decides the result."
    if bots(policy, now):
        return ""
    return "The parts are not signed: the policy has no bot with a key, so anyone who can write them decides."
