"""Small variants of mistakes, each beside what looks like it and is right: only the marked lines are reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gate.names.run import check

MARK = "# <-"
CASES = {
    f"{path.stem}: {name}": body
    for path in sorted((Path(__file__).parent / "cases").glob("*.txt"))
    for name, _, body in (block.partition("\n") for block in re.split(r"(?m)^--- ", path.read_text())[1:])
}


def test_there_are_many() -> None:
    lines = [line for body in CASES.values() for line in body.splitlines() if line.strip()]
    wrong = [line for line in lines if MARK in line]
    assert len(wrong) > 200
    assert len(lines) - len(wrong) > len(wrong)


@pytest.mark.parametrize("name", CASES)
def test_the_marked_lines_are_reported_and_no_others(tmp_path: Path, words: Path, name: str) -> None:
    lines = CASES[name].splitlines()
    (tmp_path / "case.py").write_text("\n".join(line.partition(MARK)[0].rstrip() for line in lines) + "\n")
    _, found = check(tmp_path, None, words)
    reported = {one.line: f"{one.message} {one.hint}" for one in found}
    expected = {number: line for number, line in enumerate(lines, 1) if MARK in line}
    assert {number: lines[number - 1] for number in reported} == expected
    for number, line in expected.items():
        assert line.partition(MARK)[2].strip() in reported[number]
