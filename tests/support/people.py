"""People at machines of their own, who type the commands of a page of the documentation."""

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
    """Somebody with a home folder, git, an SSH key, and a clone."""

    home: Path
    name: str

    @property
    def clone(self) -> Path:
        return self.home / "app"

    def run(self, command: str, *, code: int = 0, where: Path | None = None) -> str:
        """Type a command, which must end with `code`; returns what it printed."""
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
    """Everybody, with a clone of one bare repository that has a first commit."""
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
    """The commands of a shell block and the exit code of each, which a comment `# exit N` states."""
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


def follow(page: Path, people: dict[str, Person], values: dict[str, str]) -> int:
    """Do what the page says, block by block; returns how many commands were run.

    A comment `<!-- as: NAME -->` says who types the blocks that follow, `<!-- in: home -->` that they do it outside of
    the clone, and `<!-- run: COMMAND -->` prepares what the page takes for granted. `values` replaces what a reader
    would replace, such as a host name.
    """
    who, where, count = people["Nehemiah"], "", 0
    for comment, block in re.findall(
        r"<!-- (.*?) -->|^ *```sh\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE
    ):
        if comment.startswith("as: "):
            who, where = people[comment.removeprefix("as: ")], ""
        elif comment.startswith("in: "):
            where = comment.removeprefix("in: ")
        elif comment.startswith("run: "):
            who.run(comment.removeprefix("run: "), where=who.home if where == "home" else None)
        for command, code in commands(dedent(block)):
            for name, value in values.items():
                command = command.replace(name, value)
            who.run(command, code=code, where=who.home if where == "home" else None)
            count += 1
    return count
