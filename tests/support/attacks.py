"""Generate the table of attacks in docs/attacks.md from the tests that carry them out.

A test that carries out an attack is marked with the number of its line in `tests/attacks/threats.toml`:

    @pytest.mark.attack(9)
    def test_09_approve_then_push_more(...)       # the table derives its text from the name

    @pytest.mark.attack(9, "push more in the web page")     # or from a phrase

A test with several markers is listed below several lines. `python tests/support/attacks.py docs/attacks.md` regenerates
the table.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- attacks: made by tests/support/attacks.py -->", "<!-- end of attacks -->"
HEAD = "| | attack | carried out by |\n| --- | --- | --- |\n"


@dataclass(frozen=True)
class Threat:
    """A line of the list of threats. `section` is set on the first line of each section."""

    number: int
    attack: str
    answer: str
    section: str = ""


@dataclass(frozen=True)
class Attack:
    """A test that carries out an attack, with the ids of its cases."""

    number: int
    what: str
    path: str
    test: str
    cases: tuple[str, ...]


class Collected:
    """A plugin that collects every marked test."""

    def __init__(self) -> None:
        self.attacks: list[Attack] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        cases: dict[tuple[int, str, str, str], list[str]] = {}
        for item in session.items:
            path = item.path.relative_to(ROOT).as_posix()
            name, _, case = item.name.removesuffix("]").partition("[")
            for mark in item.iter_markers("attack"):
                number, what = mark.args if len(mark.args) == 2 else (*mark.args, words(name))
                cases.setdefault((number, what, path, name), []).extend([case] if case else [])
        self.attacks = [Attack(*key, tuple(found)) for key, found in cases.items()]


def words(name: str) -> str:
    """Convert the name of a test to text: `test_09_approve_then` is `approve then`."""
    return re.sub(r"^test_(\d\d_)?", "", name).replace("_", " ")


def threats() -> tuple[Threat, ...]:
    """Return the list of threats."""
    data = tomllib.loads((ROOT / "tests/attacks/threats.toml").read_text())
    return tuple(Threat(**entry) for entry in data["threat"])


def collect() -> list[Attack]:
    """Return every marked test, as collected by pytest."""
    files = [
        path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.attack(" in path.read_text()
    ]
    plugin = Collected()
    # Also those that do not run by default, and all in this process.
    options = [
        "--collect-only",
        "-m",
        "slow or not slow",
        "-n0",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
    ]
    result = io.StringIO()
    with contextlib.redirect_stdout(result):
        code = pytest.main([*options, *map(str, files)], plugins=[plugin])
    if code != 0:
        sys.exit(f"pytest could not collect the tests:\n{result.getvalue()}")
    return plugin.attacks


def table(lines: Iterable[Threat], attacks: Iterable[Attack]) -> Iterator[str]:
    """Yield the rows, with a table for each section: the threat and the defense, then the tests that attack it."""
    attacks = list(attacks)
    known = set()
    for line in lines:
        known.add(line.number)
        if line.section:
            yield f"\n## {line.section}\n\n{HEAD}"
        yield f"| **{line.number}** | **{line.attack}.** {line.answer}. | |\n"
        for attack in attacks:
            if attack.number == line.number:
                link = f"[`{attack.test}`](../{attack.path})"
                cases = f": {', '.join(map(plain, attack.cases))}" if attack.cases else ""
                yield f"| {line.number} | {attack.what}{cases} | {link} |\n"
    stray = sorted({attack.number for attack in attacks} - known)
    if stray:
        sys.exit(f"tests/attacks/threats.toml has no line {', '.join(map(str, stray))}")


def plain(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    return f"`{text}`".replace("|", "\\|")


def write(page: Path) -> None:
    """Replace the table in `page`."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{''.join(table(threats(), collect()))}\n{END}{after}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
