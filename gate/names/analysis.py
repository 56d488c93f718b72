"""Run the check once: read everything, then apply the rules to each file in its context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

from gate.finding import Finding
from gate.names.infer.engine import Engine
from gate.names.read.files import UNREADABLE, Tree, requirements
from gate.names.read.settings import in_file
from gate.names.report import fixes, suppressions
from gate.names.report.candidates import FileDiagnostics
from gate.names.report.other_checkers import without_suppressed_elsewhere
from gate.names.resolve.environment import (
    answer_of,
    ask_interpreter,
    bundled_typeshed,
    environment_state,
    required_version,
)
from gate.names.resolve.installed import InstalledPackages, Store
from gate.names.resolve.modules import Modules
from gate.names.resolve.package_words import tops_imported
from gate.names.resolve.references import References
from gate.names.rules import RULES, load, syntax_error
from gate.names.rules.context import Context
from gate.names.spelling.vocabulary import ProjectVocabulary, vocabulary_of
from gate.names.store.cache import Cache, digest, own_state
from gate.names.store.project import File, Project
from gate.names.syntax.facts import Facts
from gate.names.syntax.reachability import OWN_VERSION


class Analysis:
    """A Python tree with everything that the rules need to know about it."""

    def __init__(self, root: Path, python: str | None, cache: Path | None) -> None:
        """Read the files below `root`, and what is installed for the interpreter `python`."""
        query = ask_interpreter(python) if python else None
        self._tree = Tree.read(root)
        site, version = answer_of(query) if query else ([], None)
        oldest = version or required_version(root)
        target = max(oldest, OWN_VERSION)
        typeshed = bundled_typeshed()
        tops = tops_imported(self._tree.python.values())
        environment = digest(f"{target} {oldest}", *environment_state(typeshed, site, tops))
        self._cache = Cache(cache / "files" if cache else None)
        self._module_cache = Cache(cache / "modules" if cache else None, f"{own_state()} {environment}")
        installed = Modules(None, typeshed, site, cache=self._module_cache, target=target, oldest=oldest)
        modules = Modules(root, typeshed, site, installed)
        store = Store(cache, cache / "words", environment) if cache else None
        packages = InstalledPackages(typeshed, site, store)
        self.project = Project(modules, self._cache, environment)
        self._references = References(root, typeshed, site, modules, installed)
        packages.begin(tops)
        for name, data in self._tree.python.items():
            try:
                self.project.read(name, dotted(name), data, is_notebook=name in self._tree.books)
            except UNREADABLE as error:
                self._tree.unreadable[name] = error
        self.project.prepare()
        facts = [file.facts for file in self.project.files.values()]
        self.vocabulary = vocabulary_of(facts, packages, modules, requirements(root))
        self.engine = Engine(modules, self.project.joined_facts, self.vocabulary.outside)
        self._packages_key = f"{packages.key} {own_state()}" if packages.key else ""
        _recall(self._cache, self.vocabulary, self._packages_key)

    def findings(self) -> list[Finding]:
        """Return all findings, sorted by file and position. Whatever was computed is cached."""
        findings = [syntax_error.unreadable(name, error) for name, error in self._tree.unreadable.items()]
        for file, diagnostics in self.project.diagnostics(self.engine):
            reported = self._in_python(file, diagnostics)
            book = self._tree.books.get(file.name)
            findings += filter(None, map(book.placed, reported)) if book else reported
        for name, text in self._tree.settings.items():
            findings += self._in_settings(name, text)
        words = frozenset[str]().union(*(file.face.words for file in self.project.files.values()))
        _remember(self._cache, self.vocabulary, self._packages_key, words)
        self._cache.write()
        self._module_cache.write()
        findings.sort(key=lambda finding: (finding.path, finding.line, finding.column, finding.rule))
        return list(dict.fromkeys(findings))

    def context(self, file: File, diagnostics: FileDiagnostics) -> Context:
        """Return the context in which the rules check a Python file."""
        ignores = suppressions.read(file.text) if b"gate" in file.data.lower() else suppressions.NONE
        return Context(
            file.name, file.module, file.facts, diagnostics, self.vocabulary, self._references, ignores
        )

    def _in_python(self, file: File, diagnostics: FileDiagnostics) -> Iterator[Finding]:
        findings = _reported(self.context(file, diagnostics))
        if findings:
            text = file.text
            yield from without_suppressed_elsewhere(fixes.settled(findings, text), text.split("\n"))

    def _in_settings(self, name: str, text: str) -> Iterator[Finding]:
        references = in_file(name.rpartition("/")[2], text)
        if references:
            context = Context(
                name,
                "",
                Facts(references=references),
                FileDiagnostics(lacks_exports=False),
                self.vocabulary,
                self._references,
                suppressions.read_plain(text),
            )
            yield from fixes.settled(_reported(context), text)


def _reported(context: Context) -> list[Finding]:
    """Return what the rules report about a file, except findings that a comment suppresses."""
    return [
        finding
        for check in _checks()
        for finding in check(context)
        if not context.suppressions.cover(finding)
    ]


@cache
def _checks() -> tuple[Callable[[Context], Iterator[Finding]], ...]:
    return tuple(load(rule).check for rule in RULES)


def _recall(cache: Cache, vocabulary: ProjectVocabulary, packages: str) -> None:
    """Reuse what the last run looked up in packages, and the similar words that it found."""
    vocabulary.usual.recall(*_last(cache))
    if packages and (last := cache.get(packages)):
        findings, answers = last
        vocabulary.elsewhere.matches |= findings
        vocabulary.packages.recall(answers)


def _remember(cache: Cache, vocabulary: ProjectVocabulary, packages: str, words: AbstractSet[str]) -> None:
    """Cache these lookups and similar words for the next run, unless they haven't changed.

    `words` are all words in the files.
    """
    if _last(cache) != (vocabulary.usual.words, vocabulary.usual.matches):
        cache.put(_usual(), (list(vocabulary.usual.words), vocabulary.usual.matches))
    if packages:
        now = vocabulary.elsewhere.matches, vocabulary.packages.answers(words)
        if cache.get(packages) != now:
            cache.put(packages, now)


def _last(cache: Cache) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    words, findings = cache.get(_usual()) or ((), {})
    return frozenset(words), findings


def _usual() -> str:
    """Return the cache key of the similar words among those of the project."""
    return f"usual {own_state()}"


def dotted(path: str) -> str:
    """Return the name of the module at `path`."""
    parts = path.removesuffix(".pyi").removesuffix(".py").removeprefix("src/").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
