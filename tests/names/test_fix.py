"""`gate check --fix` in real repositories: what it shows, what it writes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from support.company import Clone, Result

WRONG = "import json\n\n\ndef read(text):\n    return json.laods(text)\n"
RIGHT = WRONG.replace("laods", "loads")


def commit(project: Clone, files: dict[str, str | bytes]) -> None:
    project.git("checkout", "-q", "-B", "feature")
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Change")


def fix(project: Clone, *args: str) -> Result:
    return project.gate_process("check", "--only", "names", "--fix", *args)


@pytest.mark.slow
def test_the_diff_is_shown_and_nothing_is_written(project: Clone) -> None:
    commit(project, {"new.py": WRONG})
    result = fix(project)
    assert result.code == 1
    assert "-    return json.laods(text)\n+    return json.loads(text)\n" in result.out
    assert project.git("status", "--porcelain") == ""
    assert (project.path / "new.py").read_text() == WRONG


@pytest.mark.slow
@pytest.mark.parametrize("name", ["new.py", "with blank.py", 'quo"te.py', "é.py"])
def test_git_applies_the_diff(project: Clone, name: str) -> None:
    commit(project, {name: WRONG.rstrip("\n")})
    project.git("apply", "-", stdin=fix(project).out.encode())
    assert (project.path / name).read_text() == RIGHT.rstrip("\n")


@pytest.mark.slow
def test_applied_when_asked_and_then_the_check_passes(project: Clone) -> None:
    commit(project, {"new.py": WRONG, "other.py": "x = 1\n"})
    path = project.path / "new.py"
    path.chmod(0o750)
    before = (project.path / "other.py").stat()
    result = fix(project, "--apply")
    assert (result.code, result.out) == (1, "fixed new.py: 1 finding\n")
    assert path.read_text() == RIGHT
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert (project.path / "other.py").stat() == before
    assert sorted(item.name for item in project.path.iterdir()) == [".git", "app.py", "new.py", "other.py"]
    project.git("commit", "-q", "-a", "-m", "Mended")
    assert project.gate_process("check", "--only", "names").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(WRONG.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(b"\xef\xbb\xbf" + WRONG.encode(), id="byte order mark"),
        pytest.param(f"# coding: latin-1\nname = 'é'\n{WRONG}".encode("latin-1"), id="latin-1"),
        pytest.param(
            WRONG.replace("return", "return 'ä€😀',").replace("\n", "\r\n", 2).encode() + b"\r",
            id="mixed line ends",
        ),
        pytest.param(b"x = 1\n\x0c\n" + WRONG.rstrip("\n").encode(), id="form feed, no newline at the end"),
    ],
)
def test_bytes_that_are_not_fixed_stay_as_they_are(project: Clone, content: bytes) -> None:
    commit(project, {"new.py": content})
    assert fix(project, "--apply").out.startswith("fixed new.py")
    assert (project.path / "new.py").read_bytes() == content.replace(b"laods", b"loads")


@pytest.mark.slow
def test_line_ends_that_git_converts_stay_as_they_are(project: Clone) -> None:
    project.git("config", "core.autocrlf", "true")
    commit(project, {"new.py": WRONG})
    project.git("checkout", "-q", "main")
    project.git("checkout", "-q", "feature")
    assert b"\r\n" in (project.path / "new.py").read_bytes()
    assert fix(project, "--apply").out.startswith("fixed")
    assert (project.path / "new.py").read_bytes() == RIGHT.replace("\n", "\r\n").encode()


@pytest.mark.slow
def test_a_file_that_is_not_what_was_checked_is_left_alone(project: Clone) -> None:
    commit(project, {"new.py": WRONG, "also.py": WRONG})
    (project.path / "new.py").write_text(WRONG + "# mine\n")
    (project.path / "also.py").unlink()
    result = fix(project, "--apply")
    assert result.out == ""
    assert "new.py was checked in a different version" in result.err
    assert "also.py cannot be read" in result.err
    assert (project.path / "new.py").read_text() == WRONG + "# mine\n"
    assert not (project.path / "also.py").exists()


@pytest.mark.slow
def test_nothing_is_written_through_a_link(project: Clone, tmp_path: Path) -> None:
    commit(project, {"new.py": WRONG, "folder/in.py": WRONG})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "in.py").write_text(WRONG)
    (project.path / "new.py").unlink()
    (project.path / "new.py").symlink_to(outside / "in.py")
    (project.path / "folder" / "in.py").unlink()
    (project.path / "folder").rmdir()
    (project.path / "folder").symlink_to(outside)
    result = fix(project, "--apply")
    assert result.err.count("symbolic link") == 2
    assert (outside / "in.py").read_text() == WRONG


@pytest.mark.slow
def test_the_index_is_checked_and_the_working_tree_is_fixed(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    project.write({"new.py": WRONG})
    project.git("add", "-A")
    assert fix(project, "--staged", "--apply").out.startswith("fixed new.py")
    assert project.git("show", ":new.py") == WRONG.strip()
    assert (project.path / "new.py").read_text() == RIGHT


@pytest.mark.slow
def test_what_was_there_before_is_left_unless_asked(project: Clone) -> None:
    project.write({"old.py": WRONG})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Old")
    commit(project, {"new.py": "x = 1\n"})
    assert "no safe fixes" in fix(project).err
    assert "+    return json.loads(text)" in fix(project, "--all").out


@pytest.mark.slow
def test_an_import_is_fixed_with_all_that_it_is_used_for(project: Clone) -> None:
    source = (
        "import josn\nfrom os.path import jion as j\n\nx = [josn.loads(t) for t in josn.loads('[]')]\nj()\n"
    )
    commit(project, {"new.py": source})
    fix(project, "--apply")
    assert (project.path / "new.py").read_text() == source.replace("josn", "json").replace("jion", "join")


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import josn\n\n\ndef f(josn):\n    return josn.loads\n", id="bound in another way"),
        pytest.param("import josn\n\njson = 1\n", id="the right name is something else"),
        pytest.param("def f():\n    return Json.loads('1')\n", id="the right name is not bound"),
        pytest.param("import app\n\napp.rexd('')\n", id="two words may be meant"),
        pytest.param("import app\n\n\ndef f(x):\n    return Read(x), app.read(x)\n", id="another case"),
        pytest.param("import json\n\njson.dump(1)\n", id="a file may have been forgotten"),
    ],
)
def test_what_is_not_certain_is_left_to_people(project: Clone, source: str) -> None:
    more = (project.path / "app.py").read_text() + "\n\nrex = 1\n"
    commit(project, {"new.py": source, "app.py": more})
    result = fix(project)
    assert (result.code, result.out) == (1, "")


@pytest.mark.slow
def test_the_verdict_and_sarif_have_the_fix(project: Clone, tmp_path: Path) -> None:
    commit(project, {"new.py": WRONG})
    reports = [f"--report=json={tmp_path}/v.json", f"--report=sarif={tmp_path}/s.sarif"]
    result = project.gate_process("check", "--only", "names", *reports)
    assert "1 finding can be fixed safely; run `gate check --only names --fix` to see" in result.out
    (check,) = json.loads((tmp_path / "v.json").read_text())["checks"]
    edit = {"line": 5, "column": 17, "old": "laods", "new": "loads"}
    assert [finding["fix"] for finding in check["findings"]] == [[edit]]
    (sarif_result,) = json.loads((tmp_path / "s.sarif").read_text())["runs"][1]["results"]
    (change,) = sarif_result["fixes"][0]["artifactChanges"]
    region = {"startLine": 5, "startColumn": 17, "endColumn": 22}
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "loads"}}]


def test_wrong_usage_is_reported(project: Clone) -> None:
    assert project.gate("check", "--apply").code == 2
    assert project.gate("check", "--fix", "--format", "json").code == 2


@pytest.mark.skipif(os.getuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_to_is_reported(project: Clone) -> None:
    commit(project, {"folder/new.py": WRONG})
    (project.path / "folder").chmod(0o555)
    try:
        assert "cannot be written" in fix(project, "--apply").err
    finally:
        (project.path / "folder").chmod(0o755)
    assert subprocess.run(["git", "diff", "--quiet"], cwd=project.path, check=False).returncode == 0
