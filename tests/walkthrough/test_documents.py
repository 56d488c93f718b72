"""From `gate init` to a merged change: the commands as they stand in the documents, by people with a HOME each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.people import ROOT, Person, people_at_machines

pytestmark = pytest.mark.slow


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Person]:
    """Everybody, with a clone of the same bare repository, which has a first commit."""
    return people_at_machines(tmp_path)


STORY = (
    ("Nehemiah", 'mkdir -p .github && echo "* @nehemiah" > .github/CODEOWNERS'),
    ("Nehemiah", "gate init"),
    ("Nehemiah", "gate init --person @newhire --role junior --email new@acme.example --key newhire.pub"),
    ("Nehemiah", 'git add .github gate.yaml && git commit -m "Guard main" && git push'),
    ("The new hire", "git pull && git checkout -b feature"),
    ("The new hire", """printf 'def greet(name):\\n    return f"Hello {name}"\\n' > greet.py"""),
    ("The new hire", 'git add greet.py && git commit -m "Greet" && git push -u origin feature'),
    ("The new hire", "gate check    # exit 1"),
    ("Nehemiah", "git fetch && git diff main...origin/feature"),
    ("Nehemiah", "gate approve origin/feature"),
    ("The new hire", "gate approvals --fetch"),
    ("The new hire", "gate merge feature --push"),
    ("An auditor", "gate audit --fetch"),
    ("An auditor", "gate audit"),
)
"""Who types which line, from a first policy to the audit."""


def follow(people: dict[str, Person], until: str = "") -> None:
    """Type the story line by line, up to the line that starts so."""
    auditor = people["An auditor"]
    for who, line in STORY:
        if until and line.startswith(until):
            return
        if who == auditor.name and not auditor.clone.exists():
            auditor.run(f"git clone -q {people['Nehemiah'].home.parent}/server.git app", where=auditor.home)
        code = re.search(r"# exit (\d)", line)
        people[who].run(line, code=int(code[1]) if code else 0)


def test_the_story_of_two_people(people: dict[str, Person]) -> None:
    follow(people)
    lead, auditor = people["Nehemiah"], people["An auditor"]
    lead.run("git pull -q")
    assert (lead.clone / "greet.py").is_file()
    message = lead.run("git log -1 --format=%B")
    assert "Gate-Approved-by: @nehemiah" in message
    assert "1 of 1 merge" in auditor.run("gate audit")
    # The server has nothing but what git gave it.
    assert not (lead.home.parent / "server.git" / "gate").exists()


def console() -> Iterator[tuple[str, list[str]]]:
    """The commands of the section, with the output shown for each."""
    text = (ROOT / "docs" / "approvals.md").read_text()
    section = text.partition("## In use\n")[2].partition("\n## ")[0]
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            yield command, output


def without_ids(text: str) -> list[str]:
    return [re.sub(r"\b[0-9a-f]{12}\b", "<id>", line) for line in text.splitlines()]


def test_the_document_about_approvals(people: dict[str, Person]) -> None:
    """Its ids are those of another repository; all else of what it shows must be what comes."""
    follow(people, until="git fetch && git diff")
    lead = people["Nehemiah"]
    real: dict[str, str] = {}
    for command, output in console():
        shown = re.search(r"gate revoke ([0-9a-f]{12})", command)
        if shown:
            command = command.replace(shown[1], real["Objected"])
        result = lead.run(command)
        for word, identity in re.findall(r"^(\w+) by @\w+: ([0-9a-f]{12})", result, re.MULTILINE):
            real[word] = identity
        if output:
            assert without_ids(result) == without_ids("\n".join(output))
    lead.run("git pull -q")
    assert (lead.clone / "greet.py").is_file()


def test_a_record_checked_by_hand_as_the_document_says(people: dict[str, Person]) -> None:
    follow(people, until="gate approvals")
    lead = people["Nehemiah"]
    text = (ROOT / "docs" / "approvals.md").read_text()
    block = next(b for b in re.findall(r"```console\n(.*?)```", text, re.DOTALL) if "check-novalidate" in b)
    names = lead.run("git ls-tree -r --name-only refs/gate/log").splitlines()
    path = next(name for name in names if name.endswith(".json")).removesuffix(".json")
    for line in block.splitlines():
        command = re.sub(r"records/0d/0d99…", path, line.removeprefix("$ "))
        result = lead.run(command)
    assert "Good" in result
