"""What well-known packages define, for projects whose packages aren't installed where gate runs.

The list ships with gate. `python -m gate.names.resolve.known_packages FOLDER` adds the packages that are installed in
FOLDER. Other releases may define more, so a name that isn't in the list is reported only if it is a common typo of one
that is.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gate.names.resolve.package_words import PackageWords, places_in, words_below

if TYPE_CHECKING:
    from zipfile import ZipFile

NO_PACKAGES = frozenset(
    {"bin", "test", "tests", "doc", "docs", "examples", "scripts", "src", "build", "benchmarks"}
)
"""Folders that releases leave in site-packages by mistake."""
LIST = Path(__file__).with_name("packages.zip")
NAMES = LIST.with_suffix(".txt")
"""The names of the packages in the list, which are all that most runs need."""
OTHERS = Path(__file__).with_name("others.txt")


@cache
def names() -> frozenset[str]:
    """Return the import names of the packages in the list."""
    return _listed(NAMES)


@cache
def others() -> frozenset[str]:
    """Return more well-known packages, known only by name. If one isn't installed, that doesn't make it a typo."""
    return _listed(OTHERS)


def _listed(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text("utf-8").split())
    except OSError:
        return frozenset()


@cache
def _archive() -> ZipFile | None:
    from zipfile import BadZipFile, ZipFile

    try:
        return ZipFile(LIST)
    except (OSError, BadZipFile):
        return None


@cache
def words_of(name: str) -> PackageWords:
    """Return the words that the list has for a package, or no words if it doesn't have the package."""
    archive = _archive()
    if archive is None or name not in names():
        return PackageWords()
    defined, mentions, imported = archive.read(name).decode("utf-8").split("\n\n")
    return PackageWords(*(frozenset(part.split("\n")) - {""} for part in (defined, mentions, imported)))


def make(folder: Path, target: Path) -> int:
    """Add all packages installed in `folder` to the list at `target`, and return its new number of packages."""
    import zipfile

    locations = places_in([folder])
    entries: dict[str, str] = {}
    if target.exists():
        with zipfile.ZipFile(target) as archive:
            entries = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    fresh = {name for name in locations if name not in NO_PACKAGES and "__" not in name}
    packages = fresh | entries.keys()
    for name in fresh:
        words = words_below(locations[name])
        inside = list((folder / name).rglob("*"))
        stems = {path.stem for path in inside if path.suffix == ".py" or path.is_dir()}
        defined = sorted(
            word for word in words.defined | stems if not word.startswith("_") and len(word) < 40
        )
        mentions = sorted(word for word in words.mentions if not word.startswith("_") and len(word) < 30)
        imported = sorted(words.imported & packages)
        entries[name] = "\n\n".join("\n".join(part) for part in (defined, mentions, imported))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for name, text in sorted(entries.items()):
            # A fixed time makes the file reproducible.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_LZMA
            archive.writestr(entry, text)
    target.with_suffix(NAMES.suffix).write_text("\n".join(sorted(entries)) + "\n", "utf-8")
    return len(entries)


if __name__ == "__main__":
    sys.stdout.write(f"{make(Path(sys.argv[1]), LIST)} packages\n")
