"""`gate check --shard` and `--join`: every test runs in one shard, and a join decides only about all of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.company import Clone

from gate.checks import Report
from gate.result_cache import ResultCache
from gate.runner.shards import Shard, ShardPlan, ShardTests, divide, missing_tests


@pytest.mark.parametrize(
    ("weights", "count", "loads"),
    [
        ({"a": 4, "b": 3, "c": 3, "d": 2}, 2, [6, 6]),
        ({"a": 9, "b": 1, "c": 1}, 2, [9, 2]),
        ({"a": 1}, 3, [1, 0, 0]),
        ({}, 2, [0, 0]),
    ],
)
def test_shards_are_balanced(weights: Mapping[str, float], count: int, loads: list[float]) -> None:
    plan = divide(weights, count)
    assert [sum(weights[path] for path in plan if plan[path] == n) for n in range(1, count + 1)] == loads


COUNTED = Report((), "", 4, frozenset({"a.py::one", "b.py::two", "b.py::three", "c.py::four"}))


def test_every_machine_divides_in_the_same_way(tmp_path: Path) -> None:
    """Whether or not the machines share a cache, and even if durations are recorded in between."""
    for results in ([ResultCache(tmp_path / "shared")] * 3, [ResultCache(tmp_path / name) for name in "abc"]):
        found = []
        for number in (1, 2, 3):
            shard_plan = ShardPlan(Shard(number, 3), results[number - 1], "suite", "tree")
            found.append(shard_plan.files(COUNTED))
            shard_plan.record({"a.py": 100.0 * number})
        assert sorted(path for files, _ in found for path in files) == ["a.py", "b.py", "c.py"]
        assert len({plan for _, plan in found}) == 1


def test_recorded_durations_decide(tmp_path: Path) -> None:
    results = ResultCache(tmp_path)
    ShardPlan(Shard(1, 2), results, "suite", "tree").record({"a.py": 9.0, "b.py": 1.0, "c.py": 2.0})
    assert ShardPlan(Shard(1, 2), results, "suite", "tree").files(COUNTED)[0] == ("a.py",)


ALL = ("a", "b")


@pytest.mark.parametrize(
    ("shard_tests", "reason"),
    [
        ([ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ALL, 3, ("b",), 2)], ""),
        ([ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ALL, 3, (), 2)], "b is in no shard"),
        (
            [ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ALL, 3, ("a", "b"), 2)],
            "a ran in more than one shard",
        ),
        (
            [ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ALL, 3, ("b", "c"), 2)],
            "c ran in more than one shard",
        ),
        (
            [ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ALL, 3, ("b",), 1)],
            "2 tests ran, but 3 were collected",
        ),
        (
            [ShardTests("p", ALL, 3, ("a",), 1), ShardTests("q", ALL, 3, ("b",), 2)],
            "divided the tests differently",
        ),
        (
            [ShardTests("p", ALL, 3, ("a",), 1), ShardTests("p", ("b",), 3, ("b",), 2)],
            "divided the tests differently",
        ),
    ],
)
def test_a_join_accounts_for_every_test(shard_tests: list[ShardTests], reason: str) -> None:
    assert reason in missing_tests(shard_tests)
    assert bool(reason) == bool(missing_tests(shard_tests))


def policy(*keys: str) -> str:
    bots = "".join(f'people:\n  "@ci": {{role: bot, keys: ["{key}"]}}\n' for key in keys)
    return (
        f"version: 1\nrepository: a/b\nprotect:\n  main:\n    require:\n      checks: [names, tests]\n{bots}"
    )


def new_key(folder: Path, name: str) -> tuple[str, str]:
    """The file of a new key, and its public half."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return str(path), path.with_suffix(".pub").read_text().strip()


def prepared(project: Clone, rules: str, failing: str = "") -> None:
    tests = {f"tests/test_{name}.py": f"def test_{name}():\n    assert {name != failing}\n" for name in "abc"}
    project.write({"gate.yaml": rules, "m.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "start")
    project.git("checkout", "-q", "-b", "feature")
    project.write(tests)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "change")


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["", "c"])
def test_shards_decide_what_one_run_does(project: Clone, tmp_path: Path, failing: str) -> None:
    prepared(project, policy(), failing)
    parts = [str(tmp_path / f"{number}.json") for number in (1, 2)]
    codes = [
        project.gate("check", "--into", "main", "--shard", f"{number}/2", "--output", part).code
        for number, part in enumerate(parts, 1)
    ]
    assert sorted(codes) == [0, int(bool(failing))]
    joined = project.gate("check", "--into", "main", "--join", *parts, "--format", "json")
    whole = project.gate("check", "--into", "main", "--format", "json")
    assert (joined.code, whole.code) == (int(bool(failing)), int(bool(failing)))
    ours, theirs = json.loads(joined.out), json.loads(whole.out)
    assert [(check["id"], check["outcome"], check["seen"]) for check in ours["checks"]] == [
        (check["id"], check["outcome"], check["seen"]) for check in theirs["checks"]
    ]
    assert any("not signed" in note for note in ours["notes"])


@pytest.mark.slow
def test_a_join_reports_that_tests_are_gone(project: Clone, tmp_path: Path) -> None:
    """Although only the first shard collects the tests of the base."""
    files = {f"tests/test_{name}.py": f"def test_{name}():\n    pass\n" for name in "abc"}
    project.write({"gate.yaml": policy(), **files})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "start")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"pytest.ini": "[pytest]\npython_files = test_a.py test_b.py\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "change")
    parts = [str(tmp_path / f"{number}.json") for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        project.gate("check", "--into", "main", "--shard", f"{number}/2", "--output", part)
    joined, whole = (
        json.loads(project.gate("check", "--into", "main", "--format", "json", *args).out)["checks"]
        for args in (["--join", *parts], [])
    )
    found = [[check["findings"] for check in checks] for checks in (joined, whole)]
    assert found[0] == found[1]
    assert any(found[0])


@pytest.mark.slow
def test_a_join_refuses_what_is_not_just_all_parts_of_this_change(project: Clone, tmp_path: Path) -> None:
    key, public = new_key(tmp_path, "ci")
    prepared(project, policy(public))
    both = tmp_path / "both"
    both.mkdir()
    one, two = str(both / "1.json"), str(both / "2.json")
    foreign, unsigned = str(tmp_path / "foreign.json"), str(tmp_path / "unsigned.json")

    def shard(number: int, part: str, *more: str) -> None:
        asked = ("--only", "names", "--shard", f"{number}/2", "--output", part)
        assert project.gate("check", "--into", "main", *asked, *more).code == 0

    def join(*parts: str) -> tuple[int, str]:
        result = project.gate("check", "--into", "main", "--only", "names", "--join", *parts)
        return result.code, result.err

    shard(1, one, "--key", key)
    shard(2, two, "--key", key)
    assert join(str(both))[0] == 0
    shard(2, unsigned)
    shard(2, foreign, "--key", new_key(tmp_path, "other")[0])
    altered = tmp_path / "altered.json"
    altered.write_text(Path(two).read_text().replace("names", "nomes"))
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    for parts, reason in (
        ([one], "the part of shard 2 of 2 is missing"),
        ([one, one], "are both from shard 1 of 2"),
        ([one, unsigned], "is not signed"),
        ([one, foreign], "which is not a key of @ci"),
        ([one, str(altered)], "it was altered"),
        ([one, str(damaged)], "is damaged"),
        ([one, str(tmp_path / "none.json")], "cannot be read"),
    ):
        code, message = join(*parts)
        assert (code, reason in message) == (3, True), message
    assert join(one, unsigned, "--unsigned")[0] == 0
    code, message = join(one, str(altered), "--unsigned")
    assert (code, "it was altered" in message) == (3, True), message
    project.write({"m.py": "x = 2\n"})
    project.git("commit", "-q", "-am", "more")
    code, message = join(one, two)
    assert (code, "is about another change: its head is" in message) == (3, True)


@pytest.mark.parametrize("value", ["0/2", "3/2", "a/b", "1", "1/0", "-1/2", "²/3", "1/" + "9" * 5000])
def test_a_shard_that_cannot_be_is_a_usage_error(project: Clone, value: str) -> None:
    assert project.gate("check", f"--shard={value}").code == 2
