"""Recreate an environment for a checked tree: the same packages, with the project imported from that tree.

The interpreter, console scripts, and child processes all start from it, so nothing that a check runs can import the
project from the user's working tree or from an installed copy. Packages are symlinks, so this takes milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gate.environment.interpreter import Environment, normal

TEXT = (".pth", ".py", ".egg-link", ".json")
VERSION = re.compile(r"python3\.\d+t?")


def in_tree(
    environment: Environment,
    root: Path,
    prefix: Path,
    *,
    name: str = "",
    roots: Iterable[str] = (),
    without_project: bool = False,
) -> Environment:
    """Recreate `environment` at `prefix`, with the project imported from the tree at `root`.

    `name` is the project's name. If a copy of it is installed, its modules are left out, and `roots`, folders of the
    tree, replace them. `without_project` leaves out all of the project, so that a build can install it. An environment
    that can't be recreated is returned as it is.
    """
    away = environment.project
    sites = environment.site_packages
    version = next((match[0] for site in sites for match in [VERSION.search(str(site))] if match), "")
    if not version or away is None:
        return environment
    site = prefix / "lib" / version / "site-packages"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(prefix)
    site.mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "lib64").symlink_to("lib")
    _interpreter(environment, prefix, version)
    moved = _Moved(str(away), str(root), environment.prefix, prefix)
    copied = _own_copy(sites, name, root, tuple(roots))
    for folder in reversed(sites):
        for entry in os.scandir(folder):
            if entry.name in copied or entry.name == "__pycache__":
                continue
            if not without_project or not _is_projects(Path(entry.path), name, moved):
                _place(Path(entry.path), site / entry.name, moved)
    if copied and not without_project:
        lines = "".join(f"{root}/{folder}".rstrip("/") + "\n" for folder in roots)
        (site / "gate-checked-tree.pth").write_text(lines, "utf-8", "surrogateescape")
    for entry in os.scandir(environment.python.parent):
        if not os.path.lexists(prefix / "bin" / entry.name) and entry.is_file():
            _script(Path(entry.path), prefix / "bin" / entry.name, moved)
    return replace(
        environment, python=prefix / "bin" / "python", lent=(*environment.lent, str(environment.prefix))
    )


class _Moved:
    """Maps paths of the working tree and of one environment to the checked tree and the new environment."""

    def __init__(self, away: str, root: str, old: Path, new: Path) -> None:
        self.away, self.root = away, root
        # The environment's path comes first, since it may be inside the working tree.
        self._pairs = [(str(old), str(new)), (str(old.resolve()), str(new)), (away, root)]
        self._any = re.compile("(?:" + "|".join(re.escape(text) for text, _ in self._pairs) + r")(?![\w.-])")

    def text(self, text: str) -> str:
        """Replace all paths in `text` in one pass, so that none is replaced twice."""
        new = dict(reversed(self._pairs))
        return self._any.sub(lambda match: new[match[0]], text)

    def path(self, path: str) -> str:
        """Map a path below the working tree to the checked tree. Any other path is returned as it is."""
        return (
            self.root + path.removeprefix(self.away)
            if path == self.away or path.startswith(f"{self.away}/")
            else path
        )


def _interpreter(environment: Environment, prefix: Path, version: str) -> None:
    real = os.path.realpath(environment.python)
    for name in ("python", "python3", version):
        (prefix / "bin" / name).symlink_to(real)
    try:
        config = (environment.prefix / "pyvenv.cfg").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        config = f"home = {Path(real).parent}\ninclude-system-site-packages = false\n"
    (prefix / "pyvenv.cfg").write_text(config, "utf-8")


def _place(source: Path, target: Path, moved: _Moved) -> None:
    """Create one entry of site-packages: a symlink, or a copy with new paths if it names the working tree."""
    if os.path.lexists(target):
        target.unlink() if not target.is_dir() or target.is_symlink() else shutil.rmtree(target)
    if source.is_symlink():
        points_to = os.path.normpath(source.parent / source.readlink())
        target.symlink_to(moved.path(points_to) if moved.path(points_to) != points_to else source)
        return
    # Only files: a package whose files name the working tree is a copy that was built there.
    if source.name.endswith(TEXT) and source.is_file() and _names(source, moved.away):
        text = source.read_text("utf-8", "surrogateescape")
        target.write_text(moved.text(text), "utf-8", "surrogateescape")
        return
    target.symlink_to(source)


def _is_projects(path: Path, name: str, moved: _Moved) -> bool:
    """Return whether an entry of site-packages is the project's own: metadata, or a reference to its sources."""
    if path.name.endswith((".dist-info", ".egg-info")):
        return normal(path.name.rpartition(".")[0].partition("-")[0]) == normal(name)
    if path.is_symlink():
        points_to = os.path.normpath(path.parent / path.readlink())
        return moved.path(points_to) != points_to
    return path.name.endswith((*TEXT, ".egg-link")) and path.is_file() and _names(path, moved.away)


def _names(path: Path, text: str) -> bool:
    try:
        return text.encode("utf-8", "surrogateescape") in path.read_bytes()
    except OSError:
        return False


def _script(source: Path, target: Path, moved: _Moved) -> None:
    """Copy a console script with the new interpreter in its first line. Any other program becomes a symlink."""
    with contextlib.suppress(OSError):
        with source.open("rb") as file:
            if file.read(2) != b"#!":
                target.symlink_to(source)
                return
        target.write_text(
            moved.text(source.read_text("utf-8", "surrogateescape")), "utf-8", "surrogateescape"
        )
        target.chmod(0o755)


def _own_copy(sites: Iterable[Path], name: str, root: Path, roots: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level modules of an installed copy of the project that the tree has as well."""
    tops: set[str] = set()
    for site in sites if name else ():
        for info in site.glob("*.dist-info"):
            if normal(info.name.partition("-")[0]) != normal(name):
                continue
            with contextlib.suppress(OSError, UnicodeDecodeError):
                lines = (info / "RECORD").read_text("utf-8").splitlines()
                tops |= {line.partition(",")[0].partition("/")[0] for line in lines}
    return frozenset(
        top
        for top in tops
        if top.isidentifier() or top.endswith(".py")
        if any((root / base / top).exists() for base in roots)
    )
