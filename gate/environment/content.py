"""Identify an environment by its content, so that equal ones on different machines have the same identity.

`Environment.fingerprint` compares paths and times instead, which is faster and notices every edit, but differs on every
machine.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from gate.environment.editable import sources_of
from gate.environment.interpreter import Environment

RECORDS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "uv_cache.json"})
"""Files in a `.dist-info` about the installation itself. RECORD has the digests of scripts, which name their folder."""
LARGEST_TEXT = 1024 * 1024


def content_of(environment: Environment) -> str:
    """Return a digest of the interpreter, the files of the installed packages, and the sources of editable installs.

    The folders of the project and of the environment are left out, wherever a file names them. Raises OSError.
    """
    digest = hashlib.sha256()
    for part in _parts(environment):
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _parts(environment: Environment) -> Iterator[str | bytes]:
    yield f"{sysconfig.get_platform()} {environment.python_version}"
    yield _file(environment.python.resolve())
    names = _Names(environment)
    for number, site in enumerate(environment.site_packages):
        yield f"packages {number}"
        for path in _files(site):
            yield path.relative_to(site).as_posix()
            yield names.content(path)
    foreign = [item.folder for item in environment.editables if not environment.in_project(item.folder)]
    for folder in dict.fromkeys(foreign):
        yield f"editable {Path(folder).name}"
        for source in sources_of([folder]):
            yield os.path.relpath(source, folder)
            yield _file(Path(source))
    for generated in environment.generated:
        yield names.without(os.fsencode(generated))
        yield names.content(Path(generated))


class _Names:
    """The folders that differ between machines, and what to write in their place."""

    def __init__(self, environment: Environment) -> None:
        prefix = environment.prefix
        folders = {str(prefix): "@environment", str(prefix.resolve()): "@environment"}
        if environment.project:
            folders |= {str(environment.project): "@project", str(environment.project.resolve()): "@project"}
        foreign = [item.folder for item in environment.editables if not environment.in_project(item.folder)]
        folders |= {folder: f"@{Path(folder).name}" for folder in foreign if folder not in folders}
        # The longest first: the environment is often in the project.
        ordered = sorted(folders.items(), key=lambda pair: -len(pair[0]))
        self._folders = [(os.fsencode(folder), word.encode()) for folder, word in ordered]

    def without(self, data: bytes) -> bytes:
        """Return `data` without the names of these folders."""
        for folder, word in self._folders:
            data = data.replace(folder, word)
        return data

    def content(self, path: Path) -> str:
        """Return the digest of a file, without the folders if it says where something is installed."""
        says_where = path.suffix in {".pth", ".egg-link"} or path.name == "direct_url.json"
        if (says_where or path.name.startswith("__editable__")) and path.stat().st_size <= LARGEST_TEXT:
            return hashlib.sha256(self.without(path.read_bytes())).hexdigest()
        return _file(path)


def _files(site: Path) -> Iterator[Path]:
    """Yield the files of installed packages, in a fixed order, except byte code."""
    for folder, below, files in os.walk(site):
        below[:] = sorted(name for name in below if name != "__pycache__")
        is_metadata = folder.endswith(".dist-info")
        for name in sorted(files):
            if not name.endswith(".pyc") and not (is_metadata and name in RECORDS):
                yield Path(folder, name)


def _file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
