"""Plain English with the field's terms: old words are rejected in messages, documents, docstrings and names.

`words.json` counts the old words that are still in each file. A file may have fewer, never more, and a file that is
not listed may have none. After a clean-up,
`GATE_UPDATE_WORDS=1 pytest tests/architecture/test_vocabulary.py` lowers the counts; it never raises one.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTS = Path(__file__).with_name("words.json")
SOURCES = sorted((ROOT / "gate").rglob("*.py"))
# Strings of tests and benchmarks are not checked: many are the very text that a test is about.
OTHER_SOURCES = sorted(
    path
    for folder in ("tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__) and "data" not in path.relative_to(ROOT).parts
)
# The changelog also has what older versions printed.
DOCUMENTS = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if path.name != "CHANGELOG.md"
)
OLD_WORDS = {
    r"\bt(?:old|ells?|elling)\b": "reported, reports; say",
    r"\bkept\b": "cached, preserved, unchanged",
    r"\bsees? less\b": "weakens checks",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bst(?:ands?|ood) for\b": "is, resolves to, counts as",
    r"\bslips?\b": "typo",
    r"\bthrough the gate\b": "verified, checked by gate",
    r"\b(?:policy|nobody) (?:does not ask|asks) for\b": "not required",
    r"\bmay (?:not )?enter\b": "can merge into",
    r"\bbound to nothing\b": "undefined",
    r"\bwrong usage\b": "usage error",
    r"\bbreak[- ]the[- ]glass\b|\bbreak-glass\b|\bglass to break\b": "emergency override",
    r"\b(?:nobody|none) of them\b": "no owner, no person, none of these people",
    r"\b(?:is|are) no (?:UTF-8|Python|CI|file|folder|number|text|commit|branch)\b": "is not …",
    r"\b(?:go|goes|going|went) past\b": "skip, bypass",
    r"\bway out\b": "fix, hint",
    r"\bheeds?\b": "reads, honors",
    r"\bjudg(?:e[sd]|ing|e?ments?)\b": "check, verify, evaluate",
    r"\banew\b": "again",
    r"\bvouch(?:e[sd]|ing)?\b": "attest",
    r"\bland(?:s|ed|ing)\b": "merge",
    r"\bwhoever\b": "anyone who, the person who",
    r"\bspeaks? of\b": "mentions, refers to",
    r"\bhas no say\b|\bhave a say\b|\bhas a say\b": "does not affect, affects",
    r"\bthere before\b": "existing",
    r"\b(?:has|have|had) a hand in\b": "contributed to",
    r"\bin the place of\b": "in place of, instead of",
    r"\b(?:can|could) ?not be had\b": "is unknown, can't be read",
    r"\bbears? upon\b": "is about, affects",
    r"\bthereby\b": "and so",
    r"\bis to leave out\b": "must leave out",
    r"\bclosed wherever\b": "fails closed if",
    r"\ba time to come\b": "the future",
    r"\bof one's own accord\b": "automatically",
    r"\bis nobody's\b": "isn't listed, belongs to no one",
    r"\bseen to\b|\bsees to\b": "ensures",
    r"\bcovers \d+ of\b": "the folders, with the number of files",
    r"\b(?:col|hon|fav|behavi)our": "American spelling: color, honor, favor, behavior",
    r"\b(?:recogn|normal|organ|summar|capital|serial|initial)is(?:e[sd]?|ing|ation)\b": "American spelling: -ize",
}
OLD_NAMES = {
    *(
        "told",
        "tell",
        "tells",
        "telling",
        "said",
        "kept",
        "keeper",
        "mend",
        "mended",
        "slip",
        "stumble",
        "witness",
    ),
    *(
        "witnesses",
        "judged",
        "spoilt",
        "vouched",
        "voucher",
        "aside",
        "unheard",
        "heard",
        "heirs",
        "silencer",
        "obstacle",
        "bench",
    ),
}
PLACES = ("messages", "documents", "names", "docstrings", "comments")
MESSAGE = [(re.compile(pattern, re.IGNORECASE), better) for pattern, better in OLD_WORDS.items()]
Nodes = list[ast.AST]
"""All nodes of a module. They are walked once, since that takes longer than anything here does with them."""


def docstrings(nodes: Nodes) -> Iterator[tuple[int, str]]:
    """Every docstring of a module, those of constants too."""
    for node in nodes:
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Every comment of a file that may have an old word; the others aren't worth splitting into tokens."""
    after_hashes = "\n".join(line.partition("#")[2] for line in source.splitlines())
    if not any(pattern.search(after_hashes) for pattern, _ in MESSAGE):
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def messages(nodes: Nodes) -> Iterator[tuple[int, str]]:
    """Every string of a module that is not a docstring: what a person may be shown."""
    standalone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in standalone:
            yield node.lineno, node.value


def names(nodes: Nodes) -> Iterator[tuple[int, str]]:
    """Every name that a module defines: of functions, classes, parameters and variables."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def in_text(text: str, line: int = 1) -> Iterator[str]:
    for pattern, better in MESSAGE:
        for match in pattern.finditer(text):
            at = line + text.count("\n", 0, match.start())
            yield f"line {at}: {' '.join(match[0].split())!r} → {better}"


def in_names(nodes: Nodes) -> Iterator[str]:
    for line, name in names(nodes):
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name):
            if word.lower() in OLD_NAMES:
                yield f"line {line}: the name {name!r} has the old word {word!r}"


def offenders() -> dict[str, dict[str, list[str]]]:
    """By place and file, every old word with its line."""
    found: dict[str, dict[str, list[str]]] = {place: {} for place in PLACES}
    for path in DOCUMENTS:
        found["documents"][name_of(path)] = list(in_text(path.read_text("utf-8")))
    for path in [*SOURCES, *OTHER_SOURCES]:
        source = path.read_text("utf-8")
        nodes = list(ast.walk(ast.parse(source)))
        strings = messages(nodes) if path in SOURCES else ()
        shown = [(line, text) for line, text in strings if " " in text.strip()]
        texts: dict[str, Iterable[tuple[int, str]]] = {
            "messages": shown,
            "docstrings": docstrings(nodes),
            "comments": comments(source),
        }
        for place, items in texts.items():
            found[place][name_of(path)] = [hit for line, text in items for hit in in_text(text, line)]
        stem = [f"the module name {path.stem!r}"] if OLD_NAMES & set(path.stem.split("_")) else []
        found["names"][name_of(path)] = [*stem, *in_names(nodes)]
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, list[str]]]:
    return offenders()


@pytest.mark.parametrize("place", PLACES)
def test_no_file_has_more_old_words_than_it_had(place: str, found: dict[str, dict[str, list[str]]]) -> None:
    counts: dict[str, dict[str, int]] = json.loads(COUNTS.read_text("utf-8"))
    hits = {name: lines for name, lines in found[place].items() if lines}
    if os.environ.get("GATE_UPDATE_WORDS"):
        known = counts[place]
        counts[place] = {
            name: min(len(lines), known.get(name, 0)) for name, lines in hits.items() if name in known
        }
        COUNTS.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n", "utf-8")
    over = {name: lines for name, lines in hits.items() if len(lines) > counts[place].get(name, 0)}
    assert not over, "\n".join(f"{name}: {line}" for name, lines in over.items() for line in lines)


@pytest.mark.parametrize(
    ("text", "hits"),
    [("1 of them told by names", 1), ("mend it:\nthe way out", 2), ("reported by `names`", 0), ("colour", 1)],
)
def test_old_words_are_recognized_in_text(text: str, hits: int) -> None:
    assert len(list(in_text(text))) == hits


def test_old_words_are_recognized_by_their_place() -> None:
    source = '"""Told."""\ndef told_by(kept):\n    """Mended."""\n    Kept = f"mend {kept}"\n'
    nodes = list(ast.walk(ast.parse(source)))
    assert len(list(in_names(nodes))) == 3
    assert [text for _, text in messages(nodes)] == ["mend "]
    assert [text for _, text in docstrings(nodes)] == ["Told.", "Mended."]
    assert list(comments("kept = 1  # told\n")) == [(1, "# told")]
