"""A command asks git once about the same objects, whichever part of gate needs the answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.company import Company

from gate import process
from gate.errors import CannotDecide
from gate.git.objects import read_blob, read_objects
from gate.git.repository import Repository

# What these say follows from the objects that they name by id.
ABOUT_OBJECTS = {"merge-tree", "diff-tree", "ls-tree", "merge-base"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [("approve", "feature"), ("check", "--head", "feature"), ("merge", "feature")]
)
def test_no_question_about_objects_is_asked_twice(
    company: Company, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior = company.clone("nehemiah")
    senior.git("fetch", "-q", "origin", "feature:feature")
    if args[0] == "merge":
        senior.approve("feature")
    questions: Counter[tuple[Any, ...]] = Counter()
    run = process.run

    def recorded(argv: Any, *, stdin: bytes = b"", **options: Any) -> Any:
        if ABOUT_OBJECTS & set(argv):
            questions[(*argv, stdin)] += 1
        return run(argv, stdin=stdin, **options)

    monkeypatch.setattr("gate.git.repository.run_process", recorded)
    assert senior.gate(*args).code in {0, 1}
    assert questions
    assert [" ".join(map(str, question[10:])) for question, times in questions.items() if times > 1] == []


def test_a_missing_object_is_an_error_each_time(company: Company) -> None:
    repository = Repository.find(company.clone("ada").path)
    for _ in range(2):
        with pytest.raises(CannotDecide, match="is not in this repository"):
            read_objects(repository, ["0" * 39 + "1"])


def test_a_name_is_looked_up_each_time(company: Company) -> None:
    clone = company.clone("ada")
    repository = Repository.find(Path(clone.path))
    clone.commit("one", {"new.txt": "1"}, branch="feature", push=False)
    assert read_blob(repository, "HEAD", "new.txt") == b"1"
    clone.commit("two", {"new.txt": "2"}, push=False)
    assert read_blob(repository, "HEAD", "new.txt") == b"2"
