"""Make the pictures of the README from real output: docs/images/terminal.svg and docs/images/report.png.

Usage: python .ci/pictures.py. Requires `pip install rich` for the terminal, and Chromium for the HTML report.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
GATE = [sys.executable, "-P", "-m", "gate"]
BROWSER = ("chromium", "chromium-browser", "google-chrome")
POLICY = """\
version: 1
protect:
  main:
    require: {owners: true, checks: [names, lint]}
people:
  "@nehemiah": {role: senior, emails: [nehemiah@acme.example]}
"""
GOOD = """\
import json


def links(path):
    with open(path) as urls_file:
        return json.load(urls_file)
"""


def git(repository: Path, *arguments: str) -> None:
    """Run git as the new hire."""
    identity = ("-c", "user.name=New Hire", "-c", "user.email=new@acme.example")
    command = [shutil.which("git") or "git", *identity, *arguments]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)


def incident(folder: Path) -> Path:
    """A repository with the change that caused the incident."""
    repository = folder / "shortener"
    (repository / ".github").mkdir(parents=True)
    (repository / "shortener").mkdir()
    (repository / "gate.yaml").write_text(POLICY)
    (repository / ".github" / "CODEOWNERS").write_text("* @nehemiah\n")
    (repository / "shortener" / "store.py").write_text(GOOD)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "Version 1")
    git(repository, "checkout", "-q", "-b", "v2")
    (repository / "shortener" / "store.py").write_text(GOOD.replace("json.load(", "json.loads("))
    git(repository, "commit", "-q", "-a", "-m", "Version 2")
    return repository


def terminal(repository: Path) -> None:
    """What `gate check` prints, in color."""
    done = subprocess.run(
        [*GATE, "check"],
        cwd=repository,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(repository.parent),
            "FORCE_COLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    console = Console(record=True, width=82, file=sys.stderr)
    console.print(Text.from_ansi(f"$ gate check\n{done.stdout}".rstrip()))
    svg = console.export_svg(title="gate check")
    # The reader's own monospace font will do: a picture must not load anything.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "ui-monospace, Menlo, Consolas"
    )
    (IMAGES / "terminal.svg").write_text(svg)


def report(repository: Path) -> None:
    """The HTML report in a browser."""
    browser = next(filter(None, map(shutil.which, BROWSER)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSER)} is installed")
    page = repository.parent / "report.html"
    subprocess.run(
        [*GATE, "check", "--report", f"html={page}"], cwd=repository, check=False, capture_output=True
    )
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-sync", "--hide-scrollbars", "--window-size=1000,900",
            f"--user-data-dir={repository.parent / 'browser'}", f"--screenshot={IMAGES / 'report.png'}", page.as_uri(),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        changed = incident(Path(folder))
        terminal(changed)
        report(changed)
