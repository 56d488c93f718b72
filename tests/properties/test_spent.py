"""What spends an approval, by the definition in docs/approvals.md, in random histories of real repositories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.company import isolated

from gate.approvals.content import Contents, contents_of
from gate.approvals.record import Record
from gate.approvals.spent import Timeline
from gate.git.branch_history import read_diffs
from gate.git.repository import Repository
from gate.log.index import LoggedRecord
from gate.log.spent import spent_on
from gate.process import run
from gate.raw_diff import parse_raw

PATHS = ("a.py", "b.py", "lib/c.py")
State = dict[str, str]
states = st.dictionaries(st.sampled_from(PATHS), st.sampled_from("12"))
histories = st.lists(states, min_size=2, max_size=7)
RECORD = Record("approve", "acme/x", "refs/heads/main", "", "", "c" * 64, "@ada", 1, "d" * 32)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("spent")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(folder).items():
            patch.setenv(name, value)
        run(["git", "init", "-q", "--bare", str(folder / "repository")])
        yield Repository.find(folder / "repository")


def branch_with(repository: Repository, history: list[State], merged: dict[int, int]) -> list[str]:
    """Commits with these states, one after the other. `merged` names those that have a side branch as second parent."""
    stream, marks = [], iter(range(1, 1000))

    def commit(state: State, *parents: int) -> int:
        mark = next(marks)
        lines = [f"commit refs/heads/made\nmark :{mark}\ncommitter g <g@g> {mark} +0000\ndata 1\nx"]
        lines += [f"{word} :{parent}" for word, parent in zip(("from", "merge"), parents, strict=False)]
        lines += ["deleteall"]
        lines += [f"M 100644 inline {path}\ndata 1\n{content}" for path, content in sorted(state.items())]
        stream.append("\n".join(lines) + "\n")
        return mark

    tips: list[int] = []
    for number, state in enumerate(history):
        sides = [commit(state, tips[merged[number]])] if number in merged and tips else []
        tips.append(commit(state, *tips[-1:], *sides))
    asked = "".join(f"get-mark :{mark}\n" for mark in tips)
    script = "reset refs/heads/made\n" + "".join(stream) + asked
    options = ("--quiet", "--force", "--date-format=raw")
    return repository.run("fast-import", *options, stdin=script.encode()).decode().split()


def change_between(repository: Repository, old: str, new: str) -> Contents:
    (raw,) = read_diffs(repository, [(old, new)])
    return contents_of(parse_raw(raw))


def by_definition(history: list[State], base: int, now: int, wanted: dict[str, str | None]) -> bool:
    """Point 2 of the definition, read from the states themselves."""
    return any(
        history[number].get(path) == content
        for path, content in wanted.items()
        for number in range(base + 1, now + 1)
    )


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, states, st.data())
@example([{"a.py": "1"}, {"a.py": "2"}, {"a.py": "1"}], {"a.py": "2"}, None)
def test_content_that_the_branch_had_since_the_base_is_spent(
    repository: Repository, history: list[State], proposed: State, data: st.DataObject | None
) -> None:
    base = data.draw(st.integers(0, len(history) - 1)) if data else 0
    commits = branch_with(repository, [*history, proposed], {})
    now = len(history) - 1
    contents = change_between(repository, commits[base], commits[-1])
    wanted = {path: proposed.get(path) for path in contents}
    # Given for the base, by a commit that is on no branch; asked where the change is still the same one.
    record = LoggedRecord("e" * 64, b"", replace(RECORD, base=commits[base], head=commits[-1]), ())
    spent = spent_on(repository, commits[now], [record], contents, {})
    assert bool(spent) == (base != now and by_definition(history, base, now, wanted))
    raws = read_diffs(repository, list(pairwise(commits[: now + 1])))
    timeline = Timeline(parse_raw(raw) for raw in raws)
    number = timeline.first_with(contents, base, now) if contents else 0
    assert spent.get(record.id, "") == (commits[number] if number else "")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.data())
def test_a_commit_that_was_merged_is_spent_from_there_on(
    repository: Repository, history: list[State], data: st.DataObject
) -> None:
    merge = data.draw(st.integers(1, len(history) - 1))
    asked = data.draw(st.integers(0, len(history) - 1))
    # The rest of the branch never has this content, so that nothing but the merge itself can spend it.
    history = [*history[:merge], {**history[merge], "only.py": "9"}, *history[merge + 1 :]]
    commits = branch_with(repository, history, {merge: merge - 1})
    head = repository.text("rev-parse", f"{commits[merge]}^2")
    record = LoggedRecord("e" * 64, b"", replace(RECORD, base=commits[0], head=head), ())
    other = {"elsewhere.py": ("000000", "100644", "0" * 40, "1" * 40)}
    spent = spent_on(repository, commits[asked], [record], other, {})
    assert bool(spent) == (asked >= merge)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, states)
def test_objections_and_verdicts_are_never_spent(
    repository: Repository, history: list[State], proposed: State
) -> None:
    commits = branch_with(repository, [*history, proposed], {})
    contents = change_between(repository, commits[0], commits[-1])
    for kind in ("block", "verdict", "revoke"):
        record = replace(RECORD, kind=kind, base=commits[0], head=commits[0], of="f" * 64)
        assert (
            spent_on(repository, commits[-1], [LoggedRecord("e" * 64, b"", record, ())], contents, {}) == {}
        )
