"""List what modules contain by reading their source or stubs. Nothing is ever imported or run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gate.names.resolve.generated import GeneratedModules
from gate.names.resolve.library_source import (
    AttributesInSource,
    library_sources,
    read_library,
    read_source,
)
from gate.names.resolve.search_path import SearchPath
from gate.names.store.cache import Cache
from gate.names.syntax.reachability import OWN_VERSION, Version
from gate.names.syntax.source import Origin, Source

MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__dict__", "__all__",
    "__version__", "__annotations__", "__builtins__", "__cached__", "__getattr__", "__dir__", "__class__",
})  # fmt: skip
"""Attributes of every module."""
_REPLACED = {"distutils": "setuptools"}
"""Standard library packages that another package replaces, if it's installed."""


@dataclass(frozen=True, slots=True)
class Module:
    """The names of a module. `open` is True if it may have names that gate can't read."""

    names: frozenset[str]
    open: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The names that not every module has. Always the same set object, so that answers about it can be cached."""
        return _without_module_names(self.names)


OPEN = Module(frozenset(), open=True)


@lru_cache(maxsize=4096)
def _without_module_names(names: frozenset[str]) -> frozenset[str]:
    return names - MODULE_NAMES


class Modules:
    """The modules of the tree, the standard library, and the installed packages, each read on first use."""

    def __init__(
        self,
        root: Path | None,
        typeshed: Path | None,
        site_packages: Sequence[Path],
        installed: Modules | None = None,
        cache: Cache | None = None,
        target: Version | None = None,
        oldest: Version | None = None,
    ) -> None:
        """Set up the lookup in the tree at `root` and in the standard library (stubs in `typeshed`, and its source).

        If `installed` is given, it provides the modules outside the tree, so that several trees can share it. `cache`
        holds what earlier runs read from modules that can't have changed. `target` is the Python version that the
        project is for: it decides which branches of version checks count. `oldest` is the oldest version that the
        project runs on: the standard library has nothing that was removed before.
        """
        self.target: Version = target or (installed.target if installed else OWN_VERSION)
        self.oldest: Version = oldest or (installed.oldest if installed else OWN_VERSION)
        self._path = SearchPath(root, typeshed, site_packages, self.oldest)
        self._installed = installed
        self._cache = cache
        self.generated = GeneratedModules(root)
        self._modules: dict[str, Module | None] = {}
        self._sources: dict[str, list[Source]] = {}
        self._beside: dict[str, frozenset[str]] = {}
        self._attributes: dict[str, AttributesInSource] = {}
        self.top_level = self._path.top_level()

    def add(self, source: Source) -> None:
        """Register a project file that has already been read."""
        sources = self._sources.setdefault(source.name, [])
        sources.insert(0 if source.is_stub else len(sources), source)

    # -- which module a name is

    def origin(self, name: str) -> Origin:
        """Return where a module comes from, whether or not it exists."""
        return self._path.origin(name)

    def is_known_package(self, name: str) -> bool:
        """Return whether the top-level package of `name` exists, so that a missing submodule is a mistake."""
        return name.partition(".")[0] in self.top_level

    def is_replaced(self, name: str) -> bool:
        """Return whether another package may replace a module, so that its content is unknown."""
        top = name.partition(".")[0]
        if top not in _REPLACED or self.origin(name) == "project":
            return False
        return not self.removed_in(top) or _REPLACED[top] in self.top_level

    def removed_in(self, name: str) -> str:
        """Return the Python version that removed a top-level module from the standard library, or "" if it's there."""
        return self._path.removed_in(name)

    def is_ambiguous(self, name: str, path: str) -> bool:
        """Return whether `name` may be another module for the file at `path`: projects may contain other projects."""
        return self._path.is_ambiguous(name, path)

    # -- what a module has

    def module(self, name: str) -> Module | None:
        """Return the module with this dotted name, or None if there is none."""
        if self.is_replaced(name):
            return OPEN
        if name not in self._modules:
            if self._installed is not None and self.origin(name) != "project":
                self._modules[name] = self._installed.module(name)
            else:
                # A module in a cycle of star imports counts as open until it has been read.
                self._modules[name] = OPEN
                self._modules[name] = (
                    self._read(name) if self._cache is None else self._cached(name, self._cache)
                )
        return self._modules[name]

    def _cached(self, name: str, cache: Cache) -> Module | None:
        entry = cache.get(name)
        if entry is None:
            module = self._read(name)
            cache.put(name, (module is not None, *((module.open, list(module.names)) if module else ())))
            return module
        exists, *fields = entry
        return Module(frozenset(fields[1]), open=fields[0]) if exists else None

    def _read(self, name: str) -> Module | None:
        sources, packages = self.sources(name), self._path.packages(name)
        if sources:
            return self._merged(
                sources, {inner for path in packages for inner in self._path.submodules(path)}
            )
        for path in packages:
            if self._path.is_native(path):
                return OPEN
            if self._path.is_folder(path):
                return Module(frozenset(self._path.submodules(path)), open=True)
            if self._path.has_python(path):
                return OPEN
        return OPEN if self.origin(name) == "library" and "." not in name else None

    def _merged(self, sources: list[Source], names: set[str]) -> Module:
        is_open = False
        for source in sources:
            names |= self._public(source) | source.scope.elsewhere | source.made_global
            is_open = is_open or source.writes_globals
            for star in source.scope.stars:
                inner = self.module(star)
                if inner is None or inner.open:
                    is_open = True
                if inner is not None:
                    names |= inner.names
        return Module(frozenset(names | MODULE_NAMES), open=is_open)

    def _public(self, source: Source) -> frozenset[str]:
        """Return the names that a module binds, without those that a stub of the standard library only imports."""
        if source.origin != "library" or not source.is_stub:
            return source.own_names
        bound = source.scope.names
        return frozenset(
            name for name in source.own_names if not source.keeps_to_itself(name, bound[name])
        ) | self.beside_stub(source.name)

    def lacks(self, name: str, member: str) -> bool:
        """Return whether a module certainly doesn't have `member`."""
        module = self.module(name)
        if (
            module is None
            or module.open
            or member in module.names
            or self.module(f"{name}.{member}") is not None
        ):
            return False
        if member.startswith("_") and self._is_known_by_stub_only(name):
            return False
        return member not in self.beside_stub(name) and not self._is_in_string(name, member)

    def was_removed(self, name: str, member: str) -> bool:
        """Return whether older versions of a standard library module had `member`."""
        sources = self.sources(name) if self.origin(name) == "library" else ()
        return any(
            member in source.scope.removed
            or any(self.was_removed(star, member) for star in source.scope.stars)
            for source in sources
        )

    def imported_in_stub(self, name: str, member: str) -> str:
        """Return the full name of what the stub of a standard library module only imports as `member`, or ""."""
        for source in self.sources(name) if self.origin(name) == "library" else ():
            for binding in source.scope.names.get(member, ()):
                if binding.how == "member" and source.keeps_to_itself(member, [binding]):
                    return f"{binding.module}.{binding.name}"
        return ""

    def _is_known_by_stub_only(self, name: str) -> bool:
        """Return whether a third-party module has only stubs, which leave out private names."""
        return name.partition(".")[0] not in sys.stdlib_module_names and all(
            source.is_stub for source in self.sources(name)
        )

    def _is_in_string(self, name: str, member: str) -> bool:
        """Return whether `member` is a string in the module outside of `__all__`: the module may load it lazily.

        Always False for the standard library.
        """
        if self.origin(name) == "library":
            return False
        return any(source.strings[member] > source.exports.count(member) for source in self.sources(name))

    # -- the files of a module

    def source(self, name: str) -> Source | None:
        """Return the first file of a module, the stub if there is one, or None."""
        return next(iter(self.sources(name)), None)

    def sources(self, name: str) -> list[Source]:
        """Return the files of a module. A stub and the source next to it may each define names that the other lacks."""
        if name not in self._sources:
            if self.is_replaced(name):
                self._sources[name] = []
            elif self._installed is not None and self.origin(name) != "project":
                self._sources[name] = self._installed.sources(name)
            else:
                self._sources[name] = self._parsed(name)
        return self._sources[name]

    def _parsed(self, name: str) -> list[Source]:
        sources: list[Source] = []
        for path, origin, is_package in self._path.files(name):
            content = read_library(path) if origin == "library" else read_source(path)
            if content is not None:
                is_stub = path.suffix == ".pyi"
                sources.append(
                    Source(
                        name,
                        origin,
                        *content,
                        is_package=is_package,
                        is_stub=is_stub,
                        target=self.target,
                        oldest=self.oldest if origin == "library" else None,
                    )
                )
        return sources

    # -- what the stubs of the standard library leave out

    def beside_stub(self, name: str) -> frozenset[str]:
        """Return the names in the source of a standard library module, which has names that its stub leaves out."""
        if self.origin(name) != "library":
            return frozenset()
        if self._installed is not None:
            return self._installed.beside_stub(name)
        if name not in self._beside:
            self._beside[name] = frozenset()
            for source in library_sources(name, self.target):
                names = {*source.scope.names, *source.scope.elsewhere, *source.made_global}
                for star in source.scope.stars:
                    inner = self.module(star)
                    names |= self.beside_stub(star) | (inner.names if inner else frozenset())
                self._beside[name] = frozenset(names)
        return self._beside[name]

    def has_beside_stub(self, name: str, cls: str, attribute: str) -> bool:
        """Return whether the source of a standard library module gives a class an attribute, even if its stub
        doesn't.
        """
        if self._installed is not None:
            return self._installed.has_beside_stub(name, cls, attribute)
        if name not in self._attributes:
            self._attributes[name] = AttributesInSource()
            for source in library_sources(name, self.target):
                self._attributes[name].read(source.tree)
        return self._attributes[name].has(cls, attribute)

    def is_beyond_source(self, name: str, cls: str, attribute: str) -> bool:
        """Return whether a class in the source of a standard library module lacks an attribute, even if its stub has
        it.
        """
        if self._installed is not None:
            return self._installed.is_beyond_source(name, cls, attribute)
        has = self.has_beside_stub(name, cls, attribute)
        return not has and cls in self._attributes[name].of_classes

    def is_only_in_stub(self, module: str, name: str) -> bool:
        """Return whether a class called `name` exists only in the module's stub, where it describes various objects."""
        if self._installed is not None:
            return self._installed.is_only_in_stub(module, name)
        return any(not source.is_stub for source in self.sources(module)) and name not in self.beside_stub(
            module
        )
