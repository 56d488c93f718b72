"""Reading blobs and trees: any path, any number of them, and never through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.company import Clone, isolated

from gate.git.objects import list_tree, read_blob, read_blobs
from gate.git.repository import Repository
from gate.model import decode_path, encode_path

NAME = st.binary(min_size=1, max_size=12).filter(
    lambda raw: not set(raw) & {0, 0x2F} and raw.lower() not in {b".", b"..", b".git"}
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(names=st.sets(NAME, min_size=1, max_size=6))
def test_every_name_that_git_can_hold_is_found_again(project: Clone, names: set[bytes]) -> None:
    repository = Repository.find(project.path)
    blob = project.git("hash-object", "-w", "--stdin", stdin=b"content")
    listing = b"".join(b"100644 blob %s\t%s\0" % (blob.encode(), name) for name in names)
    tree = project.git("mktree", "-z", stdin=listing)
    entries = {encode_path(entry.path) for entry in list_tree(repository, tree)}
    assert entries == names
    found = read_blobs(repository, tree, map(decode_path, names))
    assert set(found.values()) == {b"content"}


def test_thousands_of_paths_fit_on_no_command_line(project: Clone) -> None:
    wanted = [f"{'x' * 90}/{number}.py" for number in range(30_000)]
    found = read_blobs(Repository.find(project.path), "HEAD", ["app.py", *wanted])
    assert found.pop("app.py") == (project.path / "app.py").read_bytes()
    assert list(found) == wanted
    assert not any(found.values())


def test_a_link_is_not_followed(project: Clone) -> None:
    (project.path / "link").symlink_to("app.py")
    (project.path / "folder").symlink_to(".")
    head = project.git("rev-parse", "HEAD")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    project.git("add", "link", "folder")
    project.git("commit", "-q", "-m", "Links")
    wanted = [
        "link",
        "folder/app.py",
        "module",
        "module/app.py",
        "app.py/x",
        "nowhere",
        ":(top)app.py",
        "*.py",
    ]
    assert set(read_blobs(Repository.find(project.path), "HEAD", wanted).values()) == {None}
    assert {entry.path: entry.mode for entry in list_tree(Repository.find(project.path), "HEAD")} == {
        "app.py": "100644", "link": "120000", "folder": "120000", "module": "160000",
    }  # fmt: skip


def test_a_file_in_a_folder_is_read_whatever_the_current_folder_is(
    project: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write({"docs/CODEOWNERS": "* @a\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    monkeypatch.chdir(project.path / "docs")
    assert read_blob(Repository.find(Path(os.curdir).resolve()), "HEAD", "docs/CODEOWNERS") == b"* @a\n"
