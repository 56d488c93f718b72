"""The documentation: links lead somewhere, generated pages are current, and every how-to works as written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.people import BLOCK, ROOT, Transcript, follow, people_at_machines, typed

from gate.topics import WHY_BLOCKED, read_more, topics

TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--", "*.md"], cwd=ROOT, capture_output=True, check=True
).stdout.decode()
PAGES = [ROOT / name for name in TRACKED.split("\0") if name and "tests/data/" not in name]
TYPED = sorted(page for page in PAGES if re.search(r"^ *```(sh|console)$", page.read_text(), re.MULTILINE))
"""The pages with commands to type."""
PLACES = {
    "pip install merge-gate": ":",  # gate is on PATH here
    "python3 -m venv /opt/gate && /opt/gate/bin/:": ":",
    "/opt/gate/bin/gate": "gate",
}
"""What a reader would replace, or has done before."""


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    names: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        names.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return names | set(re.findall(r'<a (?:id|name)="([^"]+)"', page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_what_explain_refers_to_is_there() -> None:
    for name, anchor in WHY_BLOCKED.items():
        path, _, section = read_more(name).partition("#")
        assert name in topics()
        assert section == anchor
        assert not anchor or anchor in anchors(ROOT / path), name
    assert not read_more("budget")


def test_the_command_reference_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-P", str(ROOT / ".ci" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_every_page_of_the_site_exists_and_every_page_is_on_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = {ROOT / "docs" / name for name in re.findall(r"(\S+\.md)$", site, re.MULTILINE)}
    records = set((ROOT / "docs" / "decisions").glob("0*.md"))  # reached through their index
    assert listed == set((ROOT / "docs").rglob("*.md")) - records


@pytest.mark.slow
def test_the_site_builds(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="zensical isn't installed (pip install -e '.[docs]')")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "tutorial" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_works_as_written(page: Path, tmp_path: Path) -> None:
    people = people_at_machines(tmp_path)
    server = str(tmp_path / "server.git")
    values = {**PLACES, "git@server:app.git": server, "/srv/git/shortener.git": server}
    count = follow(page, people, values)
    found = BLOCK.findall(page.read_text())
    skipped = [comment for comment, _, _ in found if comment.startswith("not run: ")]
    assert count or len(skipped) == len([kind for _, kind, _ in found if kind])


def test_a_block_without_a_prompt_or_with_other_output_is_noticed() -> None:
    assert list(typed("$ a   # exit 1\nx\n$ b\n")) == [("a   # exit 1", 1, "x"), ("b", 0, "")]
    with pytest.raises(AssertionError, match="prompt"):
        list(typed("gate check\n"))
    transcript = Transcript()
    transcript.compare(
        "by 0d990069e999 and 0d990069e999, 2026-01-02\n…\nend",
        "by abcdef123456 and abcdef123456, 2031-05-06\nx\ny\nend",
        "c",
    )
    assert transcript.real("gate revoke 0d990069e999") == "gate revoke abcdef123456"
    for shown, printed in (
        ("0d990069e999", "fedcba654321"),
        ("x", "y"),
        ("x", "x\ny"),
        ("1a2b3c4d5e6f 1a2b3c4d5e6f", "111111111111 222222222222"),
    ):
        with pytest.raises(AssertionError, match="shown"):
            transcript.compare(shown, printed, "c")
