"""gate.yaml: what it may hold, and every mistake told at once with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import InvalidInput
from gate.policy.load import load_policy
from gate.policy.types import BUILT_IN_CHECKS, OwnersRequired, Policy, Protection

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPn2GkAt7LjNlGhDBGcCVHtsnbuMpE5PWUvGcZxkZ2fZ laptop"
WHOLE = f"""\
version: 1
repository: acme/shortener
python: .venv/bin/python
owners: {{dialect: gitlab}}
protect:
  main:
    require:
      owners: {{stale: owned}}
      approvals: 2
      seniority: {{authors: [junior], need: senior}}
      guarded: ["@acme/guardians"]
      checks: [names, docs]
  "release/*": {{require: {{owners: false, checks: [lint]}}}}
people:
  "@nehemiah": {{role: senior, emails: [nehemiah@acme.example], keys: ["{KEY}"], github: nmonrose}}
  "@newhire": {{role: junior, senior: "@nehemiah"}}
teams:
  "@acme/guardians": ["@nehemiah"]
checks:
  tests: {{tool: pytest, timeout: 10m}}
  docs: {{command: [sphinx-build, docs, "{{scratch}}"], timeout: 90s, env: [LANG]}}
"""


def mistakes(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_policy(text.encode() if isinstance(text, str) else text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_without_a_file_the_defaults_hold() -> None:
    assert load_policy(None) == Policy()
    assert load_policy(b"").protection("main") == Protection()


def test_every_key_is_read() -> None:
    policy = load_policy(WHOLE.encode())
    require = policy.protection("main").require
    assert (require.owners, require.approvals) == (OwnersRequired("owned"), 2)
    assert require.seniority is not None
    assert require.seniority.authors == ("junior",)
    assert (require.guarded, require.checks) == (("@acme/guardians",), ("names", "docs"))
    assert policy.protection("release/2").require.owners is None
    assert policy.protects("release/2")
    assert not policy.protects("feature")
    assert policy.people["@nehemiah"].keys == (KEY,)
    assert policy.people["@newhire"].senior == "@nehemiah"
    assert policy.teams == {"@acme/guardians": ("@nehemiah",)}
    assert (policy.dialect, policy.python, policy.repository) == (
        "gitlab",
        ".venv/bin/python",
        "acme/shortener",
    )
    assert policy.checks["tests"].timeout == 600
    assert (policy.checks["docs"].tool, policy.checks["docs"].block) == ("command", "all")
    assert policy.checks["names"] == BUILT_IN_CHECKS["names"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "protect: {main: {require: {approvals: one}}}",
            "1:39: protect.main.require.approvals: expected a whole number",
        ),
        ("protect: {main: {require: {approvals: -1}}}", "whole number"),
        ("protect: {main: {require: {approvals: 1.0}}}", "whole number"),
        ("protect: {main: {require: {approvals: yes}}}", "whole number"),
        ("protect: {main: {require: {owner: {}}}}", "did you mean `owners`?"),
        ("protect: {main: {require: {owners: {stale: never}}}}", "one of change, owned, head"),
        ("protect: {main: {require: {checks: [names, lnit]}}}", 'there is no check "lnit"'),
        ("protect: {main: {require: {checks: names}}}", 'expected a list, got "names"'),
        ("protect: [main]", "expected a mapping, got a list"),
        ("chekcs: {}", "did you mean `checks`?"),
        ("version: 2", "expected 1"),
        ("- a", "1:1: expected a mapping"),
        ("a: [", "expected YAML"),
        ("a: &x 1\nb: *x", "aliases"),
        ("checks: {x: {}}", "expected a `tool`"),
        ("checks: {x: {command: []}}", "a command and its arguments"),
        ("checks: {lint: {timeout: 10 parsecs}}", "a time such as"),
        ("checks: {lint: {timeout: 0}}", "a time such as"),
        ("checks: {lint: {tool: rust}}", "one of names, ruff"),
        ("checks: {lint: {tool: ruff}, lint: {}}", "given twice"),
        ("people: {nobody: {}}", "a name such as @someone"),
        ('people: {"@*": {}}', "without blanks or wildcards"),
        ('people: {"@a": {role: king}}', "one of senior, member, junior, bot"),
        ('people: {"@a": {senior: "@b"}}', "@b is not in `people`"),
        ('people: {"@a": {keys: [nonsense]}}', "a public SSH key"),
        ('people: {"@a": {keys: ["ssh-ed25519 AAAA x"]}}', "cut short or mistyped"),
        ('people: {"@a": {emails: [x@y.z]}, "@b": {emails: [X@y.z]}}', "of @a's"),
        ('people: {"@a": {}, "@A": {}}', "given twice"),
        ('teams: {"@t": ["@a"]}', "@a is not in `people`"),
        ("owners: {dialect: svn}", "one of github"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str | bytes, said: str) -> None:
    found = mistakes(text)
    assert any(said in line for line in found), found
    assert all(line.startswith("gate.yaml:") for line in found)


def test_all_mistakes_are_told_at_once_in_their_order() -> None:
    found = mistakes("version: one\nprotect: 3\nteams: [x]\nextra: 1\n")
    assert [line.split(":")[1] for line in found] == ["1", "2", "3", "4"]


def assert_only_mistakes(data: bytes) -> None:
    told: tuple[object, ...] = ("none",)
    try:
        load_policy(data)
    except InvalidInput as error:
        told = error.mistakes
    assert told


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_whatever_the_bytes_nothing_else_is_raised(data: bytes) -> None:
    assert_only_mistakes(data)


@given(
    st.recursive(
        st.sampled_from(["1", "x", "true", "null", "'@a'", "[]", "{}", "-1", "10m"]),
        lambda inner: st.dictionaries(
            st.sampled_from(
                ["protect", "main", "require", "owners", "checks", "people", "'@a'", "keys", "lint", "tool"]
            ),
            inner,
            max_size=4,
        ).map(lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"),
        max_leaves=12,
    )
)
def test_whatever_the_shape_nothing_else_is_raised(text: str) -> None:
    assert_only_mistakes(text.encode())
