"""What a tree declares its environment to be, and how an environment or a lock file differs from that."""

from __future__ import annotations

import pytest

from gate.environment.declared import (
    Declared,
    difference,
    is_declaring,
    read_declared,
    stale_lock,
    workspace_members,
)
from gate.environment.locks import local_in_lock

PROJECT = '[project]\nname = "thing"\ndependencies = ["a>=1", "b; python_version < \'3\'"]\n'
LOCK = '[[package]]\nname = "a"\nversion = "1.2"\n[[package]]\nname = "thing"\nsource = { editable = "." }\n'


def declared(**files: str) -> Declared:
    names = {"project": "pyproject.toml", "uv": "uv.lock", "poetry": "poetry.lock", "pipfile": "Pipfile.lock"}
    return read_declared({names.get(name, f"{name}.txt"): text.encode() for name, text in files.items()})


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({"uv": LOCK, "project": PROJECT, "requirements": "a"}, "uv.lock"),
        ({"poetry": LOCK, "project": PROJECT}, "poetry.lock"),
        ({"requirements": "a", "project": PROJECT}, "requirements.txt"),
        ({"project": PROJECT}, "pyproject.toml"),
        ({"project": "[tool.ruff]\n"}, ""),
        ({"project": "no [ toml"}, ""),
        ({}, ""),
    ],
)
def test_the_source_is_the_most_exact_one(files: dict[str, str], source: str) -> None:
    assert declared(**files).source == source


@pytest.mark.parametrize(
    ("path", "folder", "counts"),
    [
        ("pyproject.toml", "", True), ("uv.lock", "", True), ("requirements-dev.txt", "", True),
        ("requirements/test.txt", "", True), ("packages/one/pyproject.toml", "", True), ("docs/uv.lock", "", False),
        ("app.py", "", False), ("api/uv.lock", "api", True), ("api/pyproject.toml", "api", True),
        ("pyproject.toml", "api", False), ("web/pyproject.toml", "api", False),
    ],
)  # fmt: skip
def test_which_files_declare(path: str, folder: str, counts: bool) -> None:
    assert is_declaring(path, folder) is counts


@pytest.mark.parametrize(
    ("packages", "problem"),
    [
        ({"a": "1.2"}, ""),
        ({"a": "1.2", "more": "9"}, ""),
        ({"a": "1.3"}, "a is 1.3 there, and 1.2 in uv.lock"),
        ({}, "a is not installed there"),
    ],
)
def test_an_environment_and_the_lock(packages: dict[str, str], problem: str) -> None:
    assert difference(declared(uv=LOCK, project=PROJECT), packages) == problem


def test_a_version_that_does_not_fit() -> None:
    assert difference(declared(project=PROJECT), {"a": "0.9"}) == "a is 0.9 there, and >=1 is required"


def test_only_new_requirements_for_development_have_to_be_there() -> None:
    before = declared(project=PROJECT + '[dependency-groups]\ndev = ["old"]\n')
    after = declared(project=PROJECT + '[dependency-groups]\ndev = ["old", "new"]\n')
    assert difference(before, {"a": "1"}) == ""
    assert difference(after, {"a": "1"}, before) == "new is not installed there"
    assert difference(after, {"a": "1", "new": "1"}, before) == ""


@pytest.mark.parametrize(
    ("lock", "project", "stale"),
    [
        (LOCK, PROJECT, ""),
        (LOCK, PROJECT.replace("a>=1", "a>=2"), "does not have a>=2"),
        (LOCK, PROJECT.replace('"a>=1"', '"a>=1", "c"'), "does not have c"),
        (LOCK, PROJECT + '[project.optional-dependencies]\nx = ["thing[y]", "c"]\n', "does not have c"),
    ],
)
@pytest.mark.parametrize("kind", ["uv", "poetry"])
def test_a_lock_that_is_out_of_date(kind: str, lock: str, project: str, stale: str) -> None:
    answer = stale_lock(declared(**{kind: lock, "project": project}))
    assert answer == (f"{kind}.lock {stale}" if stale else "")
    before = declared(**{kind: lock, "project": PROJECT})
    with_all = {"a": "1.2", "c": "1", "thing": "1"}
    changed = declared(**{kind: lock, "project": project})
    assert bool(difference(changed, with_all, before)) is bool(stale)


def test_members_of_a_workspace() -> None:
    settings = b'[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]\n'
    assert workspace_members(settings, ["packages/one", "packages/old", "other"]) == ["packages/one"]


LEADING = """
[[package]]
name = "upper"
source = { editable = "packages/upper" }
dependencies = [{ name = "middle" }, { name = "six" }]
[package.dev-dependencies]
dev = [{ name = "for-tests" }]

[[package]]
name = "middle"
source = { virtual = "packages/middle" }
dependencies = [{ name = "Lower_Part" }]

[[package]]
name = "lower-part"
source = { directory = "../lower" }
dependencies = [{ name = "upper" }]

[[package]]
name = "for-tests"
source = { editable = "." }

[[package]]
name = "six"
version = "1.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "unrelated"
source = { editable = "packages/unrelated" }
"""


def test_the_packages_of_the_tree_that_a_lock_leads_to() -> None:
    folders = local_in_lock(LEADING.encode(), "Upper")
    assert set(folders) == {"packages/upper", "../lower", ""}
    assert local_in_lock(b"package = 1", "upper") == local_in_lock(None, "upper") == ()


SETUP_CFG = """
[metadata]
name = thing
[options]
install_requires =
    a>=1  # because
    b; python_version >= "3"
[options.extras_require]
Test =
    c
docs = d
"""
SETUP_PY = """
from setuptools import setup

NEEDS = ["a>=1"]
EXTRAS = {"test": ["c"], "computed": NEEDS + ["d"]}
setup(name="thing", version=read("VERSION"), install_requires=NEEDS, extras_require=EXTRAS)
"""


@pytest.mark.parametrize(
    ("files", "required", "extras"),
    [
        ({"setup.cfg": SETUP_CFG}, ("a>=1", 'b; python_version >= "3"'), ("test",)),
        ({"setup.py": SETUP_PY}, ("a>=1",), ("test",)),
        ({"setup.cfg": SETUP_CFG, "pyproject.toml": "[build-system]\nrequires = []\n"}, None, ("test",)),
        ({"setup.py": "def broken(:\n"}, (), ()),
    ],
)
def test_what_setup_files_state(
    files: dict[str, str], required: tuple[str, ...] | None, extras: tuple[str, ...]
) -> None:
    stated = read_declared({name: text.encode() for name, text in files.items()})
    assert stated.source == next(iter(files))
    assert stated.extras == extras
    assert required is None or stated.required == required
    assert stated.packages == ("",)


def test_groups_alone_are_enough() -> None:
    stated = read_declared({"pyproject.toml": b"[dependency-groups]\ntest = ['a']\n"})
    assert (stated.source, stated.groups, stated.packages) == ("pyproject.toml", ("test",), ())
