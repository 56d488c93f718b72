"""Finding the project's environment, which tool it gives, and what a check may see of the caller's."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.environments import VERSION, install, make_venv

from gate.environment import Environment, Tracked, check_environ, find_environment, own_tool
from gate.errors import UsageError
from gate.git.repository import Repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def found(root: Path, **environ: str) -> Environment:
    return find_environment(root, "", {"HOME": str(root.parent / "home"), **environ})


def poetry_folder(root: Path, name: str) -> Path:
    digest = base64.urlsafe_b64encode(hashlib.sha256(str(root.resolve()).encode()).digest()).decode()
    return root.parent / "home" / ".cache" / "pypoetry" / "virtualenvs" / f"{name}-{digest[:8]}-py{VERSION}"


@pytest.mark.parametrize("name", [".venv", "venv", "env", ".pixi/envs/default"])
def test_the_usual_folders(root: Path, name: str) -> None:
    make_venv(root / name)
    environment = found(root)
    assert (environment.python, environment.origin) == (root / name / "bin" / "python", name)
    assert environment.found


def digest(text: str, size: int = 32) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:size]).decode()[:8]


def test_where_other_tools_put_it(root: Path) -> None:
    home = root.parent / "home"
    (root / "pyproject.toml").write_text('[project]\nname = "My.Thing"\n')
    real = str(root.resolve())
    places = {
        "tox": root / ".tox" / "py311",
        "nox": root / ".nox" / "tests",
        "conda": home / "conda" / "envs" / "science",
        "pipenv": home / ".local/share/virtualenvs" / f"project-{digest(f'{real}/Pipfile', 6)}",
        "hatch": home / ".local/share/hatch/env/virtual/my-thing" / digest(real) / "my-thing",
        "pdm": home / "anywhere",
    }
    (root / "Pipfile").write_text("")
    (root / "environment.yml").write_text("name: science\ndependencies: []\n")
    (home / ".conda").mkdir(parents=True)
    (home / ".conda" / "environments.txt").write_text(f"{home}/conda\n{places['conda']}\n")
    (root / ".pdm-python").write_text(f"{places['pdm']}/bin/python\n")
    # From the last resort to what comes before all the others.
    for tool in ("nox", "tox", "conda", "pipenv", "hatch", "pdm"):
        make_venv(places[tool])
        environment = found(root)
        assert environment.prefix == places[tool], tool
        assert tool in environment.origin


@pytest.mark.parametrize(
    ("place", "note", "text"),
    [
        (".direnv/python-3.11", "", ""),
        (".conda", "", ""),
        ("my environment", "", ""),
        ("../elsewhere", ".venv", "../elsewhere\n"),
        ("../home/.local/share/virtualenvs/named", ".venv", "named"),
        ("../home/.pyenv/versions/named", ".python-version", "3.11\nnamed\n"),
    ],
)
def test_places_that_are_named_or_look_like_one(root: Path, place: str, note: str, text: str) -> None:
    make_venv(root / place)
    if note:
        (root / note).write_text(text)
    assert found(root).prefix.resolve() == (root / place).resolve()


def test_condas_folder_has_no_pyvenv_cfg(root: Path) -> None:
    make_venv(root / ".conda")
    (root / ".conda" / "pyvenv.cfg").unlink()
    assert not found(root).found
    (root / ".conda" / "conda-meta").mkdir()
    assert found(root).origin == ".conda"


class TestWhatGitTracks:
    """An environment that a change could have written is never used, and nothing of it is started."""

    @pytest.fixture
    def tracked(self, root: Path) -> Tracked:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        return Tracked(Repository.find(root))

    @staticmethod
    def add(root: Path, *paths: str) -> None:
        subprocess.run(["git", "-C", str(root), "add", "-f", *paths], check=True)

    def test_one_file_is_enough(self, root: Path, tracked: Tracked) -> None:
        site = make_venv(root / ".venv")
        (site / "thing.py").write_text("")
        assert find_environment(root, "", {}, tracked).found
        self.add(root, str(site / "thing.py"))
        environment = find_environment(root, "", {}, tracked)
        assert not environment.found
        assert environment.problems == (".venv: git tracks .venv, so a change could replace it",)

    def test_a_tracked_link_to_one_elsewhere(self, root: Path, tracked: Tracked) -> None:
        make_venv(root.parent / "elsewhere")
        (root / ".venv").symlink_to(root.parent / "elsewhere")
        assert find_environment(root, "", {}, tracked).found
        self.add(root, ".venv")
        assert not find_environment(root, "", {}, tracked).found

    def test_a_link_to_a_tracked_one(self, root: Path, tracked: Tracked) -> None:
        make_venv(root / "tools" / "python")
        self.add(root, "tools")
        (root / ".venv").symlink_to("tools/python")
        assert not find_environment(root, "", {}, tracked).found

    def test_a_tracked_note_of_pdms(self, root: Path, tracked: Tracked) -> None:
        make_venv(root.parent / "elsewhere")
        (root / ".pdm-python").write_text(f"{root.parent}/elsewhere/bin/python")
        self.add(root, ".pdm-python")
        assert not find_environment(root, "", {}, tracked).found

    def test_the_active_one_and_one_on_path(self, root: Path, tracked: Tracked) -> None:
        make_venv(root / "tools")
        self.add(root, "tools")
        environ = {"VIRTUAL_ENV": str(root / "tools"), "PATH": f"{root}/tools/bin"}
        assert not find_environment(root, "", environ, tracked).found

    def test_one_that_the_policy_names(self, root: Path, tracked: Tracked) -> None:
        make_venv(root / "tools")
        assert find_environment(root, "tools/bin/python", {}, tracked).prefix == root / "tools"
        self.add(root, "tools")
        with pytest.raises(UsageError, match="is tracked by git"):
            find_environment(root, "tools/bin/python", {}, tracked)

    def test_one_that_only_another_commit_has(self, root: Path, tracked: Tracked) -> None:
        site = make_venv(root / ".venv")
        (site / "thing.py").write_text("")
        self.add(root, ".venv")
        run = subprocess.run(
            ["git", "-C", str(root), "write-tree"], check=True, capture_output=True, text=True
        )
        subprocess.run(["git", "-C", str(root), "rm", "-rq", "--cached", "."], check=True)
        assert find_environment(root, "", {}, tracked).found
        assert not find_environment(root, "", {}, replace(tracked, trees=(run.stdout.strip(),))).found


def test_an_interpreter_is_asked_without_the_callers_secrets(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    (root / "bin").mkdir()
    (root / "bin" / "python").write_text(f"#!/bin/sh\nenv > {root}/seen\necho '[\"3.9\"]'\n")
    (root / "bin" / "python").chmod(0o755)
    assert dict(find_environment(root, "bin/python", {}).packages) == {}
    assert "ghs_secret" not in (root / "seen").read_text()


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX"])
def test_the_variables_of_the_tools(root: Path, variable: str) -> None:
    place = root.parent / "elsewhere"
    make_venv(place)
    assert found(root, **{variable: str(place)}).prefix == place


def test_uvs_variable_may_be_relative_to_the_project(root: Path) -> None:
    make_venv(root / "env")
    assert found(root, UV_PROJECT_ENVIRONMENT="env").prefix == root / "env"


def test_the_active_environment_comes_before_the_folder(root: Path) -> None:
    make_venv(root / ".venv")
    make_venv(root.parent / "active")
    assert found(root, VIRTUAL_ENV=str(root.parent / "active")).prefix == root.parent / "active"


def test_the_projects_folder_comes_before_condas_base(root: Path) -> None:
    make_venv(root / ".venv")
    make_venv(root.parent / "conda")
    assert found(root, CONDA_PREFIX=str(root.parent / "conda")).prefix == root / ".venv"


def test_gates_own_environment_is_not_the_projects(root: Path) -> None:
    # As under pre-commit, which makes its own environment the active one and puts it first on PATH.
    environment = found(root, VIRTUAL_ENV=sys.prefix, PATH=f"{sys.prefix}/bin")
    assert not environment.found
    assert environment.python == Path(sys.executable)


def test_behind_pre_commits_environment_is_the_one_that_was_active(root: Path) -> None:
    make_venv(root.parent / "active")
    path = os.pathsep.join([f"{sys.prefix}/bin", f"{root.parent}/active/bin", "/usr/bin"])
    assert found(root, VIRTUAL_ENV=sys.prefix, PATH=path).prefix == root.parent / "active"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"pyproject.toml": '[project]\nname="x"\ndependencies = ["PyYAML>=1"]\n'}, id="PEP 621"),
        pytest.param({"pyproject.toml": '[project]\nname="Merge.Gate"\n'}, id="the project itself"),
        pytest.param(
            {
                "pyproject.toml": '[tool.poetry]\nname="x"\n[tool.poetry.dependencies]\npython="^3"\npyyaml="*"\n'
            },
            id="poetry",
        ),
        pytest.param({"requirements.txt": "# all\npyyaml==6\n-r more.txt\n"}, id="requirements.txt"),
    ],
)
def test_on_a_build_server_gates_environment_may_be_the_projects(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).write_text(content)
    assert found(root).found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('[project]\nname="x"\ndependencies = ["pyyaml", "no-such-thing"]\n', id="not all"),
        pytest.param('[project]\nname="x"\n', id="none"),
        pytest.param("[project\n", id="broken"),
        pytest.param("project = 1\ntool = []\n", id="of other types"),
    ],
)
def test_else_it_is_not(root: Path, content: str) -> None:
    (root / "pyproject.toml").write_text(content)
    environment = found(root)
    assert not environment.found
    # Once it says otherwise, a cached answer no longer holds.
    assert {str(root / "pyproject.toml"), str(root / "requirements.txt")} <= set(environment.stamped_paths)


def test_poetrys_folder_is_found_without_poetry(root: Path) -> None:
    (root / "poetry.lock").write_text("")
    (root / "pyproject.toml").write_text('[tool.poetry]\nname = "My Project"\n')
    make_venv(poetry_folder(root, "my_project"))
    assert found(root).prefix == poetry_folder(root, "my_project")


def test_an_environment_without_an_interpreter_is_passed_over_and_watched(root: Path) -> None:
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to("/gone/python")
    environment = found(root)
    assert not environment.found
    assert str(root / ".venv" / "bin" / "python") in environment.stamped_paths


@pytest.mark.parametrize("configured", ["env/bin/python", "./env/bin/../bin/python", "{root}/env/bin/python"])
def test_the_policys_interpreter_is_taken_at_its_word(root: Path, configured: str) -> None:
    make_venv(root / "env")
    make_venv(root / ".venv")
    assert find_environment(root, configured.format(root=root), {}).python == root / "env" / "bin" / "python"


def test_the_policys_interpreter_may_be_a_name_on_path(root: Path) -> None:
    make_venv(root / "env")
    assert find_environment(root, "python", {"PATH": f"{root}/env/bin"}).prefix == root / "env"


@pytest.mark.parametrize("configured", ["no/python", "no-such-python", "."])
def test_an_interpreter_that_is_not_there_is_reported(root: Path, configured: str) -> None:
    with pytest.raises(UsageError, match=r"python: .* is not an interpreter"):
        find_environment(root, configured, {"PATH": "/usr/bin"})


def test_packages_are_read_from_their_folders(root: Path) -> None:
    make_venv(root / ".venv", {"Some_Package": "1.2", "other.one": "3"})
    assert dict(found(root).packages) == {"some-package": "1.2", "other-one": "3"}


def test_packages_of_the_system_count_where_they_are_let_in(root: Path) -> None:
    make_venv(root / ".venv", {"mine": "1"}, system=True)
    environment = found(root)
    assert environment.packages["mine"] == "1"
    assert len(environment.site_packages) > 1


def test_an_interpreter_that_is_in_no_environment_is_asked(root: Path) -> None:
    place = root / "odd" / "bin"
    place.mkdir(parents=True)
    answer = '["3.9.1", "' + str(root / "site") + '"]'
    (place / "python").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (place / "python").chmod(0o755)
    (root / "site").mkdir()
    install(root / "site", "thing", "1")
    environment = find_environment(root, "odd/bin/python", {})
    assert dict(environment.packages) == {"thing": "1"}


def test_the_projects_own_tool_comes_before_gates(root: Path) -> None:
    site = make_venv(root / ".venv", {"mypy": "1.8.0"})
    tool = found(root).tool("mypy")
    assert tool is not None
    assert (tool.version, tool.own, tool.python) == ("1.8.0", False, f"{root}/.venv/bin/python")
    assert tool.site == str(site)


def test_gates_own_tool_is_used_where_the_project_has_none(root: Path) -> None:
    make_venv(root / ".venv")
    tool = found(root).tool("ruff")
    assert tool is not None
    assert tool.own
    assert os.access(tool.program, os.X_OK)
    assert found(root).tool("no-such-tool") is None
    assert own_tool("no-such-tool") is None


class TestFingerprint:
    def test_it_stays(self, root: Path) -> None:
        make_venv(root / ".venv", {"a": "1"})
        assert found(root).fingerprint == found(root).fingerprint

    def test_an_installed_package_changes_it(self, root: Path) -> None:
        site = make_venv(root / ".venv")
        before = found(root).fingerprint
        install(site, "a", "1")
        assert found(root).fingerprint != before

    def test_source_that_is_installed_by_reference_changes_it(self, root: Path) -> None:
        site = make_venv(root / ".venv")
        source = root.parent / "library" / "lib.py"
        source.parent.mkdir()
        source.write_text("x = 1\n")
        (site / "lib.pth").write_text(f"{source.parent}\n")
        before = found(root).fingerprint
        assert str(source) in found(root).stamped_paths
        source.write_text("x = 22\n")
        assert found(root).fingerprint != before

    def test_the_projects_own_source_does_not(self, root: Path) -> None:
        # The tree decides, and it is never read from there.
        site = make_venv(root / ".venv")
        (root / "src").mkdir()
        (site / "project.pth").write_text(f"{root}/src\n")
        before = found(root).fingerprint
        (root / "src" / "a.py").write_text("x = 1\n")
        assert found(root).fingerprint == before


@pytest.mark.parametrize(
    ("name", "text", "folders"),
    [
        pytest.param("a.pth", "{root}/src\n", ["src"], id="a line"),
        pytest.param("a.pth", "# {root}/src\nimport os; x\n\n", [], id="no line"),
        pytest.param("a.pth", "{root}/gone\n", [], id="a folder that is gone"),
        pytest.param(
            "__editable___a_1_0_finder.py",
            "from x import y\nMAPPING: dict[str, str] = {{'a': '{root}/src/a', 'b': '{root}/lib/b.py'}}\nN = {{}}\n",
            ["lib", "src"],
            id="setuptools' table",
        ),
        pytest.param("__editable___a_finder.py", "MAPPING = {{'a': f()}}\n", [], id="no table"),
    ],
)
def test_what_is_installed_by_reference(root: Path, name: str, text: str, folders: list[str]) -> None:
    site = make_venv(root / ".venv")
    (root / "src").mkdir()
    (site / name).write_text(text.format(root=root))
    assert [item.folder for item in found(root).editables] == [f"{root}/{folder}" for folder in folders]


def test_a_check_sees_what_every_program_needs_and_what_is_named_for_it() -> None:
    caller = {
        "PATH": "/bin", "HOME": "/home/a", "LC_ALL": "C", "LANG": "C", "CI": "true", "DATABASE": "x", "OTHER": "y",
        "GITHUB_TOKEN": "t", "SSH_AUTH_SOCK": "s", "GIT_DIR": "g", "PYTHONPATH": "p", "PYTHONSTARTUP": "p",
        "VIRTUAL_ENV": "v", "PYTEST_ADDOPTS": "-k x", "MYPYPATH": "m", "RUFF_CONFIG": "r", "LD_PRELOAD": "l",
        "XDG_CONFIG_HOME": "c", "TERM": "xterm", "TMPDIR": "/big",
    }  # fmt: skip
    seen = check_environ(("DATABASE", "NOT_SET"), "/scratch", caller)
    assert seen == {
        "PATH": "/bin", "HOME": "/home/a", "LC_ALL": "C", "LANG": "C", "CI": "true", "DATABASE": "x",
        "TMPDIR": "/scratch",
    }  # fmt: skip
