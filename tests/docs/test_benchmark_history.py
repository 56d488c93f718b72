"""The history of the benchmarks: figures are appended, drawn, and compared with those before them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import history  # noqa: E402  the folder of benchmarks has to be on the path first

# Benchmarks and folders of tests have names in common.
sys.path.remove(str(BENCHMARKS))


def figure(value: float, machine: str = "a", measure: str = "cold") -> history.Figure:
    return {
        "benchmark": "check", "subject": "click", "measure": measure, "value": value,
        "machine": machine, "version": "v1", "date": "2026-01-01",
    }  # fmt: skip


def test_a_figure_is_appended_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "history.jsonl"
    monkeypatch.setattr(sys, "argv", ["benchmarks/check.py", "--fast", "projects/click", "5"])
    history.record("cold", 1.5)
    assert not file.exists()
    monkeypatch.setenv(history.VARIABLE, str(file))
    history.record("cold", 1.23456, gate=7.1, other=5.75)
    history.record("share", 0.5, "")
    first, second = history.read(file)
    assert (first["benchmark"], first["subject"], first["measure"]) == ("check", "click", "cold")
    assert (first["value"], first["gate"], first["other"]) == (1.2346, 7.1, 5.75)
    assert first["version"]
    assert "cores, Python 3." in first["machine"]
    assert list(history.series([first, second])) == ["check · click · cold", "check · share"]


@pytest.mark.parametrize(
    ("values", "bad"),
    [((1.0,), 0), ((1.0, 1.2), 0), ((1.0, 1.3), 1), ((1.0, 9.0, 1.0, 1.2), 0), ((2.0, 1.0), 0), ((0.0, 0.1), 1)],
)  # fmt: skip
def test_a_figure_is_compared_with_the_median_of_those_before(values: tuple[float, ...], bad: int) -> None:
    assert len(history.worse([figure(value) for value in values])) == bad


def test_machines_and_measures_are_not_compared_with_each_other() -> None:
    assert not history.worse([figure(1.0), figure(5.0, machine="b")])
    assert not history.worse([figure(1.0), figure(5.0, measure="one file changed")])
    assert history.worse([figure(1.0), figure(5.0, machine="b"), figure(2.0)])


def test_the_picture_shows_each_measure_and_is_well_formed() -> None:
    picture = history.draw([figure(1.0), figure(2.0), figure(3.0, measure="a < b & c")])
    tree = ElementTree.fromstring(picture)  # noqa: S314  it was drawn just now
    texts = [item.text for item in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["check · click · a < b & c", "3.00", "check · click · cold", "2.00"]


def test_the_picture_in_the_documents_is_that_of_the_history() -> None:
    assert history.PICTURE.read_text("utf-8") == history.draw(history.read())
    assert all(json.dumps(item) for item in history.read())
