"""Compare the `names` check's findings in released projects with labels, and measure how many seeded mistakes it finds.

    python benchmarks/corpus.py FOLDER [--projects flask,rich] [--mistakes 40] [--record]

The source distributions are downloaded to FOLDER by pip, which verifies their hashes. `corpus.json` lists them, with
each finding in them and its label: `true` (it fails when it runs), `arguable` (it is wrong, but meant to be, or in an
excerpt), or `false`. A finding without a label fails the run; `--record` adds it as `new`, to be labeled by hand.

`--mistakes` swaps two letters of a name, an attribute, or a keyword, in one place in each of that many files, and
counts the places that are reported, and those for which the right word is suggested. The swapped word occurs nowhere
else in the project.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import history

RECORD = Path(__file__).with_name("corpus.json")
SEED = 20
Place = tuple[str, int]


def fetch(project: dict[str, Any], folder: Path) -> Path:
    """Return the unpacked sources of a project, which are downloaded if necessary."""
    stem = f"{project['name']}-{project['version']}"
    tree = folder / stem
    if tree.is_dir():
        return tree
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pinned = Path(scratch, "pinned.txt")
        pinned.write_text(f"{project['name']}=={project['version']} --hash=sha256:{project['sha256']}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                   "--dest", scratch, "--requirement", str(pinned)]  # fmt: skip
        subprocess.run(command, check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(Path(scratch, "tree"), filter="data")
        (inner,) = Path(scratch, "tree").iterdir()
        inner.rename(tree)
    return tree


def reported_in(tree: Path, python: str | None) -> list[dict[str, Any]]:
    """Return every finding, as the check prints it."""
    command = [sys.executable, "-P", "-m", "gate.names", "--root", str(tree)]
    command += ["--python", python] if python else []
    output = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    findings: list[dict[str, Any]] = output["findings"]
    return findings


def findings_in(tree: Path, python: str | None) -> list[str]:
    """Return every finding as text."""
    return [
        f"{item['path']}:{item['line']}: {item['rule']}: {item['message']}"
        for item in reported_in(tree, python)
    ]


def lines_in(tree: Path) -> int:
    """Return the number of lines of Python."""
    return sum(path.read_bytes().count(b"\n") for path in tree.rglob("*.py"))


def seeded(tree: Path, copy: Path, count: int) -> list[tuple[Place, str, str]]:
    """Copy the tree with one mistake in each of `count` files. Return the place, kind, and right word of each."""
    shutil.copytree(tree, copy, symlinks=True)
    choose = random.Random(SEED)  # noqa: S311  the same places in every run
    files = [
        path
        for path in sorted(copy.rglob("*.py"))
        if not re.search(r"/(?:tests?|docs?|examples?)/", str(path))
    ]
    words = Counter(word for path in copy.rglob("*.py") for word in re.findall(rb"\w+", path.read_bytes()))
    mistakes: list[tuple[Place, str, str]] = []
    for path in choose.sample(files, len(files)):
        if len(mistakes) == count:
            break
        mistake = _spoil(path, words, choose)
        if mistake is not None:
            line, kind, word = mistake
            mistakes.append(((path.relative_to(copy).as_posix(), line), kind, word))
    return mistakes


def _spoil(path: Path, words: Counter[bytes], choose: random.Random) -> tuple[int, str, str] | None:
    """Swap two letters of one word in a file. Return its line, kind, and the word, or None if that is impossible."""
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    sites = list(_sites(tree))
    choose.shuffle(sites)
    lines = text.split("\n")
    for line, column, word, kind in sites[:50]:
        at = choose.randrange(1, len(word) - 1)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if swapped.encode() in words or not lines[line - 1].isascii() or lines[line - 1][column:].find(word):
            continue
        lines[line - 1] = lines[line - 1][:column] + swapped + lines[line - 1][column + len(word) :]
        path.write_text("\n".join(lines), "utf-8")
        return line, kind, word
    return None


def _sites(tree: ast.Module) -> list[tuple[int, int, str, str]]:
    """Return the names, attributes, and keywords in function bodies: line, column, word, and kind."""
    tolerant = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.Try | ast.With | ast.If)
        for node in ast.walk(block)
    }
    sites: list[tuple[int, int, str, str]] = []
    for node in ast.walk(tree):
        if node in tolerant:
            continue
        match node:
            case ast.Name(id=word, ctx=ast.Load()):
                sites.append((node.lineno, node.col_offset, word, "name"))
            case ast.Attribute(attr=word, ctx=ast.Load()) if node.lineno == node.end_lineno:
                sites.append((node.lineno, (node.end_col_offset or 0) - len(word), word, "attribute"))
            case ast.keyword(arg=str(word)):
                sites.append((node.lineno, node.col_offset, word, "keyword"))
    return [site for site in sites if len(site[2]) > 4]


def main() -> int:
    """Compare each project with its record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--projects", default="", help="only these, separated by commas")
    parser.add_argument("--python", help="an interpreter whose packages the projects import")
    parser.add_argument("--mistakes", type=int, default=0, help="how many mistakes to seed in each project")
    parser.add_argument("--record", action="store_true", help="write the findings to corpus.json")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text())
    options.folder.mkdir(parents=True, exist_ok=True)
    labels: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    sown: Counter[str] = Counter()
    named: Counter[str] = Counter()
    total = 0
    is_changed = False
    for project in record["projects"]:
        if options.projects and project["name"] not in options.projects.split(","):
            continue
        tree = fetch(project, options.folder)
        findings = findings_in(tree, options.python)
        total += lines_in(tree)
        recorded = project["findings"]
        fresh = [text for text in findings if text not in recorded]
        gone = [text for text in recorded if text not in findings]
        is_changed |= bool(fresh)
        labels.update(recorded.get(text, "new") for text in findings)
        print(
            f"{project['name']} {project['version']}: {len(findings)} findings, {len(fresh)} new, {len(gone)} gone"
        )
        print(
            *(f"    new:  {text}" for text in fresh),
            *(f"    gone: {text}" for text in gone),
            sep="\n",
            end="\n",
        )
        if options.record:
            project["findings"] = {text: recorded.get(text, "new") for text in findings}
        if options.mistakes:
            with tempfile.TemporaryDirectory() as scratch:
                mistakes = seeded(tree, Path(scratch, "tree"), options.mistakes)
                hints: dict[Place, str] = {}
                for item in reported_in(Path(scratch, "tree"), options.python):
                    place = item["path"], item["line"]
                    hints[place] = f"{hints.get(place, '')} {item['message']} {item.get('hint') or ''}"
            for place, kind, word in mistakes:
                sown[kind] += 1
                caught[kind] += place in hints
                named[kind] += re.search(rf"\b{word}\b", hints.get(place, "")) is not None
                if place not in hints:
                    print(f"    missed: {place[0]}:{place[1]}: {kind}: {word}")
    print(
        f"{total} lines: {dict(labels)}; false per 1,000 lines: {1000 * labels['false'] / max(total, 1):.3f}"
    )
    for kind in sorted(sown):
        print(
            f"seeded mistakes, {kind}: {caught[kind]} of {sown[kind]} reported, {named[kind]} with the right word"
        )
    if sown:
        everything = options.projects or "all projects"
        history.record("seeded typos missed", 1 - caught.total() / sown.total(), everything)
        history.record(
            "seeded typos without the right word", 1 - named.total() / max(caught.total(), 1), everything
        )
    if options.record:
        RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return int(is_changed)


if __name__ == "__main__":
    sys.exit(main())
