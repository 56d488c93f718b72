"""The information about one file that rules can query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from gate.finding import Finding
from gate.names.hints.load_dump import WrongJsonCall
from gate.names.hints.usage import NOTHING, TypeHint
from gate.names.report.candidates import Candidate, FileDiagnostics, Place
from gate.names.report.finding import finding_at
from gate.names.report.suppressions import Suppressions
from gate.names.resolve.references import References
from gate.names.spelling.similarity import candidates, is_common_typo, sole_fix, suggestions
from gate.names.spelling.synonyms import synonyms_of
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.facts import Facts, Use


@dataclass
class Context:
    """One file: facts from its text, the results of inference, and everything known about other code."""

    path: str
    module: str
    """The name under which other files import this one."""
    facts: Facts
    diagnostics: FileDiagnostics
    vocabulary: ProjectVocabulary
    references: References
    suppressions: Suppressions

    @cached_property
    def packages(self) -> set[str]:
        """The packages that the file imports."""
        return {link.partition(".")[0] for link in self.facts.links}

    @cached_property
    def json_calls(self) -> dict[Place, WrongJsonCall]:
        """Calls of `load`, `loads`, `dump`, and `dumps` with a value of the wrong kind."""
        return {(call.line, call.column): call for call in self.diagnostics.json_calls}

    def candidates(self, rule: str) -> Iterator[Candidate]:
        """Yield the candidates that inference found for a rule, unless other code is known to define the name."""
        for candidate in self.diagnostics.candidates:
            if candidate.rule == rule and not self.is_defined_elsewhere(candidate):
                yield candidate

    def decided(self, rule: str) -> Iterator[Finding]:
        """Yield the findings for a rule's candidates, with the names that may be meant."""
        for candidate in self.candidates(rule):
            if candidate.word or (candidate.line, candidate.column) not in self.json_calls:
                yield from self._decide(candidate)

    def _decide(self, candidate: Candidate) -> Iterator[Finding]:
        word, vocabulary = candidate.word, self.vocabulary
        if not word or candidate.unless_defined_in == "synchronous":
            yield self.plain(candidate, candidate.hint)
            return
        suggested = vocabulary.ordered(word, suggestions(word, candidate.names))
        if candidate.package and not any(is_common_typo(word, name) for name in suggested):
            top = candidate.package.partition(".")[0]
            if vocabulary.packages.knows(top) and vocabulary.packages.defines(top, word):
                # Another module of the package sets it, such as `outbox` in `django.core.mail`.
                return
        if not suggested and candidate.rule == "unknown-attribute":
            use = Use(word, candidate.line, candidate.column, candidate.end_line)
            suggested = vocabulary.right_words(use, keyword=False)
        fix = sole_fix(word, suggested, candidate.names)
        yield finding_at(self.path, candidate, candidate.rule, candidate.message, suggested, fix)

    def plain(self, candidate: Candidate, hint: str = "") -> Finding:
        """Return a finding without a fix."""
        position = candidate.line, candidate.column, candidate.end_line
        return Finding(self.path, *position, candidate.rule, "error", candidate.message, hint)

    def is_defined_elsewhere(self, candidate: Candidate) -> bool:
        """Return whether code that counts for the candidate defines its word."""
        word, vocabulary = candidate.word, self.vocabulary
        match candidate.unless_defined_in if word else "":
            case "":
                return False
            case "synchronous":
                return word in vocabulary.synchronous
            case "model":
                return word in vocabulary.project or vocabulary.may_be_of_model(word)
            case "attribute":
                return word in vocabulary.attributes or word in vocabulary.texts
            case "project":
                return word in vocabulary.project
        if word in vocabulary.project:
            return True
        if word.startswith("_") and not word.endswith("__") and not vocabulary.installed:
            # The lists omit private names of packages that are not installed.
            return True
        return not word.startswith("__") and (
            not vocabulary.is_strange(word) or vocabulary.used.get(word, 0) > 2
        )

    @cached_property
    def _decided_places(self) -> set[Place]:
        positions = {(candidate.line, candidate.column) for candidate in self.diagnostics.candidates}
        return positions | {(use.line, use.column) for use, _ in self.unimported_typos.values()}

    def _open_uses(self, uses: list[Use]) -> Iterator[Use]:
        """Yield the uses that inference can call neither correct nor wrong."""
        for use in uses:
            position = use.line, use.column
            if position not in self.diagnostics.resolved and position not in self._decided_places:
                yield use

    @cached_property
    def open_attributes(self) -> list[Use]:
        """Attributes that are read from values of unknown type."""
        return list(self._open_uses([*self.facts.attributes, *self.facts.members]))

    @cached_property
    def open_keywords(self) -> list[Use]:
        """Keyword arguments in calls with an unknown signature."""
        return list(self._open_uses(self.facts.keywords))

    @property
    def unresolved_imports(self) -> list[Use]:
        """Imports that may be wrong."""
        return [self.facts.imports[number] for number in self.diagnostics.unresolved_imports]

    def hint(self, use: Use) -> TypeHint:
        """Return the most likely type of the value that an attribute is read from."""
        return self.diagnostics.hints.get((use.line, use.column), NOTHING)

    @cached_property
    def lookups_in_undefined(self) -> dict[Place, Use]:
        """The attributes that are read from undefined names, by the position of the name."""
        undefined = {
            (candidate.line, candidate.column)
            for candidate in self.diagnostics.candidates
            if candidate.rule == "undefined-name"
        }
        return {
            position: use
            for use in (self.facts.attributes if undefined else ())
            if (position := (use.line, use.column - len(use.receiver) - 1)) in undefined
        }

    @cached_property
    def unimported_typos(self) -> dict[Place, tuple[Use, list[str]]]:
        """Misspelled attributes of modules that weren't imported, with suggestions, by the position of the module's
        name.
        """
        lookups: dict[Place, tuple[Use, list[str]]] = {}
        for candidate in self.candidates("undefined-name"):
            position = candidate.line, candidate.column
            use = self.lookups_in_undefined.get(position)
            if not candidate.word or use is None:
                continue
            module = self.vocabulary.modules.module(candidate.word)
            names = module.own if module is not None else frozenset[str]()
            if use.name in names:
                continue
            typos = [name for name in candidates(use.name, names) if is_common_typo(use.name, name)]
            if not typos and candidate.word not in names:
                # `now` may be meant for the `time` in `datetime`, but also for anything else `datetime` may be.
                typos = synonyms_of(use.name, names)
            if typos := self.vocabulary.ordered(use.name, typos):
                lookups[position] = use, typos
        return lookups


def once_a_line(findings: Iterable[Finding | None]) -> Iterator[Finding]:
    """Yield the findings without duplicates, because one statement may import many names from a missing module."""
    seen: set[tuple[int, str]] = set()
    for finding in findings:
        if finding is not None and (finding.line, finding.message) not in seen:
            seen.add((finding.line, finding.message))
            yield finding
