"""The files of a project: read, judged, and taken from what is kept wherever nothing that decides has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from gate.names.hints.load_dump import WrongJsonCall
from gate.names.hints.usage import NOTHING, TypeHint
from gate.names.infer.engine import Engine
from gate.names.read.decoding import text_of
from gate.names.read.newer_syntax import parse
from gate.names.report.candidates import Candidate, FileDiagnostics
from gate.names.resolve.exports import is_resolved, missing_exports
from gate.names.resolve.modules import OWN_VERSION, Modules, Source
from gate.names.resolve.package_words import PackageWords
from gate.names.rules.walk.visitor import Visitor
from gate.names.store.cache import Cache, digest, own_state
from gate.names.store.components import reachable_digests
from gate.names.store.module_interface import ModuleInterface, interface_of
from gate.names.store.workers import WorkerPool
from gate.names.syntax.facts import Facts, Use, facts_of, refused_by_compiler
from gate.names.syntax.object_reference import ObjectReference

FEW = 12
"""To judge more files than these, it is worth while to read what every file needs before they are dealt out."""
EVERYWHERE = ("builtins", "typing", "types", "collections", "collections.abc", "os", "_typeshed")
_ITEMS = {
    "attributes": Use,
    "keywords": Use,
    "members": Use,
    "imports": Use,
    "json_calls": WrongJsonCall,
    "exports": ObjectReference,
    "references": ObjectReference,
}


@dataclass(slots=True)
class File:
    """One file of Python. `face` is what other files can see of it."""

    name: str
    module: str
    data: bytes
    key: str
    facts: Facts
    face: ModuleInterface
    source: Source | None = None
    is_notebook: bool = False

    @property
    def text(self) -> str:
        """Its text, decoded."""
        return text_of(self.data)


class Project:
    """All files of Python below a folder, with what is kept of them."""

    def __init__(self, modules: Modules, kept: Cache, environment: str) -> None:
        """`environment` is another text for every other state of what is installed."""
        self._modules = modules
        self._kept = kept
        self._state = digest(own_state(), environment)
        self.files: dict[str, File] = {}

    def read(self, name: str, module: str, data: bytes, *, is_notebook: bool = False) -> None:
        """Take up one file. Raises SyntaxError, ValueError, MemoryError or RecursionError if it is no Python."""
        package = name.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}
        key = digest(self._state, name, data)
        found = self._kept.get(key)
        if found is not None:
            self.files[name] = File(
                name, module, data, key, _facts(found[0]), ModuleInterface(*found[1]), None, is_notebook
            )
            return
        tree = parse(data, is_newer=self._modules.target > OWN_VERSION)
        source = Source(
            module,
            "project",
            tree,
            data,
            is_package=package,
            is_stub=name.endswith(".pyi"),
            target=self._modules.target,
        )
        facts = facts_of(tree, module, source.guards, is_package=package)
        if not source.is_stub:
            facts.refused.update(refused_by_compiler(tree, is_notebook=is_notebook))
        face = interface_of(tree, text_of(data))
        self.files[name] = File(name, module, data, key, facts, face, source, is_notebook)
        self._kept.put(key, (_plain(facts), (face.rest, face.pieces, face.said, face.words)))
        if not is_notebook:
            self._modules.add(source)

    def prepare(self) -> None:
        """Read the modules that files which nothing is kept of import: they will be needed to judge these."""
        for file in self.files.values():
            if file.source is not None:
                for use in file.facts.imports:
                    is_resolved(use, self._modules)

    def judged(self, outside: PackageWords) -> Iterator[tuple[File, FileDiagnostics]]:
        """Every file, and what the kinds of its values tell; `outside` is what packages define that it uses.

        What is kept comes first: meanwhile other processes judge the rest.
        """
        self.engine.package_names = outside
        keys = self._keys(outside)
        found = {name: self._kept_judgement(*key) for name, key in keys.items()}
        missing = [name for name, answer in found.items() if answer is None]
        if len(missing) > FEW:
            # What every file needs is read once, for all processes.
            for name in EVERYWHERE:
                self._modules.sources(name)
        work = WorkerPool(missing, self._judge)
        for name, answer in found.items():
            if answer is not None:
                yield self.files[name], _judged(answer)
        for name, answer in work.answers().items():
            self._kept.put(keys[name][0], (answer, keys[name][1]))
            yield self.files[name], _judged(answer)

    def _kept_judgement(self, key: str, everything: str) -> Any:
        """What is kept, unless it lists names among which one may be meant: any other then counts as well."""
        found = self._kept.get(key)
        if found is None:
            return None
        answer, seen = found
        return answer if seen == everything or not _lists_names(answer) else None

    def _judge(self, name: str) -> tuple[Any, ...]:
        return _plain_judged(self.diagnose(self.files[name]))

    def source(self, file: File) -> Source:
        """The syntax tree of a file; parsed now if what is known of the file comes from the cache."""
        if file.source is not None:
            return file.source
        found = None if file.is_notebook else self._modules.source(file.module)
        if found is not None and found.data == file.data:
            return found
        package = file.name.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}
        target = self._modules.target
        return Source(file.module, "project", parse(file.data), file.data, is_package=package, target=target)

    def diagnose(self, file: File) -> FileDiagnostics:
        """What inference makes of a file, computed anew."""
        diagnostics = Visitor(self.engine, self.source(file)).judge()
        diagnostics.unresolved_imports = [
            number for number, use in enumerate(file.facts.imports) if not is_resolved(use, self._modules)
        ]
        diagnostics.lacks_exports = any(missing_exports(file.module, file.facts.exports, self._modules))
        return diagnostics

    @cached_property
    def engine(self) -> Engine:
        """Knows what expressions are, with what the whole project says."""
        engine = Engine(self._modules)
        facts = [file.facts for file in self.files.values()]
        engine.stored_outside = frozenset(name for one in facts for name in one.stored)
        engine.classes.defined = Counter(name for one in facts for name in one.members_of_classes)
        engine.classes.bases = frozenset(name for one in facts for name in one.bases)
        engine.classes.combined = frozenset(name for one in facts for name in one.combined)
        engine.classes.recombined = frozenset(name for file in facts for name in file.recombined)
        return engine

    def _keys(self, outside: PackageWords) -> dict[str, tuple[str, str]]:
        """Under what each file's judgement is kept: all that has a say in it, and all that it might list."""
        files = list(self.files.values())
        public = frozenset[str]().union(*(file.face.said for file in files))
        private: dict[str, list[str]] = {}
        whole = [self._state, *sorted(outside.imported)]
        for name, fact in self._of_all():
            (whole if name in public else private.setdefault(name, [])).append(fact)
        # A stub and its source are one module; two files may even claim the same name.
        by_module: dict[str, list[File]] = {}
        for file in files:
            by_module.setdefault(file.module, []).append(file)
            for name, piece in file.face.pieces.items():
                if name not in public:
                    private.setdefault(name, []).append(f"{file.name} {piece}")
        links = {
            name: {link for file in many for link in file.facts.links} for name, many in by_module.items()
        }
        open_to_all = reachable_digests(
            links,
            {name: digest(*(_seen(file.face, public) for file in many)) for name, many in by_module.items()},
        )
        everything = reachable_digests(
            links,
            {name: digest(*(_seen(file.face, None) for file in many)) for name, many in by_module.items()},
        )
        common = digest(*whole)
        keys: dict[str, tuple[str, str]] = {}
        for file in files:
            own = [
                fact for name in sorted(file.face.words & private.keys()) for fact in (name, *private[name])
            ]
            key = digest(common, file.key, open_to_all[file.module], *own)
            keys[file.name] = key, everything[file.module]
        return keys

    def _of_all(self) -> Iterator[tuple[str, str]]:
        """What counts of the project as a whole, by the name that it is about."""
        classes = self.engine.classes
        yield from ((name, f"stored {name}") for name in sorted(self.engine.stored_outside))
        yield from ((name, f"base {name}") for name in sorted(classes.bases))
        yield from ((name, f"combined {name}") for name in sorted(classes.combined))
        yield from ((name, f"recombined {name}") for name in sorted(classes.recombined))
        yield from (
            (name, f"defined {name} {min(classes.defined[name], 2)}") for name in sorted(classes.defined)
        )


def _seen(face: ModuleInterface, public: frozenset[str] | None) -> str:
    """The pieces of a file that count for everybody who can reach it; all pieces without `public`."""
    pieces = sorted(
        f"{name} {piece}" for name, piece in face.pieces.items() if public is None or name in public
    )
    return digest(face.rest, *pieces)


def _lists_names(answer: Sequence[Any]) -> bool:
    return any(told[6] for told in answer[0])


def _plain(facts: Facts) -> dict[str, list[Any]]:
    return {
        one.name: [_tuple(item) for item in getattr(facts, one.name)] if one.name in _ITEMS
        else list(getattr(facts, one.name))
        for one in fields(facts)
    }  # fmt: skip


def _tuple(item: Any) -> tuple[Any, ...]:
    return tuple(item) if isinstance(item, tuple) else tuple(getattr(item, one.name) for one in fields(item))


def _facts(plain: dict[str, list[Any]]) -> Facts:
    told: dict[str, Any] = {}
    for name, items in plain.items():
        kind: Any = _ITEMS.get(name)
        if kind is None:
            told[name] = items if name == "members_of_classes" else set(items)
        else:
            told[name] = [kind(*item) for item in items]
    return Facts(**told)


def _plain_judged(judged: FileDiagnostics) -> tuple[Any, ...]:
    certain = [
        (*_tuple(one)[:6], sorted(one.names), one.unless_defined_in, one.hint, one.package)
        for one in judged.candidates
    ]
    evidence = [(place, *_tuple(one)) for place, one in judged.hints.items() if one != NOTHING]
    wrong = [_tuple(one) for one in judged.json_calls]
    return (
        certain,
        list(judged.resolved),
        evidence,
        judged.unresolved_imports,
        judged.lacks_exports,
        wrong,
    )


def _judged(plain: Sequence[Any]) -> FileDiagnostics:
    certain, settled, evidence, doubtful, exported, wrong = plain
    return FileDiagnostics(
        [
            Candidate(rule, line, column, end, message, word, frozenset(names), *rest)
            for rule, line, column, end, message, word, names, *rest in certain
        ],
        set(settled),
        {place: TypeHint(*rest) for place, *rest in evidence},
        doubtful,
        exported,
        [WrongJsonCall(*one) for one in wrong],
    )
