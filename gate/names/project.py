"""The files of a project: read, judged, and taken from what is kept wherever nothing that decides has changed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from gate.names import exports
from gate.names.cache import Kept, digest, face_of, own_state, reaches
from gate.names.facts import Facts, Use, facts_of
from gate.names.infer import Engine
from gate.names.kinds import WrongKind
from gate.names.likely import NOTHING, Evidence
from gate.names.modules import Modules, Source
from gate.names.packages import Words
from gate.names.rules import is_right
from gate.names.source import text_of
from gate.names.told import Told
from gate.names.typed import Certain, Judge, Judged

_ITEMS = {"attributes": Use, "keywords": Use, "members": Use, "imports": Use, "wrong": WrongKind, "exports": Told,
          "references": Told}  # fmt: skip


@dataclass(slots=True)
class File:
    """One file of Python. `face` is what other files can see of it."""

    name: str
    module: str
    data: bytes
    key: str
    facts: Facts
    face: str
    source: Source | None = None
    is_notebook: bool = False

    @property
    def text(self) -> str:
        """Its text, decoded."""
        return text_of(self.data)


class Project:
    """All files of Python below a folder, with what is kept of them."""

    def __init__(self, modules: Modules, kept: Kept, environment: str) -> None:
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
            self.files[name] = File(name, module, data, key, _facts(found[0]), found[1], None, is_notebook)
            return
        tree = ast.parse(data)
        facts = facts_of(tree, module, is_package=package)
        source = Source(module, "project", tree, data, is_package=package, is_stub=name.endswith(".pyi"))
        face = face_of(tree, text_of(data))
        self.files[name] = File(name, module, data, key, facts, face, source, is_notebook)
        self._kept.put(key, (_plain(facts), face))
        if not is_notebook:
            self._modules.add(source)

    def judged(self, outside: Words) -> Iterator[tuple[File, Judged]]:
        """Every file, and what the kinds of its values tell; `outside` is what packages define that it uses."""
        self.engine.heard = outside.defined | outside.said
        keys = self._keys(outside)
        for file in self.files.values():
            found = self._kept.get(keys[file.name])
            if found is not None:
                yield file, _judged(found)
                continue
            judged = self._judge(file)
            self._kept.put(keys[file.name], _plain_judged(judged))
            yield file, judged

    def _judge(self, file: File) -> Judged:
        source = file.source
        if source is None:
            found = None if file.is_notebook else self._modules.source(file.module)
            package = file.name.rpartition("/")[2] in {"__init__.py", "__init__.pyi"}
            same = found is not None and found.data == file.data
            source = found if same and found else Source(
                file.module, "project", ast.parse(file.data), file.data, is_package=package
            )  # fmt: skip
        judged = Judge(self.engine, source).judge()
        imports = enumerate(file.facts.imports)
        judged.doubtful = [number for number, use in imports if not is_right(use, self._modules)]
        judged.exports = any(exports.missing(file.name, file.module, file.facts.exports, self._modules))
        return judged

    @cached_property
    def engine(self) -> Engine:
        """Knows what expressions are, with what the whole project says."""
        engine = Engine(self._modules)
        facts = [file.facts for file in self.files.values()]
        engine.stored_outside = frozenset(name for one in facts for name in one.stored)
        engine.classes.defined = Counter(name for one in facts for name in one.members_of_classes)
        engine.classes.bases = frozenset(name for one in facts for name in one.bases)
        return engine

    def _keys(self, outside: Words) -> dict[str, str]:
        """Under what each file's judgement is kept: all that has a say in it."""
        engine = self.engine
        whole = digest(
            self._state,
            "\n".join(sorted(outside.imported)),
            "\n".join(sorted(engine.stored_outside)),
            "\n".join(sorted(f"{name} {min(count, 2)}" for name, count in engine.classes.defined.items())),
            "\n".join(sorted(engine.classes.bases)),
        )
        files = list(self.files.values())
        # A stub and its source are one module; two files may even claim the same name.
        by_module: dict[str, list[File]] = {}
        for file in files:
            by_module.setdefault(file.module, []).append(file)
        links = {
            name: {link for file in many for link in file.facts.links} for name, many in by_module.items()
        }
        faces = ["".join(file.face for file in many) for many in by_module.values()]
        seen: dict[int, str] = {}
        found: dict[str, str] = {}
        reach = reaches(links)
        for file in files:
            bits = reach[file.module]
            if bits not in seen:
                seen[bits] = digest(*(face for number, face in enumerate(faces) if bits >> number & 1))
            found[file.name] = digest(whole, file.key, seen[bits])
        return found


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


def _plain_judged(judged: Judged) -> tuple[Any, ...]:
    certain = [(*_tuple(one)[:6], sorted(one.names), one.strange, one.hint) for one in judged.told]
    evidence = [(place, *_tuple(one)) for place, one in judged.evidence.items() if one != NOTHING]
    return certain, list(judged.settled), evidence, judged.doubtful, judged.exports


def _judged(plain: Sequence[Any]) -> Judged:
    certain, settled, evidence, doubtful, exported = plain
    return Judged(
        [
            Certain(rule, line, column, end, message, word, frozenset(names), strange, hint)
            for rule, line, column, end, message, word, names, strange, hint in certain
        ],
        set(settled),
        {place: Evidence(*rest) for place, *rest in evidence},
        doubtful,
        exported,
    )
