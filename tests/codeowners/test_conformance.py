"""Cases from outside: the forges' documentation and test suites, and grids evaluated with their own matchers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate.codeowners import PLACES, SIZE_LIMIT, github, gitlab, locate, parse
from gate.codeowners.gitea import tokens_of
from gate.codeowners.matcher import Matcher
from gate.policy.types import Dialect

DATA = Path(__file__).parents[1] / "data" / "codeowners"
CASES: list[dict[str, Any]] = json.loads((DATA / "codeowners.json").read_text())
MORE: list[dict[str, Any]] = json.loads((DATA / "codeowners-more.json").read_text())

# Cases that the forge's documentation contradicts, with the reason.
WRONG: dict[str, str] = {}


def owner_type(owner: str) -> str:
    if not github.OWNER.fullmatch(owner):
        return "invalid"
    if not owner.startswith("@"):
        return "email"
    return "team" if "/" in owner else "user"


def dialect_of(case: dict[str, Any]) -> Dialect:
    name = case["dialect"]
    return "gitea" if name == "forgejo" else name


def name_of(case: dict[str, Any]) -> str:
    what = case.get("pattern") or case.get("line") or case.get("owner") or case.get("file", "")
    return f"{case['dialect']}-{case['kind']}-{case.get('id', '')}-{what!r}-{case.get('path', '')}"


def matches(case: dict[str, Any]) -> bool:
    # The pattern alone is asked, also one that a whole file could not hold.
    pattern_of = gitlab.pattern_of if case["dialect"] == "gitlab" else github.pattern_of
    return Matcher([pattern_of(case["pattern"])]).last(case["path"]) == 0


def by_section(case: dict[str, Any], unnamed: str) -> dict[str, list[str]]:
    rules = parse(case["file"].encode(), "CODEOWNERS", "gitlab").owners_of(case["path"])
    return {rule.section or unnamed: list(rule.owners) for rule in rules if rule.owners}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_case(case: dict[str, Any]) -> None:
    match case["kind"]:
        case "pattern":
            assert matches(case) is case["expect"]
        case "section":
            head = gitlab.parse_head(case["line"])
            listed = head and {
                "name": head.name,
                "optional": head.optional,
                "approvals": head.required,
                "owners": list(gitlab.references(head.default_owners)),
            }
            assert listed == case["expect"]
        case "file" if case["dialect"] == "gitlab":
            assert by_section(case, "") == case["expect"]
        case "file":
            rules = parse(case["file"].encode(), "CODEOWNERS", dialect_of(case)).owners_of(case["path"])
            assert (list(rules[0].owners) if rules else None) == case["expect"]
        case other:
            pytest.fail(f"an unknown kind of case: {other}")


def expected(case: dict[str, Any]) -> Any:
    disputed = case.get("disputed")
    return disputed["verdict"] if disputed else case["expect"]


@pytest.mark.parametrize("case", MORE, ids=name_of)
def test_more(case: dict[str, Any]) -> None:
    if case["id"] in WRONG:
        pytest.skip(WRONG[case["id"]])
    dialect = dialect_of(case)
    match case["kind"]:
        case "pattern":
            if expected(case) == "invalid":
                file = f"{case['pattern']} @owner\n".encode()
                assert parse(file, "CODEOWNERS", dialect).mistakes
            else:
                assert matches(case) is expected(case)
        case "owners" if dialect == "gitlab":
            # The forge's tests list users before e-mail addresses; the order of owners means nothing.
            found = {name: sorted(owners) for name, owners in by_section(case, "codeowners").items()}
            assert found == {name: sorted(owners) for name, owners in expected(case).items()}
        case "owners":
            rules = parse(case["file"].encode(), "CODEOWNERS", dialect).owners_of(case["path"])
            assert [owner for rule in rules for owner in rule.owners] == expected(case)
        case "match":
            rules = parse(case["file"].encode(), "CODEOWNERS", dialect).owners_of(case["path"])
            assert bool(rules) is case["expect"]
        case "parse":
            owners = parse(case["file"].encode(), "CODEOWNERS", dialect)
            listed = [
                {"line": rule.line, "pattern": rule.pattern, "owners": list(rule.owners)}
                for rule in owners.rules
            ]
            assert listed == case["expect"]["rules"]
            assert [m.line for m in owners.mistakes] == [error["line"] for error in case["expect"]["errors"]]
        case "section-header":
            check_header(case)
        case "required-count":
            (rule,) = parse(case["file"].encode(), "CODEOWNERS", dialect).owners_of(case["path"])
            assert (0 if rule.optional else rule.required) == case["expect"]
        case "approvals":
            check_approvals(case)
        case "sections":
            owners = parse(case["file"].encode(), "CODEOWNERS", dialect)
            optional = {
                s.rules[0].section or "codeowners": s.rules[0].optional for s in owners.sections if s.rules
            }
            wanted = {name: value["optional"] for name, value in case["expect"].items()}
            assert {"codeowners": False} | optional == wanted
        case "errors":
            mistakes = parse(case["file"].encode(), "CODEOWNERS", dialect).mistakes
            assert [[kind_of(m.message), m.line] for m in mistakes] == case["expect"]
        case "location":
            place = locate(dict.fromkeys(case["present"], b""), dialect)
            assert (place and place[0]) == case["expect"]
        case "size":
            data = b"#" * case["bytes"]
            loaded = not parse(data, "CODEOWNERS", dialect).mistakes
            assert ("loaded" if loaded else "ignored") == case["expect"]
            assert (case["bytes"] < SIZE_LIMIT) == loaded
        case "owner-type":
            assert owner_type(case["owner"]) == case["expect"]
        case "owner-refs":
            check_references(case)
        case "owner-roles":
            roles = [owner for owner in gitlab.references(case["text"]) if owner.startswith("@@")]
            assert [role[2:] for role in roles] == case["expect"]
        case "tokens":
            assert tokens_of(case["line"]) == case["expect"]
        case other:
            pytest.fail(f"an unknown kind of case: {other}")


def kind_of(message: str) -> str:
    return next(kind for kind, sentence in gitlab.SENTENCES.items() if message.startswith(sentence))


def check_header(case: dict[str, Any]) -> None:
    head = gitlab.parse_head(case["line"])
    wanted = case["expect"]["section"]
    if wanted is None:
        assert head is None
        return
    assert head is not None
    assert {
        "name": head.name,
        "optional": head.optional,
        "approvals": head.approvals,
        "default_owners": head.default_owners,
    } == wanted
    assert list(head.problems) == case["expect"]["errors"]


def check_approvals(case: dict[str, Any]) -> None:
    rules = parse(case["file"].encode(), "CODEOWNERS", "gitlab").owners_of(case["path"])
    wanted = {name: (max(count, 1), owners) for name, (count, owners) in case["expect"].items()}
    assert {rule.section: (rule.required, list(rule.owners)) for rule in rules} == wanted


def check_references(case: dict[str, Any]) -> None:
    found = gitlab.references(case["text"])
    roles = sorted({owner[2:] for owner in found if owner.startswith("@@")})
    names = sorted({owner[1:] for owner in found if owner.startswith("@") and not owner.startswith("@@")})
    assert names == case["expect"]["names"]
    assert sorted({owner for owner in found if not owner.startswith("@")}) == case["expect"]["emails"]
    assert roles == case["expect"]["roles"]


def test_each_place_of_a_forge_is_known() -> None:
    assert {place for places in PLACES.values() for place in places} == {
        ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS",
        ".forgejo/CODEOWNERS", ".bitbucket/CODEOWNERS",
    }  # fmt: skip
