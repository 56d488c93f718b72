"""Environments that gate builds from what a tree declares, and the project as each tree has it. No index is asked."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone
from support.environments import VERSION, install, make_venv

from gate.environment.build import build_variables

# Each builds at least one environment, or runs tests in one.
pytestmark = pytest.mark.slow

BACKEND = '''\
"""A build backend without dependencies: writes a version, and refers to `src`."""

import os
import zipfile


def build_editable(folder, config_settings=None, metadata_directory=None):
    with open("src/thing/_version.py", "w") as file:
        file.write("version = '1.5'\\n")
    if os.environ.get("GITHUB_TOKEN"):
        raise SystemExit("a build sees the token")
    name = "thing-1.5-py3-none-any.whl"
    info = "thing-1.5.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("thing.pth", os.path.abspath("src") + "\\n")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.5\\n")
        words = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(info + "/WHEEL", words)
        wheel.writestr(info + "/entry_points.txt", "[console_scripts]\\nthing = thing:main\\n")
        wheel.writestr(info + "/RECORD", "")
    return name


def get_requires_for_build_editable(config_settings=None):
    return []
'''
PROJECT = """\
[project]
name = "thing"
version = "1.5"
dependencies = [{dependencies}]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
TEST = """\
import os
import pathlib
import subprocess
import sys

import dep

import thing

HERE = pathlib.Path(__file__).parent


def run(*words):
    return subprocess.run(words, env={}, cwd="/", capture_output=True, text=True, check=True).stdout.strip()


def test_it():
    assert dep.VALUE == 1
    assert pathlib.Path(thing.__file__).is_relative_to(HERE)
    assert run(sys.executable, "-I", "-c", "import thing; print(thing.__file__)") == thing.__file__
    assert run(str(pathlib.Path(sys.executable).parent / "thing")) == "main"
"""


def wheel(folder: Path, name: str, version: str, source: str) -> None:
    """A distribution of one module, to be found in `folder`."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", source)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of distributions, which takes the place of any index."""
    folder = tmp_path / "links"
    wheel(folder, "dep", "1.0", "VALUE = 1\n")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


def commit(project: Clone, files: dict[str, str]) -> None:
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "Change")


def run_tests(project: Clone, **env: str) -> tuple[int, dict[str, Any]]:
    done = project.gate_process("check", "--format", "json", "--only", "tests", env={**links_of(), **env})
    assert done.out, done.err
    return done.code, json.loads(done.out)["checks"][0]


def links_of() -> dict[str, str]:
    return {
        name: os.environ[name]
        for name in ("UV_FIND_LINKS", "UV_OFFLINE", "UV_CACHE_DIR")
        if name in os.environ
    }


@pytest.fixture
def thing(project: Clone, links: Path) -> Clone:
    """A project that has to be installed and has a dependency, on a branch of its own."""
    files = {
        "pyproject.toml": PROJECT.format(dependencies='"dep"'),
        "backend.py": BACKEND,
        ".gitignore": ".venv\n_version.py\n",
        "src/thing/__init__.py": "from thing._version import version\n\n\ndef main():\n    print('main')\n",
        "test_it.py": TEST,
    }
    commit(project, files)
    project.git("checkout", "-q", "-B", "feature")
    commit(project, {"more.py": ""})
    return project


def builds(project: Clone) -> int:
    return len(list((project.path / ".git" / "gate" / "environments").glob("*/complete.json")))


class TestWithoutAnEnvironment:
    """A plain install of gate runs the tests of a project that nobody has set up here."""

    def test_what_is_declared_is_built_once(self, thing: Clone) -> None:
        code, check = run_tests(thing, GITHUB_TOKEN="secret")  # noqa: S106  made up
        assert code == 0, check
        commit(thing, {"other.py": ""})
        assert run_tests(thing)[0] == 0
        assert builds(thing) == 1
        assert len(list((thing.path / ".git" / "gate" / "installs").iterdir())) == 1

    def test_a_new_dependency_is_there_for_the_change_alone(self, thing: Clone, links: Path) -> None:
        wheel(links, "extra", "1.0", "")
        files = {
            "pyproject.toml": PROJECT.format(dependencies='"dep", "extra"'),
            "test_more.py": "import extra\n",
        }
        commit(thing, files)
        assert run_tests(thing)[0] == 0
        assert builds(thing) == 2

    def test_a_dependency_that_nobody_has_is_no_pass(self, thing: Clone) -> None:
        commit(thing, {"pyproject.toml": PROJECT.format(dependencies='"dep", "nowhere-to-be-found"')})
        code, check = run_tests(thing)
        assert code == 3
        assert "no environment can be built from pyproject.toml" in check["reason"]
        assert "nowhere-to-be-found" in check["reason"]

    @pytest.mark.usefixtures("links")
    def test_requirements_are_enough(self, project: Clone) -> None:
        project.git("checkout", "-q", "-B", "feature")
        test = "import dep\n\n\ndef test_it():\n    assert dep.VALUE == 1\n"
        commit(project, {"requirements-dev.txt": "dep==1.0\n", "test_it.py": test})
        # No clone has this file, although uv would find it from the checkout on.
        (project.path / ".git/info/exclude").write_text(".python-version\n")
        project.write({".python-version": "2.7\n"})
        code, check = run_tests(project)
        assert code == 0, check

    def test_a_build_that_fails_is_no_pass(self, thing: Clone) -> None:
        commit(thing, {"backend.py": "raise SystemExit('the build is broken')\n"})
        code, check = run_tests(thing)
        assert code == 3
        assert "cannot be installed" in check["reason"]

    @pytest.mark.parametrize(
        ("file", "program"),
        [
            (".python-version", "./tools/mine"),
            (".python-version", "mine"),
            (".python-versions", "3.11\n/proc/self/cwd/mine"),
        ],
    )
    def test_an_interpreter_of_the_change_is_never_started(
        self, thing: Clone, tmp_path: Path, file: str, program: str
    ) -> None:
        real, log = os.path.realpath(sys.executable), tmp_path / "started"
        # Asked where it is, this interpreter names another file.
        script = f'#!/bin/sh\necho > {log}\nexec "{real}" "$@"\n'
        thing.write({"tools/mine": script, "mine": script})
        for path in ("tools/mine", "mine"):
            (thing.path / path).chmod(0o755)
        commit(thing, {file: f"{program}\n"})
        code, check = run_tests(thing)
        assert (code, check["outcome"]) == (3, "broken")
        assert f"{file} names the program {program.split()[-1]}" in check["reason"]
        assert not log.exists()


class TestWithoutAnIndex:
    def test_gates_own_interpreter_does_not_take_the_place_of_what_is_required(self, thing: Clone) -> None:
        commit(thing, {"pyproject.toml": PROJECT.format(dependencies='"nowhere"')})
        thing.git("branch", "-f", "main", "HEAD")
        commit(thing, {"other.py": ""})
        secret = {"UV_INDEX_CORP_PASSWORD": "secret", "UV_INDEX": "https://user:secret@localhost/simple"}
        code, check = run_tests(thing, **secret)
        assert (code, check["outcome"]) == (3, "broken")
        assert "no environment can be built from pyproject.toml" in check["reason"]
        assert "connect to the network" in check["hint"]
        assert "secret" not in check["hint"] + check["reason"]

    def test_no_build_gets_a_variable_with_credentials(self, tmp_path: Path) -> None:
        environ = {
            "UV_INDEX": "https://user:secret@localhost/simple",
            "UV_INDEX_CORP_PASSWORD": "secret",
            "UV_INDEX_URL": "https://localhost/simple",
            "GITHUB_TOKEN": "secret",
        }
        variables = build_variables(environ, str(tmp_path))
        assert "secret" not in " ".join(variables.values())
        assert variables["UV_INDEX_URL"] == environ["UV_INDEX_URL"]


class TestPackagesOfTheTree:
    """What a project needs from its own repository is never taken from an index, nor from another tree."""

    @pytest.fixture
    def libraries(self, project: Clone, links: Path, request: pytest.FixtureRequest) -> Clone:
        wheel(links, "lower", "9.0", "VALUE = 'of the index'\n")
        backend = (
            BACKEND.replace('"src/thing/_version.py"', "os.devnull") + "\n\nbuild_wheel = build_editable\n"
        )
        for name, needs in (("lower", '"dep"'), ("upper", '"lower"')):
            project.write(
                {
                    f"libs/{name}/pyproject.toml": PROJECT.format(dependencies=needs).replace(
                        '"thing"', f'"{name}"'
                    )
                    + (request.param if name == "upper" else ""),
                    f"libs/{name}/backend.py": backend.replace("thing", name),
                    f"libs/{name}/src/{name}/__init__.py": "VALUE = 1\n",
                }
            )
        test = "import dep\nimport lower\nimport upper\n\n\ndef test_it():\n    assert lower.VALUE == 1\n"
        commit(project, {"libs/upper/tests/test_it.py": test, "libs/upper/pytest.ini": "[pytest]\n"})
        project.git("checkout", "-q", "-B", "feature")
        commit(project, {"libs/lower/more.py": ""})
        return project

    SOURCES = '[tool.uv.sources]\nlower = {path = "../lower"}\n'

    @pytest.mark.parametrize("libraries", ["", SOURCES], indirect=True, ids=["by name", "by path"])
    def test_they_are_those_of_each_tree(self, libraries: Clone) -> None:
        code, check = run_tests(libraries)
        assert code == 0, check
        before = builds(libraries)
        commit(libraries, {"libs/lower/src/lower/__init__.py": "VALUE = 2\n"})
        code, check = run_tests(libraries)
        assert (code, builds(libraries)) == (1, before), check
        assert check["findings"][0]["path"] == "libs/upper/tests/test_it.py"


class TestWithAnEnvironment:
    """What is found in the project serves, as long as it has what the tree declares."""

    @pytest.fixture
    def site(self, thing: Clone) -> Path:
        site = make_venv(thing.path / ".venv", {})
        install(site, "dep", "1.0", {"dep/__init__.py": "VALUE = 1\n"})
        (site / "thing-1.5.dist-info").mkdir()
        (site / "thing.pth").write_text(f"{thing.path}/src\n")
        script = f"#!{thing.path}/.venv/bin/python\nimport thing\nthing.main()\n"
        (thing.path / ".venv" / "bin" / "thing").write_text(script)
        (thing.path / ".venv" / "bin" / "thing").chmod(0o755)
        # As its own build would have left it.
        (thing.path / "src" / "thing" / "_version.py").write_text("version = '1.5'\n")
        return site

    @pytest.mark.usefixtures("site")
    def test_it_is_used_with_the_project_from_the_tree(self, thing: Clone) -> None:
        (thing.path / "src" / "thing" / "__init__.py").write_text("raise SystemExit\n")
        code, check = run_tests(thing)
        assert code == 0, check
        assert builds(thing) == 0

    def test_a_copy_that_is_installed_does_not_count(self, thing: Clone, site: Path) -> None:
        (site / "thing.pth").unlink()
        (site / "thing").mkdir()
        (site / "thing" / "__init__.py").write_text("raise SystemExit\n")
        (site / "thing-1.5.dist-info" / "RECORD").write_text("thing/__init__.py,,\n")
        commit(thing, {"src/thing/__init__.py": "def main():\n    print('main')\n"})
        code, check = run_tests(thing)
        assert code == 0, check

    @pytest.mark.usefixtures("site")
    def test_what_it_lacks_is_built(self, thing: Clone, links: Path) -> None:
        wheel(links, "extra", "1.0", "")
        files = {
            "pyproject.toml": PROJECT.format(dependencies='"dep", "extra"'),
            "test_more.py": "import extra\n",
        }
        commit(thing, files)
        assert run_tests(thing)[0] == 0
        assert builds(thing) == 1

    @pytest.mark.usefixtures("site")
    def test_what_the_change_no_longer_declares_is_not_there(self, thing: Clone) -> None:
        commit(thing, {"pyproject.toml": PROJECT.format(dependencies="")})
        code, check = run_tests(thing)
        assert (code, builds(thing)) == (1, 1), check
        assert "dep" in check["findings"][0]["message"]

    @pytest.mark.usefixtures("site")
    @pytest.mark.parametrize(("source", "code", "built"), [("project", 3, 0), ("lock", 0, 2), ("none", 3, 0)])
    def test_the_policy_chooses(self, thing: Clone, links: Path, source: str, code: int, built: int) -> None:
        wheel(links, "extra", "1.0", "")
        thing.git("checkout", "-q", "main")
        commit(thing, {"gate.yaml": f"environment: {{source: {source}}}\n"})
        thing.git("checkout", "-q", "-B", "feature")
        files = {
            "pyproject.toml": PROJECT.format(dependencies='"dep", "extra"'),
            "test_more.py": "import extra\n",
        }
        commit(thing, files)
        assert run_tests(thing)[0] == code
        assert builds(thing) == built

    @pytest.mark.usefixtures("site")
    def test_nothing_of_the_users_environment_is_changed(self, thing: Clone) -> None:
        folder = thing.path / ".venv"
        before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*") if path.name != "__pycache__"}
        commit(thing, {"setup.cfg": "[tool:pytest]\n"})
        run_tests(thing)
        after = {path: path.lstat().st_mtime_ns for path in folder.rglob("*") if path.name != "__pycache__"}
        assert after == before
        assert VERSION in str(next(folder.glob("lib/python*")))


class TestWhatTheOwnCommandsInstall:
    """Test dependencies that only tox, nox, hatch, or CI names, and those that cannot be installed here."""

    USES = "import dep\n\n\ndef test_it():\n    assert dep.VALUE == 1\n"

    def test_dependencies_of_tox(self, project: Clone, links: Path) -> None:
        commit(project, {"tox.ini": "[testenv]\ndeps =\n    -r ci/needs.txt\n", "ci/needs.txt": "dep\n"})
        project.git("checkout", "-q", "-B", "feature")
        commit(project, {"test_it.py": self.USES})
        code, check = run_tests(project)
        assert (code, check["note"]) == (0, "1 passed, in an environment built from tox.ini")
        assert links.is_dir()

    @pytest.mark.parametrize("by_the_change", [False, True])
    def test_a_group_that_cannot_be_installed(self, project: Clone, links: Path, by_the_change: bool) -> None:
        settings = '[dependency-groups]\ntest = ["dep"]\ndev = [{}]\n'
        broken = {"pyproject.toml": settings.format('"not-to-be-had"')}
        commit(project, {"pyproject.toml": settings.format("")} if by_the_change else broken)
        project.git("checkout", "-q", "-B", "feature")
        commit(project, {"test_it.py": self.USES, **broken})
        code, check = run_tests(project)
        assert links.is_dir()
        if by_the_change:
            assert (code, check["outcome"]) == (3, "broken")
            assert "not-to-be-had" in check["reason"]
        else:
            assert code == 0, check
            assert "without its development dependencies" in check["note"]


def test_what_only_a_build_reads_affects_the_tests(project: Clone, links: Path) -> None:
    """As in a package with compiled modules that are installed beside it: no test opens their sources."""
    makes = '        wheel.writestr("made.py", open("value.in").read())\n        wheel.writestr(info + "/METADATA"'
    files = {
        "pyproject.toml": PROJECT.format(dependencies=""),
        "backend.py": BACKEND.replace('        wheel.writestr(info + "/METADATA"', makes),
        ".gitignore": "_version.py\n",
        "src/thing/__init__.py": "",
        "value.in": "VALUE = 1\n",
        "test_it.py": "import made\n\n\ndef test_it():\n    assert made.VALUE == 1\n",
    }
    commit(project, files)
    project.git("checkout", "-q", "-B", "feature")
    commit(project, {"README.md": "Hello.\n"})
    assert run_tests(project)[0] == 0
    commit(project, {"README.md": "Hello again.\n"})
    code, check = run_tests(project)
    assert (code, "not affected" in check["note"]) == (0, True)
    commit(project, {"value.in": "VALUE = 2\n"})
    code, check = run_tests(project)
    assert links.is_dir()
    assert (code, check["outcome"]) == (1, "failed")
