"""Results are shared between machines under keys made of content, not of paths and times."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.environment import Environment
from gate.environment.content import content_of
from gate.environment.interpreter import Installed
from gate.git.objects import Entry
from gate.policy.types import CheckSettings
from gate.result_cache import Key, ResultCache, key_of, portable_key
from gate.runner.result_key import result_key

SITE = "lib/python3.12/site-packages"


def project(folder: Path) -> Environment:
    """Return the environment `.venv` of a project in `folder`, with a package and the project in editable mode."""
    site = folder / ".venv" / SITE
    (site / "pkg" / "__pycache__").mkdir(parents=True)
    (site / "pkg-1.0.dist-info").mkdir()
    (folder / ".venv" / "bin").mkdir()
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / ".venv" / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    (site / "pkg" / "__init__.py").write_text("x = 1\n")
    (site / "pkg" / "__pycache__" / "x.pyc").write_bytes(os.urandom(8))
    (site / "pkg-1.0.dist-info" / "METADATA").write_text("Name: pkg\n")
    (site / "pkg-1.0.dist-info" / "RECORD").write_text(f"../../../bin/pkg,{os.urandom(8).hex()},1\n")
    (site / "pkg-1.0.dist-info" / "direct_url.json").write_text(f'{{"url": "file://{folder}"}}\n')
    (folder / "src").mkdir()
    (site / "__editable__.app.pth").write_text(f"{folder}/src\n")
    return Environment(folder / ".venv" / "bin" / "python", "here", project=folder)


def edited(environment: Environment) -> None:
    (environment.site_packages[0] / "pkg" / "__init__.py").write_text("x = 2\n")


def renamed(environment: Environment) -> None:
    folder = environment.site_packages[0] / "pkg"
    (folder / "__init__.py").rename(folder / "init.py")


def added(environment: Environment) -> None:
    (environment.site_packages[0] / "sitecustomize.py").write_text("")


def another_version(environment: Environment) -> None:
    folder = environment.site_packages[0] / "pkg-1.0.dist-info"
    folder.rename(folder.with_name("pkg-1.1.dist-info"))


def another_folder(environment: Environment) -> None:
    (environment.site_packages[0] / "__editable__.app.pth").write_text(f"{environment.project}/other\n")


def another_interpreter(environment: Environment) -> None:
    environment.python.unlink()
    environment.python.write_bytes(b"#!/bin/sh\n")


def another_source(environment: Environment) -> None:
    """Source code outside of the project, which the environment refers to."""
    assert environment.project
    folder = environment.project.parent / "library"
    folder.mkdir()
    (folder / "library.py").write_text("")
    (environment.site_packages[0] / "library.pth").write_text(f"{folder}\n")


CHANGES = (edited, renamed, added, another_version, another_folder, another_interpreter, another_source)


def test_the_same_content_elsewhere_is_the_same_environment(tmp_path: Path) -> None:
    here, there = project(tmp_path / "here"), project(tmp_path / "somewhere" / "else")
    assert here.fingerprint != there.fingerprint
    assert content_of(here) == content_of(there)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_any_other_content_is_another_environment(
    tmp_path: Path, change: Callable[[Environment], None]
) -> None:
    before = content_of(project(tmp_path / "a"))
    changed = project(tmp_path / "b" / "c")
    change(changed)
    assert content_of(Environment(changed.python, "here", project=changed.project)) != before


def key(folder: Path, check: CheckSettings, *, blob: str = "1", version: str = "1.0") -> Key:
    """Return the key of a check on a tree with one file, in an environment in `folder`."""
    python = folder / ".venv" / "bin" / "python"
    environment = Environment(python, "here", project=folder) if python.exists() else project(folder)
    site = str(environment.site_packages[0])
    installed = (
        Installed("ruff", version, str(python), site, own=False, program="")
        if check.tool != "command"
        else None
    )
    made = result_key(check, (Entry("a.py", "100644", blob),), environment, installed, ("",))
    assert isinstance(made, Key)
    return made


def shared(made: Key, folder: Path) -> str:
    return made.portable(ResultCache(folder / "cache"))


@pytest.mark.parametrize("tool", ["ruff", "pytest", "command"])
def test_the_portable_key(tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = CheckSettings("c", tool=tool, command=("true",) if tool == "command" else ())
    here, there = tmp_path / "here", tmp_path / "there"
    first = key(here, check)
    assert key(here, check, blob="2") != first
    portable = shared(first, here)
    assert shared(key(there, check), there) == portable
    assert shared(key(there, check, blob="2"), there) != portable
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert (shared(key(there, check), there) == portable) == (tool == "ruff"), "ruff doesn't read the time"
    monkeypatch.delenv("TZ")
    monkeypatch.setenv("HOME", "/home/somebody")
    other = key(there, check)
    assert other != first
    assert (shared(other, there) == portable) == (tool != "command"), "what a command starts isn't known"
    if tool != "command":
        assert shared(key(there, check, version="1.1"), there) != portable


def test_what_is_derived_from_a_key_has_both_forms(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    made = [Key.of(local, lambda _: "same") for local in ("here", "there")]
    derived = [key_of("about", item) for item in made]
    assert derived[0] != derived[1]
    assert portable_key(derived[0], cache) == portable_key(derived[1], cache) == key_of("about", "same")
    assert portable_key("plain", cache) == "plain"


def test_a_cache_shares_under_portable_keys(tmp_path: Path) -> None:
    server = ResultCache(tmp_path / "server")
    here, there = (ResultCache(tmp_path / name, shared=server) for name in ("here", "there"))
    here.put(Key.of("local here", lambda _: "same"), b"passed")
    assert there.get(Key.of("local there", lambda _: "same")) == b"passed"
    assert there.get_local("local there") == b"passed"

    def fails(_: ResultCache) -> str:
        raise PermissionError

    unknown = Key.of("unreadable", fails)
    assert here.get(unknown) is None
    here.put(unknown, b"passed")
    assert here.get(unknown) == b"passed"
