"""What a tree declares its environment to be, and how an environment or a lock file differs from that."""

from __future__ import annotations

import pytest

from gate.environment.declared import (
    Declared,
    is_declaring,
    read_declared,
    workspace_members,
)
from gate.environment.differences import allows_python, difference, left_over, stale_lock
from gate.environment.lock_hashes import is_outdated
from gate.environment.locks import local_in_lock, unreadable

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
        ({"a": "1.3"}, "it has a 1.3, but uv.lock has 1.2"),
        ({}, "a is not installed in it"),
    ],
)
def test_an_environment_and_the_lock(packages: dict[str, str], problem: str) -> None:
    assert difference(declared(uv=LOCK, project=PROJECT), packages) == problem


def test_a_version_that_does_not_fit() -> None:
    assert difference(declared(project=PROJECT), {"a": "0.9"}) == "it has a 0.9, but >=1 is required"


GROUPS = PROJECT + '[dependency-groups]\ndev = ["old"]\n'


@pytest.mark.parametrize(
    ("base", "head", "altered"),
    [
        ({"project": GROUPS}, {"project": GROUPS + "[tool.ruff]\nline-length = 100\n"}, False),
        ({"project": GROUPS}, {"project": GROUPS.replace("old", "new")}, True),
        ({"project": GROUPS}, {"project": GROUPS.replace('"old"', "")}, True),
        ({"project": GROUPS}, {"project": GROUPS + '[tool.uv.sources]\na = {path = "x"}\n'}, True),
        ({"project": GROUPS}, {"project": GROUPS.replace("d]", 'd]\nrequires-python = ">=3.99"', 1)}, False),
        ({"uv": LOCK, "project": PROJECT}, {"uv": LOCK + "# another hash", "project": PROJECT}, True),
        ({"requirements": "-r base.txt"}, {"requirements": "-r base.txt", "base": "a"}, True),
        ({"requirements": "a", "base": "a"}, {"requirements": "a", "base": "b"}, False),
        ({"requirements": "-c constraints.txt", "constraints": "a"}, {"requirements": "-c constraints.txt"}, True),
    ],
)  # fmt: skip
def test_an_environment_belongs_to_the_base(
    base: dict[str, str], head: dict[str, str], altered: bool
) -> None:
    packages = {"a": "1.2", "old": "1", "new": "1"}
    problem = difference(declared(**head), packages, declared(**base))
    assert problem == ("the change alters the dependencies" if altered else "")


@pytest.mark.parametrize(
    ("packages", "problem"),
    [
        ({"a": "1", "new": "1"}, ""),
        ({"a": "1"}, "new is not installed in it"),
        ({"a": "1", "new": "1", "old": "1"}, "old is still installed"),
        ({"new": "1"}, "a is not installed in it"),
    ],
)
def test_an_environment_that_somebody_has_updated(packages: dict[str, str], problem: str) -> None:
    head = declared(project=GROUPS.replace("old", "new"))
    assert left_over(head, packages, declared(project=GROUPS)) == problem


@pytest.mark.parametrize(
    ("required", "python", "allowed"),
    [
        ("", "3.9", True), (">=3.10", "3.11", True), (">=3.11.4", "3.11", True), (">=3.12", "3.11", False),
        ("<3.11", "3.11.2", False), ("==3.11.*", "3.11", True), ("no version", "3.11", True), (">=3.12", "", True),
    ],
)  # fmt: skip
def test_which_interpreters_a_project_allows(required: str, python: str, allowed: bool) -> None:
    project = declared(project=f'[project]\nname = "thing"\nrequires-python = "{required}"\n')
    assert allows_python(project, python) is allowed


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
    assert stated.test_extras == extras
    assert required is None or stated.required == required
    assert stated.packages == ("",)


def test_groups_alone_are_enough() -> None:
    stated = read_declared({"pyproject.toml": b"[dependency-groups]\ntest = ['a']\n"})
    assert (stated.source, stated.test_groups, stated.packages) == ("pyproject.toml", ("test",), ())


POETRY = '[tool.poetry]\nname = "thing"\n[tool.poetry.dependencies]\npython = "{}"\n'
PDM = '[project]\nname = "thing"\ndependencies = ["idna{}"]\n'
PIPFILE = (
    '[[source]]\nurl = "https://pypi.org/simple"\nname = "own"\nverify_ssl = true\n[packages]\nidna = "{}"\n'
)
LOCKED_BY = {
    # The hashes that poetry 2.5 and pipenv 2026.10 write, and one that is not understood.
    "poetry.lock": (
        "pyproject.toml", POETRY, ">=3.11,<4",
        '[metadata]\ncontent-hash = "9cd3576ff432faec44b760ff39ce42b228acd4c77a35a41419ec03be7bc512ca"\n',
    ),
    "pdm.lock": ("pyproject.toml", PDM, "<3.5", '[metadata]\ncontent_hash = "sha256:0000"\n'),
    "Pipfile.lock": (
        "Pipfile", PIPFILE, "<3.5",
        '{"_meta": {"hash": {"sha256": "6451a6c58f8533deb63b37aacbcb341532f885167f970c5d577f9aed887eb8ad"}}}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", sorted(LOCKED_BY))
def test_a_lock_that_was_made_from_other_declarations(source: str) -> None:
    name, text, value, lock = LOCKED_BY[source]
    base = {name: text.format(value).encode(), source: lock.encode()}
    assert not is_outdated(source, base | {name: base[name] + b"\n[scripts]\na = 1\n"}, base)
    changed = base | {name: text.format(">=3.12").encode()}
    assert is_outdated(source, changed, base)
    assert not is_outdated(source, changed | {source: b""}, base)


@pytest.mark.parametrize("source", ["uv.lock", "pylock.toml", *sorted(LOCKED_BY)])
def test_a_lock_that_cannot_be_read(source: str) -> None:
    assert unreadable(source, b"<<<<<<< HEAD").startswith(f"{source} cannot be read: ")
    assert unreadable(source, LOCKED_BY.get(source, ("", "", "", LOCK))[3].encode()) == ""
