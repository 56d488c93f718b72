"""Read and check the files of a project, with cached results wherever nothing relevant has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gate.names.infer.engine import Engine
from gate.names.infer.project_facts import ProjectFacts
from gate.names.read.decoding import text_of
from gate.names.read.newer_syntax import parse
from gate.names.read.test_data import is_test
from gate.names.report.candidates import FileDiagnostics
from gate.names.resolve.exports import is_resolved, missing_exports
from gate.names.resolve.modules import Modules
from gate.names.resolve.package_words import PackageWords
from gate.names.rules.walk.visitor import Visitor
from gate.names.store.cache import Cache, digest, own_state
from gate.names.store.codec import from_plain, to_plain
from gate.names.store.components import reachable_digests
from gate.names.store.module_interface import ModuleInterface, interface_of
from gate.names.store.workers import WorkerPool
from gate.names.syntax.compiler import refused_by_compiler
from gate.names.syntax.fact_reader import facts_of
from gate.names.syntax.facts import Facts
from gate.names.syntax.reachability import OWN_VERSION
from gate.names.syntax.source import Source

FEW = 12
"""For more files than this, it pays to read the modules that every file needs before distributing the files."""
EVERYWHERE = ("builtins", "typing", "types", "collections", "collections.abc", "os", "_typeshed")


@dataclass(slots=True)
class File:
    """A Python file. `face` is what other files can see of it."""

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
        """The decoded content."""
        return text_of(self.data)


class Project:
    """All Python files below a folder, with their cached results."""

    def __init__(self, modules: Modules, cache: Cache, environment: str) -> None:
        """`environment` is a string that differs for every state of the installed packages."""
        self._modules = modules
        self._cache = cache
        self._state = digest(own_state(), environment)
        self.files: dict[str, File] = {}

    def read(self, name: str, module: str, data: bytes, *, is_notebook: bool = False) -> None:
        """Add a file. Raises SyntaxError, ValueError, MemoryError, or RecursionError if it can't be parsed."""
        package = name.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}
        key = digest(self._state, name, data)
        cached = self._cache.get(key)
        if cached is not None:
            facts, face = from_plain(Facts, cached[0]), from_plain(ModuleInterface, cached[1])
            self.files[name] = File(name, module, data, key, facts, face, None, is_notebook)
            return
        # Tests may require newer versions: older ones don't collect them.
        is_newer = self._modules.target > OWN_VERSION or is_test(name)
        tree = parse(data, is_newer=is_newer)
        source = Source(
            module,
            "project",
            tree,
            data,
            is_package=package,
            is_stub=name.endswith(".pyi"),
            target=self._modules.target,
        )
        facts = facts_of(tree, data, module, source.guards, is_package=package)
        if not source.is_stub:
            facts.refused.update(refused_by_compiler(tree, is_notebook=is_notebook))
        face = interface_of(tree, text_of(data))
        self.files[name] = File(name, module, data, key, facts, face, source, is_notebook)
        self._cache.put(key, (to_plain(facts), to_plain(face)))
        if not is_notebook:
            self._modules.add(source)

    def prepare(self) -> None:
        """Read the modules imported by files without a cached result, because checking these files needs them."""
        for file in self.files.values():
            if file.source is not None:
                for use in file.facts.imports:
                    is_resolved(use, self._modules)

    def diagnostics(self, engine: Engine) -> Iterator[tuple[File, FileDiagnostics]]:
        """Yield every file with its diagnostics.

        The cached ones come first. In the meantime, other processes work on the rest.
        """
        keys = self._keys(engine.package_names)
        cached = {name: self._cached_diagnostics(self.files[name], key) for name, key in keys.items()}
        missing = [name for name, diagnostics in cached.items() if diagnostics is None]
        if len(missing) > FEW:
            # Read what every file needs once, before the processes fork.
            for name in EVERYWHERE:
                self._modules.sources(name)
        work = WorkerPool(missing, lambda name: to_plain(self.diagnose(self.files[name], engine)))
        for name, diagnostics in cached.items():
            if diagnostics is not None:
                yield self.files[name], diagnostics
        for name, answer in work.answers().items():
            file, diagnostics = self.files[name], from_plain(FileDiagnostics, answer)
            self._cache.put(keys[name], (answer, self._listed(file, diagnostics)))
            yield file, diagnostics

    def _cached_diagnostics(self, file: File, key: str) -> FileDiagnostics | None:
        """Return the cached diagnostics, or None if there are none or they are outdated.

        If they list names of which one may be meant, any other name that the file can reach matters as well.
        """
        entry = self._cache.get(key)
        if entry is None:
            return None
        answer, seen = entry
        diagnostics = from_plain(FileDiagnostics, answer)
        return diagnostics if seen == self._listed(file, diagnostics) else None

    def _listed(self, file: File, diagnostics: FileDiagnostics) -> str:
        """Return a digest of everything from which the diagnostics may list names, or "" if they list none."""
        lists_names = any(candidate.names for candidate in diagnostics.candidates)
        return self._everything[file.module] if lists_names else ""

    def source(self, file: File) -> Source:
        """Return the syntax tree of a file. It is parsed now if the facts of the file come from the cache."""
        if file.source is not None:
            return file.source
        source = None if file.is_notebook else self._modules.source(file.module)
        if source is not None and source.data == file.data:
            return source
        package = file.name.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}
        target = self._modules.target
        return Source(file.module, "project", parse(file.data), file.data, is_package=package, target=target)

    def diagnose(self, file: File, engine: Engine) -> FileDiagnostics:
        """Compute the diagnostics of a file, without the cache."""
        diagnostics = Visitor(engine, self.source(file)).judge()
        diagnostics.unresolved_imports = [
            number for number, use in enumerate(file.facts.imports) if not is_resolved(use, self._modules)
        ]
        diagnostics.lacks_exports = any(missing_exports(file.module, file.facts.exports, self._modules))
        return diagnostics

    @cached_property
    def joined_facts(self) -> ProjectFacts:
        """The merged facts of all files."""
        return ProjectFacts.of(file.facts for file in self.files.values())

    @cached_property
    def _by_module(self) -> dict[str, list[File]]:
        """The files of each module: a stub and its source are one, and two files may even have the same name."""
        by_module: dict[str, list[File]] = {}
        for file in self.files.values():
            by_module.setdefault(file.module, []).append(file)
        return by_module

    @cached_property
    def _links(self) -> dict[str, set[str]]:
        """The modules that each module may import."""
        return {
            name: group[0].facts.links
            if len(group) == 1
            else set[str]().union(*(file.facts.links for file in group))
            for name, group in self._by_module.items()
        }

    @cached_property
    def _everything(self) -> dict[str, str]:
        """A digest of all that each module can reach. Only a few files need it."""
        whole = {
            name: digest(*(_seen(file.face, None) for file in group))
            for name, group in self._by_module.items()
        }
        return reachable_digests(self._links, whole)

    def _keys(self, outside: PackageWords) -> dict[str, str]:
        """Return the cache key of each file's findings."""
        files = list(self.files.values())
        public = frozenset[str]().union(*(file.face.mentions for file in files))
        private: dict[str, list[str]] = {}
        # Code may depend on such a base, and on its own bases, without naming them.
        whole = [self._state, *sorted(outside.imported), *sorted(self.joined_facts.library_bases)]
        for name, fact in self.joined_facts.by_name():
            (whole if name in public else private.setdefault(name, [])).append(fact)
        for file in files:
            for name, piece in file.face.pieces.items():
                if name not in public:
                    private.setdefault(name, []).append(f"{file.name} {piece}")
        visible = {
            name: digest(*(_seen(file.face, public) for file in group))
            for name, group in self._by_module.items()
        }
        open_to_all = reachable_digests(self._links, visible)
        common = digest(*whole)
        keys: dict[str, str] = {}
        for file in files:
            own = [
                fact for name in sorted(file.face.words & private.keys()) for fact in (name, *private[name])
            ]
            keys[file.name] = digest(common, file.key, open_to_all[file.module], *own)
        return keys


def _seen(face: ModuleInterface, public: frozenset[str] | None) -> str:
    """Return a digest of the pieces that matter to every file that can reach them, or of all if `public` is None."""
    pieces = sorted(
        f"{name} {piece}" for name, piece in face.pieces.items() if public is None or name in public
    )
    return digest(face.rest, *pieces)
