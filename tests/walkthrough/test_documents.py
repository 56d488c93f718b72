"""From `gate init` to a merged change: the commands as they stand in the documents, by people with a HOME each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.people import Person, people_at_machines

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


def follow(people: dict[str, Person]) -> None:
    """Type the story line by line."""
    auditor = people["An auditor"]
    for who, line in STORY:
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
