"""Attacks on the checks and on the reports, with the real tools, through the command line.

The number in a name is that of the line in the list of threats.
"""
# ruff: noqa: E501  what an attacker writes is a row, however long

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone
from support.waiting import STAY, WAIT_FOR_NOTE, is_running, written_pid

# Each starts gate and a tool or two as processes of their own.
pytestmark = pytest.mark.slow

PASSING = "from app import read\n\n\ndef test_read():\n    assert read('1') == 1\n"
FAILING = PASSING.replace("== 1", "== 2")


def put(
    project: Clone, files: Mapping[str, str | bytes], branch: str = "feature", *, author: str = "ada"
) -> None:
    project.git("checkout", "-q", *(["-B", branch] if branch != "main" else ["main"]))
    project.write(files)
    project.git("add", "-A", "-f")
    who = ("-c", f"user.name={author}", "-c", f"user.email={author}@acme.example")
    project.git(*who, "commit", "-q", "--allow-empty", "-m", "Change")


def verdict_of(project: Clone, *args: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    result = project.gate_process("check", "--format", "json", *args, env=env)
    assert result.out, result.err
    found: dict[str, Any] = json.loads(result.out)
    return result.code, found


def check_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    only: dict[str, Any] = next(check for check in found["checks"] if check["id"] == name)
    return only


def rules_of(found: dict[str, Any]) -> set[str]:
    return {finding["rule"] for one in found["requirements"] for finding in one.get("findings", [])}


ENDS = {
    "os._exit": "import os\n\n\ndef pytest_sessionstart():\n    os._exit(0)\n",
    "os._exit at import": "import os\n\nos._exit(0)\n",
    "sys.exit": "import sys\n\nsys.exit(0)\n",
    "pytest.exit": "import pytest\n\npytest.exit('fine', returncode=0)\n",
    "pytest.exit in a hook": "import pytest\n\n\ndef pytest_collection_finish():\n    pytest.exit('fine', 0)\n",
    "at the end": "import os\n\n\ndef pytest_sessionfinish():\n    os._exit(0)\n",
    "at exit": "import atexit\nimport os\n\natexit.register(os._exit, 0)\n",
    "killed": "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "another status": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "exec": "import os\n\nos.execv('/bin/true', ['true'])\n",
    "a fork goes on": "import os\n\nif os.fork():\n    os._exit(0)\n",
}


@pytest.mark.attack(28, "end the test run early with exit code 0 from conftest.py")
@pytest.mark.parametrize("how", ENDS)
def test_28_the_run_is_ended(project: Clone, how: str) -> None:
    put(project, {"test_app.py": FAILING, "conftest.py": ENDS[how]})
    code, found = verdict_of(project, "--only", "tests")
    assert code in {1, 3}
    assert check_of(found, "tests")["outcome"] != "passed"


REPORTS = {
    "another report": "import gate_report\n\ngate_report.say('finished', status=0, found=1, collected=1, outcomes={'passed': 1},"
    " failures=0, outside={})\n",
    "no report": "import gate_report\n\ngate_report.REPORT = ''\n",
    "text in it": "import gate_report\n\nopen(gate_report.REPORT, 'w').write('fine')\n",
    "the plugin is off": "def pytest_configure(config):\n    config.pluginmanager.unregister(name='gate_report')\n",
}


@pytest.mark.attack(28, "tamper with the test report from conftest.py")
@pytest.mark.parametrize("how", REPORTS)
def test_28_the_report_is_tampered_with(project: Clone, how: str) -> None:
    put(project, {"test_app.py": FAILING, "conftest.py": REPORTS[how]})
    code, found = verdict_of(project, "--only", "tests")
    assert code in {1, 3}
    assert check_of(found, "tests")["outcome"] != "passed"


GUARDED = """\
version: 1
protect: {main: {require: {owners: false, guarded: ["@boss"], checks: [tests]}}}
people: {"@boss": {role: senior, emails: [boss@acme.example]}}
"""
TWO = PASSING + "\n\ndef test_more():\n    assert read('2') == 3\n"
HOOKS = {
    "deselects": "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
    "deselects first of all": "import pytest\n\n\n@pytest.hookimpl(tryfirst=True, wrapper=True)\n"
    "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'more' not in i.name]\n    return (yield)\n",
    "ignores a file": "def pytest_ignore_collect(collection_path):\n    return 'test_app' in str(collection_path) or None\n",
    "makes nothing of a function": "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pycollect_makeitem(name):\n"
    "    return [] if name == 'test_more' else None\n",
    "calls nothing": "def pytest_pyfunc_call():\n    return True\n",
    "runs nothing": "def pytest_runtest_call():\n    pass\n\n\ndef pytest_runtest_protocol():\n    return True\n",
    "rewrites reports": "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n"
    "    report = yield\n    report.outcome = 'passed'\n    return report\n",
    "skips all": "import pytest as p\n\n\n@p.fixture(autouse=True)\ndef quiet():\n    p.skip()\n",
    "marks all": "def pytest_itemcollected(item):\n    item.add_marker('xfail')\n",
    "swallows what is raised": "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_call():\n    try:\n"
    "        yield\n    except AssertionError:\n        pass\n",
    "another plugin": "pytest_plugins = ['quiet']\n",
}


@pytest.mark.attack(28, "run fewer tests with a pytest hook")
@pytest.mark.parametrize("dummies", [False, True], ids=["", "as many others in their place"])
@pytest.mark.parametrize("how", HOOKS)
def test_28_hooks(project: Clone, how: str, dummies: bool) -> None:
    put(project, {"gate.yaml": GUARDED, "test_app.py": TWO.replace("== 3", "== 2")}, "main")
    extra = (
        {"test_other.py": "".join(f"def test_{n}():\n    assert {n} == {n}\n\n\n" for n in range(3))}
        if dummies
        else {}
    )
    plugin = {"quiet.py": "def pytest_pyfunc_call():\n    return True\n"}
    put(project, {"app.py": "def read(text):\n    return int(text) if text == '1' else 9\n",
                  "conftest.py": HOOKS[how], **extra, **plugin})  # fmt: skip
    code, found = verdict_of(project)
    assert code in {1, 3}
    # Either the gate does not believe it, or it informs the guardian.
    guarded = next(one for one in found["requirements"] if one["id"] == "guarded")
    assert guarded["outcome"] == "unmet" or check_of(found, "tests")["outcome"] == "broken"


@pytest.mark.attack(28, "swap tests for others with an existing pytest hook")
def test_28_other_tests_in_their_place(project: Clone) -> None:
    conftest = "LEFT_OUT = ()\n\n\ndef pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name not in LEFT_OUT]\n"
    put(
        project,
        {"gate.yaml": GUARDED, "test_app.py": TWO.replace("== 3", "== 2"), "conftest.py": conftest},
        "main",
    )
    put(project, {"conftest.py": conftest.replace("()\n", "('test_more',)\n", 1),
                  "test_new.py": "def test_new():\n    assert 1\n"})  # fmt: skip
    code, found = verdict_of(project)
    assert code == 1
    assert "fewer-tests" in rules_of(found)


SHADOWS = ("ruff/__init__.py", "ruff/__main__.py", "mypy/__init__.py", "mypy/__main__.py", "pytest.py", "pytest/__init__.py",
           "_pytest/__init__.py", "pluggy.py", "sitecustomize.py", "usercustomize.py", "json.py", "typing.py", "ast.py",
           "gate/__init__.py", "gate_report.py", "tomllib.py", "src/sitecustomize.py", "evil.pth")  # fmt: skip


@pytest.mark.attack(29, "shadow a module that a tool imports")
def test_29_modules_that_shadow_do_not_run_in_the_tools(project: Clone, tmp_path: Path) -> None:
    """All at once: none is run by a tool that only reads."""
    note = tmp_path / "ran"
    evil = f"import os\nos.system('echo {{}} >> {note}')\n"
    put(
        project,
        {**{name: evil.replace("{}", name) for name in SHADOWS}, "bad.py": "import os\n\nx: int = ''\n"},
    )
    code, found = verdict_of(project, "--only", "names", "lint", "types")
    assert code in {1, 3}
    assert check_of(found, "lint")["outcome"] == "failed"
    assert not note.exists(), note.read_text()


@pytest.mark.attack(29, "shadow pytest or its report plugin")
@pytest.mark.parametrize(
    "name", ["pytest.py", "_pytest/__init__.py", "pluggy.py", "gate_report.py", "json.py"]
)
def test_29_modules_that_shadow_in_the_tests(project: Clone, name: str) -> None:
    put(project, {name: "import os\n\nos._exit(0)\n", "test_app.py": FAILING})
    code, found = verdict_of(project, "--only", "tests")
    assert code in {1, 3}
    assert check_of(found, "tests")["outcome"] != "passed"


LEFT = {
    "an untracked module": "helper.py",
    "an ignored module": "local_helper.py",
    "a byte-code file": "__pycache__/helper.cpython-311.pyc",
    "a file that was changed": "app.py",
}


@pytest.mark.attack(30, "make tests pass with uncommitted files")
@pytest.mark.parametrize("how", LEFT)
def test_30_what_is_not_committed_helps_nobody(project: Clone, how: str) -> None:
    name = LEFT[how]
    module = "app" if name == "app.py" else Path(name).name.partition(".")[0]
    put(project, {"test_left.py": f"def test_left():\n    import {module}\n    assert {module}.extra\n",
                  ".gitignore": "local_*\n__pycache__\n"})  # fmt: skip
    (project.path / name).parent.mkdir(exist_ok=True)
    (project.path / name).write_text("extra = 1\n\n\ndef read(text): ...\n")
    assert verdict_of(project, "--only", "tests")[0] == 1


@pytest.mark.attack(30, "leave files for a later run")
def test_30_left_overs_of_an_earlier_run(project: Clone) -> None:
    write = "from pathlib import Path\n\n\ndef test_write():\n    Path('left.py').write_text('x = 1')\n"
    put(project, {"test_a.py": write})
    assert verdict_of(project, "--only", "tests")[0] == 0
    put(project, {"test_a.py": "def test_read():\n    import left\n\n    assert left.x\n"})
    assert verdict_of(project, "--only", "tests")[0] == 1


@pytest.mark.attack(30, "test another copy of the project")
@pytest.mark.parametrize("how", ["sys.path", "PYTHONPATH", "the working tree"])
def test_30_another_copy_is_imported(project: Clone, tmp_path: Path, how: str) -> None:
    other = project.path if how == "the working tree" else tmp_path / "other"
    put(project, {"test_app.py": FAILING, "conftest.py": "" if how == "PYTHONPATH" else
                  f"import sys\n\nsys.path.insert(0, {str(other)!r})\nsys.modules.pop('app', None)\n"})  # fmt: skip
    other.mkdir(exist_ok=True)
    (other / "app.py").write_text("def read(text):\n    return 2\n")
    code, found = verdict_of(project, "--only", "tests", env={"PYTHONPATH": f"{other}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
                                                          + str(Path(__file__).parents[2])})  # fmt: skip
    assert code in {1, 3}
    assert check_of(found, "tests")["outcome"] != "passed"


def policy(command: list[str], **more: str) -> str:
    settings = {"command": json.dumps(command), **more}
    inner = ", ".join(f"{name}: {value}" for name, value in settings.items())
    return f"checks: {{own: {{{inner}}}}}\nprotect: {{main: {{require: {{owners: false, checks: [own]}}}}}}\n"


def with_command(project: Clone, code: str, **more: str) -> None:
    put(project, {"gate.yaml": policy([sys.executable, "-c", code], **more)}, "main")
    put(project, {"new.py": "x = 1\n"})


@pytest.mark.attack(31, "a check that hangs")
@pytest.mark.parametrize(
    ("code", "timeout", "reason"),
    [
        pytest.param("import time; time.sleep(600)", "1s", "longer than 1 s", id="hangs"),
        pytest.param(
            "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)",
            "1s",
            "longer than 1 s",
            id="hangs on",
        ),
        pytest.param(
            "import os, signal; os.kill(os.getppid(), signal.SIGKILL)", "5m", "signal", id="kills its keeper"
        ),
    ],
)
def test_31_a_check_that_does_not_end(project: Clone, code: str, timeout: str, reason: str) -> None:
    with_command(project, code, timeout=timeout)
    exit_code, found = verdict_of(project)
    assert exit_code == 3
    assert reason in check_of(found, "own")["reason"]


@pytest.mark.attack(31, "a check floods its output")
def test_31_a_flood(project: Clone) -> None:
    with_command(project, "while True: print('x' * 65536)")
    code, found = verdict_of(project)
    assert code == 3
    assert "MB" in check_of(found, "own")["reason"]


HOLD = "held = []\nwhile len(held) < {most}: held.append(b'x' * 2**20)\ntime.sleep(600)\n"


@pytest.mark.attack(31, "a check that uses up the memory")
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(HOLD.format(most=10_000), id="alone"),
        pytest.param(f"for _ in range(3): os.fork()\n{HOLD.format(most=100)}", id="in company"),
        pytest.param("if os.fork(): time.sleep(600)\nos.setsid()\nif os.fork(): os._exit(0)\n"
                     + HOLD.format(most=10_000), id="out of sight"),
    ],
)  # fmt: skip
def test_31_a_check_that_eats_the_memory(project: Clone, code: str) -> None:
    with_command(project, f"import os, time\n{code}", memory="400m", timeout="5m")
    exit_code, found = verdict_of(project)
    assert exit_code == 3
    assert "held more than 400 MB" in check_of(found, "own")["reason"]


@pytest.mark.attack(31, "a check that leaves processes behind")
@pytest.mark.parametrize("how", ["fork", "new session", "double fork"])
def test_31_nothing_is_left_running(project: Clone, tmp_path: Path, how: str) -> None:
    note = tmp_path / "pid"
    fork = "\nif os.fork():\n    os.wait() if DOUBLE else None\n    os._exit(0)\n"
    steps = {"fork": fork, "new session": fork + "os.setsid()\n", "double fork": fork + "os.setsid()" + fork}[
        how
    ]
    ready = f"\n{STAY.format(note=str(note))}\n"
    # The check itself ends only once the one that stays behind has reported its number.
    code = (
        f"import os, time\nDOUBLE = False\nif os.fork() == 0:{steps.replace(chr(10), chr(10) + '    ')}"
        f"{ready.replace(chr(10), chr(10) + '    ')}\n"
        f"{WAIT_FOR_NOTE.format(note=str(note))}\n"
    )
    with_command(project, code, timeout="5m")
    exit_code, found = verdict_of(project)
    assert (exit_code, check_of(found, "own")["outcome"]) == (0, "passed")
    assert not is_running(written_pid(note))


@pytest.mark.attack(31, "a check that writes to its checkout, to git's folder, or to what later runs read")
def test_31_what_a_check_writes_is_gone_for_the_next(project: Clone) -> None:
    write = (
        "import os, subprocess; open('app.py', 'w').write('evil'); open('new2.py', 'w').write('x');"
        "subprocess.run(['git', 'config', 'core.hooksPath', '/tmp']); subprocess.run(['git', 'branch', 'evil'])"
    )
    with_command(project, write)
    before = (
        project.git("for-each-ref"),
        (project.path / ".git/config").read_text(),
        project.git("status", "--porcelain"),
    )
    verdict_of(project)
    after = (
        project.git("for-each-ref"),
        (project.path / ".git/config").read_text(),
        project.git("status", "--porcelain"),
    )
    assert after == before
    code, found = verdict_of(project, "--base", "main~1", "--only", "lint")
    assert code == 0, found


@pytest.mark.attack(32, "a tool without usable output")
@pytest.mark.parametrize(
    ("command", "more"),
    [
        pytest.param(["/no/such/tool"], {}, id="missing"),
        pytest.param(["no-such-tool"], {}, id="not on PATH"),
        pytest.param(["echo", "fine"], {"report": "sarif"}, id="no SARIF"),
        pytest.param(["echo", "{}"], {"report": "sarif"}, id="empty SARIF"),
        pytest.param(["echo", '{"runs": []}'], {"report": "sarif"}, id="SARIF of no run"),
        pytest.param(["echo", "<testsuites"], {"report": "junit"}, id="no JUnit"),
        pytest.param(["echo", "<html/>"], {"report": "junit"}, id="other XML"),
        pytest.param(["true"], {"report": "junit"}, id="nothing at all"),
        pytest.param(["sh", "-c", "kill -SEGV $$"], {}, id="crash"),
    ],
)
def test_32_a_tool_that_does_not_answer(project: Clone, command: list[str], more: dict[str, str]) -> None:
    put(project, {"gate.yaml": policy(command, **more)}, "main")
    put(project, {"new.py": "x = 1\n"})
    code, found = verdict_of(project)
    assert code == 3, found
    assert check_of(found, "own")["outcome"] == "broken"


@pytest.mark.attack(32, "replace a tool with another program of the same name")
@pytest.mark.parametrize("tool", ["ruff", "pytest"])
def test_32_a_tool_that_says_nothing(project: Clone, tmp_path: Path, tool: str) -> None:
    """An environment whose tool always says that all is well, without a word."""
    from support.environments import install, make_venv

    site = make_venv(tmp_path / "venv")
    install(site, tool, "9.9.9", {f"{tool}/__init__.py": "", f"{tool}/__main__.py": ""})
    program = tmp_path / "venv/bin" / tool
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    put(project, {"bad.py": "import os\n\nx: int = ''\n", "test_app.py": FAILING})
    check = {"ruff": "lint", "pytest": "tests"}[tool]
    code, found = verdict_of(project, "--only", check, env={"VIRTUAL_ENV": str(tmp_path / "venv")})
    assert code == 3, found
    assert check_of(found, check)["outcome"] == "broken"


@pytest.mark.attack(32, "leave nothing to check")
@pytest.mark.parametrize("check", ["tests", "types"])
def test_32_nothing_to_look_at(project: Clone, check: str) -> None:
    put(project, {"test_app.py": PASSING}, "main")
    project.git("checkout", "-q", "-b", "feature")
    project.git("mv", "test_app.py", "app_checks.txt")
    if check == "types":
        project.git("mv", "app.py", "app.txt")
    project.git("commit", "-q", "-m", "Away")
    code, found = verdict_of(project, "--only", check)
    assert code == 3, found
    assert check_of(found, check)["outcome"] == "broken"


SECRETS = {"GITHUB_TOKEN": "hush", "GITLAB_TOKEN": "hush", "GATE_TOKEN": "hush", "CI_JOB_TOKEN": "hush", "SSH_AUTH_SOCK": "/hush",
           "AWS_SECRET_ACCESS_KEY": "hush", "ACTIONS_RUNTIME_TOKEN": "hush", "GIT_ASKPASS": "/hush", "NETRC": "/hush",
           "GITHUB_ENV": "/hush", "GITHUB_OUTPUT": "/hush", "GITHUB_STEP_SUMMARY": "", "PGPASSWORD": "hush"}  # fmt: skip


@pytest.mark.attack(33, "look for secrets in environment variables")
@pytest.mark.parametrize("where", ["tests", "command"])
def test_33_secrets_of_the_environment(project: Clone, tmp_path: Path, where: str) -> None:
    note = tmp_path / "seen"
    look = (
        f"import os\nfound = [n for n in {sorted(SECRETS)!r} if n in os.environ]\n"
        f"open({str(note)!r}, 'w').write(repr(found))\n"
    )
    if where == "command":
        put(project, {"gate.yaml": policy([sys.executable, "-c", look])}, "main")
        put(project, {"new.py": "x = 1\n"})
        verdict_of(project, env=SECRETS)
    else:
        put(project, {"test_look.py": look + "\n\ndef test_x():\n    assert 1\n"})
        verdict_of(project, "--only", "tests", env=SECRETS)
    assert note.read_text() == "[]"


HOSTILE = "a\x1b[31m\n::set-output name=x::y\n##[error]\r\u202e<script>.py"
FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "html")


@pytest.mark.attack(33, "control sequences and CI commands in file names and messages")
@pytest.mark.parametrize("form", FORMATS)
def test_33_reports_are_inert(project: Clone, form: str) -> None:
    put(project, {"CODEOWNERS": "* @boss\n"}, "main")
    name = HOSTILE.replace("/", "")
    hostile = {name: "import json\n\nx = json.laods('\\x1b[31m')\n", "b.py": "import json\n\njson.laods\n"}
    put(project, hostile, author="\x1b[31m::error::me")
    result = project.gate("check", "--only", "names", "lint", "--format", form)
    assert result.code == 1
    for text in (result.out, result.err):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not [line for line in text.splitlines() if line.startswith(("::set-output", "##[error]"))]
    assert "<script>.py" not in result.out or form in {"text", "json", "sarif", "gitlab", "github"}


@pytest.mark.attack(33, "control sequences in approvals")
def test_33_the_other_commands_are_inert(project: Clone) -> None:
    put(project, {"CODEOWNERS": "* @boss\n"}, "main")
    put(project, {HOSTILE: "x = 1\n"})
    for args in (
        ["owners", "--change"],
        ["approvals"],
        ["approve"],
        ["merge", "feature"],
        ["check", "--head", "\x1b[31m::x"],
    ):
        result = project.gate(*args)
        assert result.code != 0 or args[0] in {"owners", "approvals"}
        assert "\x1b" not in result.text
        assert "\n::set-output" not in result.text


@pytest.mark.attack(33, "commit a virtual environment with its own interpreter and tools")
@pytest.mark.parametrize("how", ["a folder", "a link"])
def test_33_an_environment_that_the_change_brings(project: Clone, tmp_path: Path, how: str) -> None:
    place = ".venv" if how == "a folder" else "tools/env"
    leak = tmp_path / "leak"
    files: dict[str, str | bytes] = {
        f"{place}/pyvenv.cfg": "home = /usr/bin\n",
        "bad.py": "print(undefined)\n",
    }
    for name in ("python", "ruff"):
        files[f"{place}/bin/{name}"] = f"#!/bin/sh\nenv >> {leak}\necho '[]'\n"
    project.git("checkout", "-q", "-B", "feature")
    project.write(files)
    for name in ("python", "ruff"):
        (project.path / place / "bin" / name).chmod(0o755)
    if how == "a link":
        (project.path / ".venv").symlink_to("tools/env")
    put(project, {})
    code, found = verdict_of(project, "--only", "lint", env={"GITHUB_TOKEN": "ghs_secret"})
    assert code == 1
    assert not leak.exists()
    assert check_of(found, "lint")["outcome"] == "failed"
    assert "committed-environment" in rules_of(found)
