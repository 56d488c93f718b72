"""A project's environment: its interpreter, its installed packages, and the stubs of the standard library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from gate.names.resolve.package_words import states_below
from gate.names.syntax.reachability import OWN_VERSION, Version


def bundled_typeshed() -> Path | None:
    """Return the standard library stubs that ship with mypy, or None if there are none."""
    from importlib.util import find_spec

    spec = find_spec("mypy")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "typeshed" / "stdlib"
    return folder if folder.is_dir() else None


def ask_interpreter(python: str) -> subprocess.Popen[str]:
    """Start an interpreter that reports where its packages are installed. Exits if it can't be started."""
    code = (
        "import sys,sysconfig,json;"
        "print(json.dumps([[sysconfig.get_path(k) for k in ('purelib','platlib')],sys.version_info[:2]]))"
    )
    try:
        return subprocess.Popen(
            [python, "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        sys.exit(f"{python} cannot be started: {error.strerror}")


def required_version(root: Path) -> Version:
    """Return the oldest Python version that the project's settings allow, or the running one if they state none."""
    for name, pattern in (
        ("pyproject.toml", r"requires-python\s*=\s*[\"'].*?>=?\s*3\.(\d+)"),
        ("pyproject.toml", r"(?m)^python\s*=\s*[\"'][\^~>=]*\s*3\.(\d+)"),
        ("setup.cfg", r"python_requires\s*=.*?>=?\s*3\.(\d+)"),
        (".python-version", r"3\.(\d+)"),
    ):
        try:
            match = re.search(pattern, (root / name).read_text("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return 3, int(match[1])
    return OWN_VERSION


def answer_of(query: subprocess.Popen[str]) -> tuple[list[Path], Version | None]:
    """Return the package folders and the Python version that the interpreter reported, or [] and None if it failed."""
    try:
        output, _ = query.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        query.kill()
        query.communicate()
        return [], None
    if query.returncode != 0:
        return [], None
    folders, version = json.loads(output)
    return [folder for folder in map(Path, dict.fromkeys(folders)) if folder.is_dir()], (
        version[0],
        version[1],
    )


def environment_state(typeshed: Path | None, site: Iterable[Path], tops: AbstractSet[str]) -> Iterator[str]:
    """Yield strings that change whenever the installed packages do.

    For the packages in `tops`, which the project imports, every file counts, because people may edit them in place.
    """
    yield f"{typeshed} {typeshed.stat().st_mtime_ns if typeshed else ''}"
    for folder in site:
        yield str(folder)
        try:
            entries = sorted(folder.iterdir())
            yield from (f"{entry.name} {entry.stat().st_mtime_ns}" for entry in entries)
        except OSError:
            yield "cannot be read"
            continue
        for entry in entries:
            if entry.name.partition(".")[0] in tops:
                yield from states_below(entry)
