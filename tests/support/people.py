"""People on separate machines, who type the commands of a documentation page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PEOPLE = {
    "Nehemiah": "nehemiah@acme.example",
    "The new hire": "new@acme.example",
    "An auditor": "audit@acme.example",
}


@dataclass(frozen=True)
class Person:
    """A person with a home folder, git, an SSH key, and a clone."""

    home: Path
    name: str

    @property
    def clone(self) -> Path:
        return self.home / "app"

    def run(self, command: str, *, code: int = 0, where: Path | None = None) -> str:
        """Type a command, which must exit with `code`. Return its output."""
        env = {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=where or self.clone,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{self.name} $ {command}\n(exit {done.returncode})\n{done.stdout}"
        return done.stdout


def people_at_machines(folder: Path) -> dict[str, Person]:
    """Return all people, each with a clone of one bare repository that has a first commit."""
    people = {}
    for name, email in PEOPLE.items():
        person = Person(folder / name.replace(" ", "-"), name)
        (person.home / ".ssh").mkdir(parents=True)
        person.run('ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519', where=person.home)
        person.run(f"git config --global user.name '{name.removeprefix('The ').title()}'", where=person.home)
        person.run(f"git config --global user.email {email}", where=person.home)
        people[name] = person
    lead, new = people["Nehemiah"], people["The new hire"]
    lead.run(f"git init -q --bare -b main {folder}/server.git", where=folder)
    lead.run(f"git clone -q {folder}/server.git app", where=lead.home)
    lead.run("echo '# App' > README.md && git add -A && git commit -qm Start && git push -q origin HEAD")
    new.run(f"git clone -q {folder}/server.git app", where=new.home)
    (lead.clone / "newhire.pub").write_text((new.home / ".ssh/id_ed25519.pub").read_text())
    return people


def commands(block: str) -> Iterator[tuple[str, int]]:
    """Yield the commands of a shell block with their exit codes, which a comment `# exit N` states."""
    pending = ""
    for line in block.splitlines():
        pending = f"{pending}\n{line}" if pending else line
        if line.endswith("\\") or _open_here_document(pending):
            continue
        if pending.strip() and not pending.lstrip().startswith("#"):
            code = re.search(r"# exit (\d+)", line)
            yield pending, int(code[1]) if code else 0
        pending = ""


def _open_here_document(text: str) -> bool:
    start = re.search(r"<<-? ?'?(\w+)'?", text)
    return bool(start) and not re.search(rf"^{start[1]}$", text, re.MULTILINE) if start else False


BLOCK = re.compile(r"^ *<!-- (.*?) -->|^ *```(sh|console)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
"""A comment, or a block of commands with its kind."""


def follow(page: Path, people: dict[str, Person], values: dict[str, str]) -> int:
    """Run the commands of the page, block by block. Return the number of commands.

    A comment `<!-- as: NAME -->` says who types the following blocks, `<!-- in: home -->` that they do it outside of
    the clone, and `<!-- run: COMMAND -->` prepares what the page assumes. `values` replaces what a reader would
    replace, such as a host name. The output in a `console` block must be what the command prints, except for ids and
    dates; `…` matches any text, and any lines if it is on a line of its own. The block after `<!-- not run: REASON -->`
    isn't run.
    """
    who, where, count = people["Nehemiah"], "", 0
    transcript, skipped = Transcript(), False
    for comment, kind, block in BLOCK.findall(page.read_text()):
        if comment.startswith("as: "):
            who, where = people[comment.removeprefix("as: ")], ""
        elif comment.startswith("in: "):
            where = comment.removeprefix("in: ")
        folder = who.home if where == "home" else None
        if comment.startswith("run: "):
            who.run(_filled(comment.removeprefix("run: "), values), where=folder)
        if comment or skipped:
            skipped = comment.startswith("not run: ")
            continue
        text = dedent(block)
        steps = typed(text) if kind == "console" else [(*step, "") for step in commands(text)]
        for command, code, shown in steps:
            printed = who.run(transcript.real(_filled(command, values)), code=code, where=folder)
            if shown:
                transcript.compare(shown, printed, command)
            count += 1
    return count


def _filled(command: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        command = command.replace(name, value)
    return command


def typed(block: str) -> Iterator[tuple[str, int, str]]:
    """Yield the commands of a `console` block, each with its exit code and the output shown below it."""
    first, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert not first, f"a console block starts with a prompt, not with {first!r}"
    for part in parts:
        line, _, shown = part.partition("\n")
        while line.endswith("\\"):
            more, _, shown = shown.partition("\n")
            line = f"{line}\n{more}"
        code = re.search(r"# exit (\d+)", line)
        yield line, int(code[1]) if code else 0, shown.rstrip("\n")


class Transcript:
    """Compares the output on a page with the real one. The ids on the page are those of another repository."""

    def __init__(self) -> None:
        """Start without known ids."""
        self._ids: dict[str, str] = {}

    def real(self, command: str) -> str:
        """Return the command with the ids of this repository instead of those on the page."""
        return SHOWN_ID.sub(lambda match: self._ids.get(match[0], match[0]), command)

    def compare(self, shown: str, printed: str, command: str) -> None:
        """Fail if the output differs, except for ids (if replaced consistently), dates, and what `…` omits."""
        names: dict[str, str] = {}
        expected = "\n".join(self._pattern(line, names) for line in shown.splitlines())
        match = re.fullmatch(expected, printed.rstrip().expandtabs(), re.DOTALL)
        assert match, f"$ {command}\nshown:\n{shown}\nprinted:\n{printed}"
        self._ids |= {shown_id: match[group] for shown_id, group in names.items()}

    def _pattern(self, line: str, names: dict[str, str]) -> str:
        if line.strip() == "…":
            return ".*"
        pieces = []
        for text in PLACEHOLDER.split(line):
            if text == "…":
                pieces.append("[^\n]*")
            elif DATE.fullmatch(text):
                pieces.append(DATE.pattern)
            elif not SHOWN_ID.fullmatch(text):
                pieces.append(re.escape(text))
            elif text in self._ids:
                pieces.append(self._ids[text])
            elif text in names:
                pieces.append(f"(?P={names[text]})")
            else:
                names[text] = f"id{len(names)}"
                pieces.append(f"(?P<{names[text]}>[0-9a-f]{{12}})")
        return "".join(pieces).rstrip() + " *"


SHOWN_ID = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b")
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?Z?)?")
PLACEHOLDER = re.compile(rf"(…|{SHOWN_ID.pattern}|{DATE.pattern})")
