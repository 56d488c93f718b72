"""What messages, help and documents point at is there: commands, options, topics, files, headings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gate.cli import COMMANDS
from gate.cli.main import command, parser_of
from gate.topics import topics

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SOURCES = sorted((ROOT / "gate").rglob("*.py"))
QUOTED = re.compile(r"`gate ([a-z]+)((?: [^`]*)?)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def options_of(name: str) -> set[str]:
    return {option for action in parser_of(name)._actions for option in action.option_strings}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*SOURCES, *DOCUMENTS], ids=name_of)
def test_every_command_that_is_quoted_exists_with_its_options(path: Path) -> None:
    for name, rest in QUOTED.findall(path.read_text("utf-8")):
        assert name in COMMANDS, f"`gate {name}{rest}`"
        named = set(re.findall(r"(?<![\w-])--[a-z-]+", rest))
        assert named <= options_of(name), f"`gate {name}{rest}`"
        topic = re.fullmatch(r" ([a-z][a-z-]*)", rest)
        if name == "explain" and topic:
            assert topic[1] in topics()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_the_help_can_be_typed(name: str) -> None:
    lines = [line for line in command(name).EXAMPLES.splitlines() if line.startswith("  gate ")]
    assert any(line.startswith(f"  gate {name}") for line in lines)
    for line in lines:
        typed = re.split(r"\s{2,}| > ", line.strip())[0]
        _, called, *arguments = shlex.split(typed)
        parser_of(called).parse_args(arguments)


def anchors(path: Path) -> set[str]:
    """The headings of a document, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_of_the_documents_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"
