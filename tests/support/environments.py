"""Environments for tests: structured like a virtual environment, with a real interpreter and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_venv(prefix: Path, packages: Mapping[str, str] | None = None, *, system: bool = False) -> Path:
    """Create an environment that claims to have `packages` installed (versions by name).

    Returns its site-packages folder. With `system`, it includes the interpreter's own packages.
    """
    site = prefix / "lib" / f"python{VERSION}" / "site-packages"
    site.mkdir(parents=True)
    (prefix / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin"
    real = next(path for path in (base / f"python{VERSION}", base / "python3") if path.exists())
    (prefix / "bin" / "python").symlink_to(real)
    config = f"home = {base}\ninclude-system-site-packages = {str(system).lower()}\n"
    (prefix / "pyvenv.cfg").write_text(config)
    for name, version in (packages or {}).items():
        install(site, name, version)
    return site


def install(site: Path, name: str, version: str, files: Mapping[str, str] | None = None) -> None:
    """Add a distribution with `files` below `site`."""
    (site / f"{name}-{version}.dist-info").mkdir()
    (site / name).mkdir()
    for path, text in (files or {}).items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    record = "".join(f"{path},,\n" for path in files or ())
    (site / f"{name}-{version}.dist-info" / "RECORD").write_text(record)


def lend(site: Path, *names: str) -> None:
    """Add whole distributions from the environment of the tests, including metadata and entry points."""
    for name in names:
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top != ".." and not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))
