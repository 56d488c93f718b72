"""Cached answers: the same question about the same content is answered at once, and any other is not."""

from __future__ import annotations

import os
import sys
from binascii import crc32
from pathlib import Path

import pytest
from support.company import Clone, Result

from gate import answer_cache
from gate.store import MAGIC

ASK = ("check", "--only", "lint")


def cached(project: Clone) -> list[Path]:
    return sorted((project.path / ".git" / "gate" / "answers").glob("*"))


def asked(project: Clone, *more: str, env: dict[str, str] | None = None) -> Result:
    return project.gate_process(*ASK, *more, env=env)


@pytest.fixture
def answered(project: Clone) -> Clone:
    """A project that was checked once; its cached answer is then made to say something else."""
    project.git("checkout", "-q", "-b", "feature")
    project.write({"new.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "New")
    assert asked(project).code == 0
    (entry,) = cached(project)
    text = entry.read_bytes()
    assert b"Partial run passed" in text
    _, _, data = text.replace(b"Partial run passed", b"FROM CACHE").partition(b"\n")
    entry.write_bytes(MAGIC + b"%08x\n" % crc32(data) + data)
    return project


def test_asked_again_the_cached_answer_is_given(answered: Clone) -> None:
    result = asked(answered)
    assert (result.code, "FROM CACHE" in result.out) == (0, True)


def new_commit(project: Clone) -> None:
    project.git("commit", "-q", "--allow-empty", "-m", "Another")


def new_base(project: Clone) -> None:
    project.git("branch", "-f", "main", "HEAD")


def new_log(project: Clone) -> None:
    project.git("update-ref", "refs/gate/log", "HEAD")


def new_settings(project: Clone) -> None:
    project.git("config", "user.email", "else@acme.example")


def damage(project: Clone) -> None:
    (entry,) = cached(project)
    entry.write_bytes(entry.read_bytes()[:-5])


def empty(project: Clone) -> None:
    (entry,) = cached(project)
    entry.write_bytes(b"")


def an_environment(project: Clone) -> None:
    folder = project.path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    (project.path / ".venv" / "pyvenv.cfg").write_text("")


@pytest.mark.parametrize(
    "happens",
    [new_commit, new_base, new_settings, damage, empty, an_environment],
    ids=lambda one: one.__name__,
)
def test_what_has_changed_is_worked_out_anew(answered: Clone, happens: object) -> None:
    assert callable(happens)
    happens(answered)
    assert "FROM CACHE" not in asked(answered).out


@pytest.mark.parametrize("more", [("--format", "json"), ("--all",), ("--base", "HEAD")], ids=str)
def test_another_question_is_another_answer(answered: Clone, more: tuple[str, ...]) -> None:
    assert "FROM CACHE" not in asked(answered, *more).out


@pytest.mark.slow
def test_another_place_or_environment_is_another_question(answered: Clone) -> None:
    assert "FROM CACHE" not in asked(answered, env={"COLUMNS": "60"}).out
    assert "FROM CACHE" not in asked(answered, env={"VIRTUAL_ENV": "/nowhere"}).out


def test_an_answer_ends_with_the_key_that_it_rests_on(project: Clone) -> None:
    folder = str(project.path / "state")
    answer_cache.store_answer(folder, "name", 0, b"yes\n", [], until=1)
    assert answer_cache.read_answer(answer_cache.entry_path(folder, "name"), "name") is None
    answer_cache.store_answer(folder, "name", 0, b"yes\n", [], until=2**40)
    assert answer_cache.read_answer(answer_cache.entry_path(folder, "name"), "name") == (0, b"yes\n")


def test_what_could_not_be_decided_is_not_cached(project: Clone) -> None:
    answer_cache.store_answer(str(project.path / "state"), "name", 3, b"?", [])
    assert not os.path.lexists(project.path / "state")


@pytest.mark.slow
def test_an_answer_says_that_its_checks_were_cached(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    project.write({"new.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "New")
    assert '"cached": false' in asked(project, "--format", "json").out
    assert '"cached": true' in asked(project, "--format", "json").out


@pytest.mark.slow
@pytest.mark.parametrize("args", [("--format", "github"), ("--format=github",), ("--report", "github=x")])
def test_the_job_summary_is_written_each_time(project: Clone, tmp_path: Path, args: tuple[str, ...]) -> None:
    summary = tmp_path / "summary.md"
    for times in (1, 2):
        project.gate_process("check", *args, env={"GITHUB_STEP_SUMMARY": str(summary)})
        assert summary.read_text("utf-8").count("Nothing to merge") == times
