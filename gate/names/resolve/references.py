"""Resolve dotted names in strings and settings from module to module, as an import would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.names.resolve.modules import Modules
from gate.names.spelling.similarity import closest, closest_match, is_sole
from gate.names.syntax.object_reference import ObjectReference

EXTENDS = ("extend_path", "declare_namespace", "__path__")
"""What a package says that is spread over several folders."""


@dataclass(frozen=True, slots=True)
class MissingPart:
    """The part of a dotted name that doesn't exist: its index, its owner, and a suggestion."""

    part: int
    owner: str
    suggested: str
    is_sole: bool


class References:
    """Resolves references, starting from the folders around a file and from what is installed."""

    def __init__(
        self,
        root: Path,
        typeshed: Path | None,
        site_packages: Sequence[Path],
        tree: Modules,
        outside: Modules,
    ) -> None:
        """`tree` reads modules below `root`; `outside` reads the standard library and the installed packages."""
        self._root = root
        self._typeshed = typeshed
        self._site = list(site_packages)
        self._found = {root: tree}
        self._outside = outside

    def missing(
        self, path: str, references: Iterable[ObjectReference]
    ) -> Iterator[tuple[ObjectReference, MissingPart]]:
        """Yield each reference of the file at `path` that certainly doesn't resolve, with its missing part."""
        for written in references:
            reference = self._in_logging(path, written) if written.kind == "logging" else written
            missing = self._missing(path, reference)
            if missing is not None:
                yield reference, missing

    def _in_logging(self, path: str, written: ObjectReference) -> ObjectReference:
        """Return the reference below `logging`, where it is looked up first, unless it begins with a module."""
        top = written.text.partition(".")[0]
        if "." in written.text and (self._folders(path, top) or self._outside.module(top) is not None):
            return written
        return replace(written, text=f"logging.{written.text}", column=written.column - len("logging."))

    def _missing(self, path: str, reference: ObjectReference) -> MissingPart | None:
        """Return the missing part if no lookup location has the name; None if one may have it, or can't be read."""
        top = reference.text.partition(":")[0].partition(".")[0]
        own = self._folders(path, top)
        answers = [_look_up(self._modules(folder), reference, [folder]) for folder in own]
        if not own or self._outside.module(top) is not None:
            answers.append(_look_up(self._outside, reference, self._site))
        lacking = [missing for missing in answers if missing is not None]
        return lacking[0] if len(lacking) == len(answers) else None

    def _folders(self, path: str, top: str) -> list[Path]:
        """Return the folders around a file, and their `src` folders, that contain a module or folder called `top`."""
        parents = list((self._root / path).parents)
        around = parents[: parents.index(self._root) + 1]
        return [folder for parent in around for folder in (parent, parent / "src") if _has(folder, top)]

    def _modules(self, folder: Path) -> Modules:
        if folder not in self._found:
            self._found[folder] = Modules(folder, self._typeshed, self._site, self._outside)
        return self._found[folder]


def _has(folder: Path, top: str) -> bool:
    return (folder / f"{top}.py").is_file() or (folder / top).is_dir()


def _look_up(modules: Modules, reference: ObjectReference, folders: Iterable[Path]) -> MissingPart | None:
    """Return the first part of a name that certainly doesn't exist, or None. `folders` may contain its packages."""
    module_path, _, attribute = reference.text.partition(":")
    parts = [*module_path.split("."), *(attribute.split(".") if attribute else [])]
    count = module_path.count(".") + 1
    module = modules.module(parts[0])
    owner = parts[0]
    for number, name in enumerate(parts[1:], 1):
        if module is None or module.open:
            return None
        in_module = number < count
        deeper = modules.module(f"{owner}.{name}") if in_module else None
        if deeper is not None:
            module, owner = deeper, f"{owner}.{name}"
            continue
        if name in module.names or any(_is_spread(folder, owner) for folder in folders):
            return None
        among = module.own
        # A module may be made when the project is built, or be ignored by git: one that is misspelt is near
        # another. What is a class by its look, or stands behind a colon, is no module.
        may_be_module = in_module and name.islower()
        suggested = closest_match(name, among) if may_be_module else closest(name, among)
        if in_module and not suggested:
            return None
        return MissingPart(number, owner, suggested, is_sole(name, suggested, among))
    return None


def _is_spread(folder: Path, owner: str) -> bool:
    """Return whether the package may have parts in other folders."""
    file = folder.joinpath(*owner.split("."), "__init__.py")
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return False
    return any(word in text for word in EXTENDS)
