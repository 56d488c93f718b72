"""The `names` check as a program: read a tree of Python, and print what is misspelt in it as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from pathlib import Path

from gate.names.read.files import Tree, reading, requirements
from gate.names.read.settings import in_file
from gate.names.report import fixes, suppressions
from gate.names.report.finding import Finding
from gate.names.report.other_checkers import without_suppressed_elsewhere
from gate.names.resolve.installed import InstalledPackages, Store
from gate.names.resolve.modules import OWN_VERSION, Modules, Version
from gate.names.resolve.package_words import states_below, tops_imported
from gate.names.rules import undefined_exports
from gate.names.rules.evaluate import findings_in
from gate.names.rules.unknown_references import References
from gate.names.spelling.vocabulary import ProjectVocabulary, vocabulary_of
from gate.names.store.cache import Cache, digest, own_state
from gate.names.store.project import Project


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings; 0 when the tree could be read, whatever was found."""
    parser = argparse.ArgumentParser(prog="python -m gate.names", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the tree to read")
    parser.add_argument("--python", help="the project's interpreter")
    parser.add_argument("--cache", type=Path, help="a folder to keep word lists in")
    parser.add_argument("--disable", action="append", default=[], help="a rule to leave out")
    parser.add_argument("--format", default="json", choices=("json", "text"))
    options = parser.parse_args(arguments)
    disabled: set[str] = set()
    if options.disable:
        from gate.names.catalogue import current_ids

        for rule in options.disable:
            if not current_ids(rule):
                parser.error(f"there is no rule {rule!r}")
            disabled.update(current_ids(rule))
    sys.setrecursionlimit(5000)
    # Everything that is read stays until the end: collecting would only look at it again and again.
    gc.disable()
    warnings.simplefilter("ignore")
    root = options.root.resolve()
    count, findings = check(root, options.python, options.cache)
    kept = [finding for finding in findings if finding.rule not in disabled]
    if options.format == "text":
        for finding in kept:
            hint = f" ({finding.hint})" if finding.hint else ""
            print(f"{finding.path}:{finding.line}:{finding.column}: {finding.rule}: {finding.message}{hint}")
        return 0
    items = [{**asdict(finding), "severity": "error"} for finding in kept]
    print(json.dumps({"version": 1, "files": count, "findings": items}))
    return 0


def check(root: Path, python: str | None, cache: Path | None) -> tuple[int, list[Finding]]:
    """How many files there are below `root`, and what is misspelt in them."""
    findings: list[Finding] = []
    asked = _ask(python) if python else None
    tree = Tree.read(root, findings)
    site, version = _answer(asked) if asked else ([], None)
    target = max(version or _required_version(root), OWN_VERSION)
    typeshed = bundled_typeshed()
    tops = tops_imported(tree.python.values())
    environment = digest(str(target), *_environment(typeshed, site, tops))
    kept = Cache(cache / "files" if cache else None)
    modules_kept = Cache(cache / "modules" if cache else None, f"{own_state()} {environment}")
    installed = Modules(None, typeshed, site, kept=modules_kept, target=target)
    modules = Modules(root, typeshed, site, installed)
    outside = InstalledPackages(typeshed, site, Store(cache, cache / "words", environment) if cache else None)
    project = Project(modules, kept, environment)
    references = References(root, typeshed, site, modules, installed)
    outside.begin(tops)
    for name, data in tree.python.items():
        with reading(name, findings):
            project.read(name, dotted(name), data, is_notebook=name in tree.books)
    files = project.files
    project.prepare()
    known = vocabulary_of([file.facts for file in files.values()], outside, modules, requirements(root))
    packages = f"{outside.key} {own_state()}" if outside.key else ""
    _recall(kept, known, packages)
    for file, judged in project.judged(known.outside):
        name = file.name
        told = [
            *(
                Finding(name, line, column, line, "syntax-error", text)
                for line, column, text in file.facts.refused
            ),
            *findings_in(name, file.facts, judged, known),
            *references.findings(name, file.facts.references),
        ]
        if judged.exports:
            told += undefined_exports.missing(name, file.module, file.facts.exports, modules)
        if not told and b"gate" not in file.data:
            continue
        text = file.text
        left_alone = suppressions.read(name, text)
        here = [
            *without_suppressed_elsewhere(
                fixes.settled([found for found in told if not left_alone.cover(found)], text),
                text.split("\n"),
            ),
            *left_alone.wrong,
        ]
        findings += filter(None, map(tree.books[name].placed, here)) if name in tree.books else here
    for name, text in tree.settings.items():
        named = in_file(name.rpartition("/")[2], text)
        if named:
            left_alone = suppressions.read_plain(name, text)
            told = [found for found in references.findings(name, named) if not left_alone.cover(found)]
            findings += [*fixes.settled(told, text), *left_alone.wrong]
    _remember(kept, known, packages, frozenset[str]().union(*(file.face.words for file in files.values())))
    kept.write()
    modules_kept.write()
    findings.sort(key=lambda found: (found.path, found.line, found.column, found.rule))
    return len(files), list(dict.fromkeys(findings))


def _recall(kept: Cache, known: ProjectVocabulary, packages: str) -> None:
    """Begin with what the last run has asked of packages, and found near other words."""
    known.usual.recall(*_last(kept))
    if packages and (last := kept.get(packages)):
        found, answers = last
        known.elsewhere.found |= found
        known.packages.recall(answers)


def _remember(kept: Cache, known: ProjectVocabulary, packages: str, said: AbstractSet[str]) -> None:
    """Keep for the next run what was asked and found, if it is not what the last one has left.

    `said` are all words in the files.
    """
    if _last(kept) != (known.usual.words, known.usual.found):
        kept.put(_usual(), (list(known.usual.words), known.usual.found))
    if packages:
        now = known.elsewhere.found, known.packages.answers(said)
        if kept.get(packages) != now:
            kept.put(packages, now)


def _last(kept: Cache) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    words, found = kept.get(_usual()) or ((), {})
    return frozenset(words), found


def _usual() -> str:
    """Under this it is kept what was found among the words of the project."""
    return f"usual {own_state()}"


def dotted(path: str) -> str:
    """The module that a file of the tree is."""
    parts = path.removesuffix(".pyi").removesuffix(".py").removeprefix("src/").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def bundled_typeshed() -> Path | None:
    """The stubs of the standard library that come with mypy."""
    from importlib.util import find_spec

    spec = find_spec("mypy")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "typeshed" / "stdlib"
    return folder if folder.is_dir() else None


def _ask(python: str) -> subprocess.Popen[str]:
    """Have an interpreter tell where packages are installed; meanwhile there is enough to do."""
    code = (
        "import sys,sysconfig,json;"
        "print(json.dumps([[sysconfig.get_path(k) for k in ('purelib','platlib')],sys.version_info[:2]]))"
    )
    try:
        return subprocess.Popen(
            [python, "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        sys.exit(f"{python} cannot be started: {error.strerror}")


def _required_version(root: Path) -> Version:
    """The oldest version of Python that a project allows, as its settings state it; this one where none do."""
    for name, pattern in (
        ("pyproject.toml", r"requires-python\s*=\s*[\"'].*?>=?\s*3\.(\d+)"),
        ("pyproject.toml", r"(?m)^python\s*=\s*[\"'][\^~>=]*\s*3\.(\d+)"),
        ("setup.cfg", r"python_requires\s*=.*?>=?\s*3\.(\d+)"),
        (".python-version", r"3\.(\d+)"),
    ):
        try:
            match = re.search(pattern, (root / name).read_text("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return 3, int(match[1])
    return OWN_VERSION


def _answer(asked: subprocess.Popen[str]) -> tuple[list[Path], Version | None]:
    """Where the project's packages are installed, and the version of Python, as the interpreter itself says."""
    try:
        said, _ = asked.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        return [], None
    if asked.returncode != 0:
        return [], None
    folders, version = json.loads(said)
    return [folder for folder in map(Path, dict.fromkeys(folders)) if folder.is_dir()], (
        version[0],
        version[1],
    )


def _environment(typeshed: Path | None, site: Iterable[Path], tops: AbstractSet[str]) -> Iterator[str]:
    """What tells one state of what is installed from another.

    Of the packages in `tops`, which the project imports, each file counts: somebody may edit it in its place.
    """
    yield f"{typeshed} {typeshed.stat().st_mtime_ns if typeshed else ''}"
    for folder in site:
        yield str(folder)
        try:
            entries = sorted(folder.iterdir())
            yield from (f"{entry.name} {entry.stat().st_mtime_ns}" for entry in entries)
        except OSError:
            yield "cannot be read"
            continue
        for entry in entries:
            if entry.name.partition(".")[0] in tops:
                yield from states_below(entry)
