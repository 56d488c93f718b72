"""gate.yaml: what it may hold, and every mistake reported at once with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import KEY, MISTAKES, WHOLE

from gate.errors import InvalidInput
from gate.policy.load import load_policy
from gate.policy.types import (
    BUILT_IN_CHECKS,
    RELEASE,
    ApprovalRule,
    BudgetRequired,
    CheckSettings,
    Metric,
    OwnersRequired,
    Policy,
    Protection,
)


def mistakes(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_policy(text.encode() if isinstance(text, str) else text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_without_a_file_the_defaults_hold() -> None:
    assert load_policy(None) == Policy()
    assert load_policy(b"").protection("main") == Protection()


def test_rules_about_approvals_are_read_in_their_order() -> None:
    text = (
        "protect: {main: {require: {approvals: [{paths: [db/, '*.lock'], need: 2, from: ['@a', senior]}, "
        "{authors: [bots, '@b'], need: 0}, {}]}}}"
    )
    assert load_policy(text.encode()).protection("main").require.approvals == (
        ApprovalRule(2, ("db/", "*.lock"), (), ("@a", "senior"), "[0]"),
        ApprovalRule(0, (), ("bot", "@b"), (), "[1]"),
        ApprovalRule(place="[2]"),
    )


@pytest.mark.parametrize(
    ("owners", "wanted"),
    [
        ("{need: 1}", OwnersRequired(explicit=True, need=1)),
        ("{need: 2}", OwnersRequired(explicit=True, need=2)),
        ("{need: all, unowned: error}", OwnersRequired(explicit=True, need="all", unowned="error")),
        ("{unowned: ['@a']}", OwnersRequired(explicit=True, unowned="error", fallback=("@a",))),
        ("{optional: ['@a'], author: true}", OwnersRequired(explicit=True, optional=("@a",), author=True)),
    ],
)
def test_how_many_owners_and_which(owners: str, wanted: OwnersRequired) -> None:
    policy = load_policy(f"protect: {{main: {{require: {{owners: {owners}}}}}}}".encode())
    assert policy.protection("main").require.owners == wanted


def test_every_key_is_read() -> None:
    policy = load_policy(WHOLE.encode())
    require = policy.protection("main").require
    assert (require.owners, require.approvals) == (OwnersRequired("owned", explicit=True), (ApprovalRule(2),))
    assert require.seniority is not None
    assert require.seniority.authors == ("junior",)
    assert (require.guarded, require.checks) == (("@acme/guardians",), ("names", "docs"))
    assert policy.protection("main").verdicts == ("@ci",)
    assert policy.protection("release/2").require.owners is None
    assert policy.protection("release/2").verdicts == ()
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
    assert policy.checks["docs"] == CheckSettings(
        "docs",
        "command",
        ("sphinx-build", "docs", "{scratch}"),
        timeout=90,
        block="new",
        report="sarif",
        env=("LANG",),
    )
    assert policy.checks["names"].disable == ("unexpected-keyword",)
    assert policy.checks["lint"] == BUILT_IN_CHECKS["lint"]


@pytest.mark.parametrize(("text", "expected"), [(case.text, case.expected) for case in MISTAKES])
def test_a_mistake_is_reported_with_its_place(text: str | bytes, expected: str) -> None:
    found = mistakes(text)
    assert any(expected in line for line in found), found
    assert all(line.startswith("gate.yaml:") for line in found)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("checks: {x: {command: [a]}}", "all"),
        ("checks: {x: {tool: pytest}}", "all"),
        ("checks: {x: {tool: mypy}}", "new"),
        ("checks: {tests: {tool: ruff}}", "new"),
        ("checks: {tests: {timeout: 5}}", "all"),
        ("checks: {tests: {block: new}}", "new"),
        ("checks: {lint: {command: [a]}}", "all"),
    ],
)
def test_what_a_check_blocks_on_follows_its_tool(text: str, block: str) -> None:
    name = text.split("{")[1].split(":")[0]
    assert load_policy(text.encode()).checks[name].block == block


def test_a_byte_order_mark_and_windows_line_ends_are_nothing() -> None:
    assert load_policy(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()) == load_policy(WHOLE.encode())


@pytest.mark.parametrize(
    ("protect", "expected"),
    [
        ("{refs/heads/next: {}}", "expected the short name of a branch, such as `next`"),
        ("{'a b': {}}", "expected the short name of a branch, such as `main`"),
        ("{main: {require: {approvals: [{paths: ['']}]}}}", "a pattern such as `docs/`"),
        ("{main: {require: {approvals: [{paths: [~]}]}}}", "expected text"),
        ("{main: {require: {approvals: [{paths: [' docs/']}]}}}", "a pattern such as `docs/`"),
        ("{main: {require: {approvals: [{paths: [/]}]}}}", "a pattern such as `docs/`"),
        ("{main: {require: {approvals: [{from: ['']}]}}}", "a person, a team, or one of"),
        ("{main: {require: {approvals: [{from: [~]}]}}}", "expected text"),
        ("{main: {require: {approvals: [{need: 1, enforce: false}]}}}", "all rules are enforced, or none is"),
        ("{live: {kind: environment, require: {budget: {slo: a.yaml, minutes: 5}}}}", "either `slo` or `minutes`"),
    ],
)  # fmt: skip
def test_one_mistake_is_reported_once(protect: str, expected: str) -> None:
    (mistake,) = mistakes(f"protect: {protect}\n")
    assert expected in mistake


def test_what_a_target_does_not_say_is_the_usual_of_its_kind() -> None:
    budget = "slow: {kind: environment, require: {budget: {slo: a.yaml}}}"
    policy = load_policy(f"protect: {{main: {{}}, live: {{kind: environment}}, {budget}}}".encode())
    assert policy.protection("main") == Protection()
    assert policy.protection("main").enforce
    assert policy.protection("live") == Protection(RELEASE, kind="environment")
    assert policy.protection("slow").require.budget == BudgetRequired(slo="a.yaml")


@pytest.mark.parametrize("name", ["guarded", "checks", "passed", "metric"])
def test_a_list_that_is_switched_off_is_empty(name: str) -> None:
    policy = load_policy(f"protect: {{live: {{kind: environment, require: {{{name}: false}}}}}}".encode())
    assert getattr(policy.protection("live").require, name) == ()


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("{minutes: 0, low: 0}", BudgetRequired(0.0, low=0.0)),
        ("{minutes: 5, incidents: a.jsonl}", BudgetRequired(5.0, incidents="a.jsonl")),
        ("{slo: a.yaml, risk: 2}", BudgetRequired(slo="a.yaml", risk=2.0)),
        ("true", BudgetRequired()),
        ("false", None),
    ],
)
def test_budgets(text: str, budget: BudgetRequired | None) -> None:
    policy = load_policy(f"protect: {{live: {{kind: environment, require: {{budget: {text}}}}}}}".encode())
    assert policy.protection("live").require.budget == budget


@pytest.mark.parametrize("limit", ["below", "above"])
def test_an_answer_is_limited_from_either_side(limit: str) -> None:
    metric = f"[{{query: up, {limit}: 0.5}}]"
    policy = load_policy(f"protect: {{live: {{kind: environment, require: {{metric: {metric}}}}}}}".encode())
    assert policy.protection("live").require.metric == (Metric("up", **{limit: 0.5}),)


def test_all_mistakes_are_reported_at_once_in_their_order() -> None:
    found = mistakes("version: one\nprotect: 3\nteams: [x]\nextra: 1\n")
    assert [line.split(":")[1] for line in found] == ["1", "2", "3", "4"]


def assert_only_mistakes(data: bytes) -> None:
    mistakes: tuple[object, ...] = ("none",)
    try:
        load_policy(data)
    except InvalidInput as error:
        mistakes = error.mistakes
    assert mistakes


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
