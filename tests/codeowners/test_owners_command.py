"""`gate owners` in real repositories: what it reads, what it says, and how it exits."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone, Result

OWNERS = "*.py @ada\n/web/ @acme/web bob@acme.example\n/docs/\n"
FILES = {
    ".github/CODEOWNERS": OWNERS,
    "web/a.js": "1",
    "web/deep/b.js": "1",
    "docs/i.md": "1",
    "setup.cfg": "",
}


@pytest.fixture
def repository(project: Clone) -> Clone:
    """On main: app.py (@ada), web/ (@acme/web), docs/ (unowned), and files without a rule."""
    commit(project, FILES)
    return project


def commit(clone: Clone, files: Mapping[str, str | bytes]) -> None:
    clone.write(files)
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "More")


def asked(clone: Clone, *args: str) -> dict[str, list[dict[str, Any]]]:
    result = clone.gate("owners", "--format", "json", *args)
    assert result.code == 0, result.text
    return {item["path"]: item["rules"] for item in json.loads(result.out)}


def owners(clone: Clone, *args: str) -> dict[str, list[list[str]]]:
    return {path: [rule["owners"] for rule in rules] for path, rules in asked(clone, *args).items()}


def test_json_is_the_contract(repository: Clone) -> None:
    result = repository.gate("owners", "app.py", "docs/i.md", "setup.cfg", "--format", "json")
    assert json.loads(result.out) == [
        {
            "path": "app.py",
            "rules": [
                {
                    "section": "",
                    "rule": ".github/CODEOWNERS:1",
                    "owners": ["@ada"],
                    "required": 1,
                    "optional": False,
                }
            ],
        },
        {
            "path": "docs/i.md",
            "rules": [
                {
                    "section": "",
                    "rule": ".github/CODEOWNERS:3",
                    "owners": [],
                    "required": 1,
                    "optional": False,
                }
            ],
        },
        {"path": "setup.cfg", "rules": []},
    ]


def test_gitlab_sections_in_json(project: Clone) -> None:
    commit(project, {"CODEOWNERS": "* @ada\n[Python][2] @bob\n*.py\n^[Maybe]\n*.py @cyd\n"})
    assert asked(project, "app.py")["app.py"] == [
        {"section": "", "rule": "CODEOWNERS:1", "owners": ["@ada"], "required": 1, "optional": False},
        {"section": "Python", "rule": "CODEOWNERS:3", "owners": ["@bob"], "required": 2, "optional": False},
        {"section": "Maybe", "rule": "CODEOWNERS:5", "owners": ["@cyd"], "required": 1, "optional": True},
    ]
    text = project.gate("owners", "app.py").out
    assert "[Python] 2 of @bob" in text
    assert "[Maybe] @cyd (optional)" in text


PATHS: dict[str, tuple[str, Sequence[str], Sequence[str]]] = {
    "a file": ("", ["app.py"], ["app.py"]),
    "a folder": ("", ["web"], ["web/a.js", "web/deep/b.js"]),
    "a folder with a slash": ("", ["web/"], ["web/a.js", "web/deep/b.js"]),
    "each once": ("", ["web", "web/a.js", "./web/../app.py", "app.py"], ["web/a.js", "web/deep/b.js", "app.py"]),
    "one to come": ("", ["new.py"], ["new.py"]),
    "from a folder": ("web", ["a.js", "../app.py"], ["web/a.js", "app.py"]),
    "the folder itself": ("web/deep", ["."], ["web/deep/b.js"]),
    "everything": (
        "web", ["../"],
        [".github/CODEOWNERS", "app.py", "docs/i.md", "setup.cfg", "web/a.js", "web/deep/b.js"],
    ),
    "no paths": ("web", [], [".github/CODEOWNERS", "app.py", "docs/i.md", "setup.cfg", "web/a.js", "web/deep/b.js"]),
}  # fmt: skip


@pytest.mark.parametrize(("folder", "paths", "wanted"), PATHS.values(), ids=PATHS)
def test_paths_are_as_seen_from_where_one_is(
    repository: Clone, folder: str, paths: list[str], wanted: list[str]
) -> None:
    assert list(owners(replace(repository, path=repository.path / folder), *paths)) == wanted


def test_an_absolute_path(repository: Clone) -> None:
    assert owners(repository, str(repository.path / "app.py")) == {"app.py": [["@ada"]]}


def test_a_path_through_a_link_to_the_repository(repository: Clone, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.path)
    assert owners(replace(repository, path=tmp_path / "link"), "app.py") == {"app.py": [["@ada"]]}


WRONG = {
    "outside": (["../x"], "../x is not inside the repository"),
    "no such folder": (["nowhere/"], "no tracked file in nowhere/"),
    "no such commit": (["--head", "nowhere"], "'nowhere' is not a known revision"),
    "into without change": (["--into", "main"], "--into needs --change"),
    "lint of a path": (["--lint", "app.py"], "--lint checks the whole file"),
}


@pytest.mark.parametrize(("args", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_usage(repository: Clone, args: list[str], expected: str) -> None:
    answer = repository.gate("owners", *args)
    assert answer.code == 2
    assert answer.out == ""
    assert expected in answer.err


def test_odd_names(repository: Clone) -> None:
    names = [
        "a\nb.py",
        'q".py',
        "-dash.py",
        "caf\u00e9.py",
        os.fsdecode(b"raw\xff.py"),
        "[ab].py",
        ":(top).py",
    ]
    for name in names:
        (repository.path / name).write_text("")
    commit(repository, {})
    every = owners(repository)
    assert all(every[name] == [["@ada"]] for name in names)
    assert owners(repository, "--", *names) == {name: [["@ada"]] for name in names}
    text = repository.gate("owners", "--", *names).out
    assert '"a\\nb.py"' in text
    assert "raw\\xff" in text


class TestText:
    def test_files_are_listed_below_who_owns_them(self, repository: Clone) -> None:
        assert repository.gate("owners", ".").out == (
            "@ada                                     .github/CODEOWNERS:1  *.py\n"
            "    app.py\n"
            "@acme/web, bob@acme.example              .github/CODEOWNERS:2  /web/\n"
            "    web/a.js\n"
            "    web/deep/b.js\n"
            "owned by nobody: this line has no owner  .github/CODEOWNERS:3  /docs/\n"
            "    docs/i.md\n"
            "no rule matches\n"
            "    .github/CODEOWNERS\n"
            "    setup.cfg\n"
            "\n"
            "6 files: 3 owned, 1 owned by nobody, 2 without a rule (.github/CODEOWNERS at\n"
            "HEAD)\n"
        )

    def test_everything_is_reported_by_folder(self, repository: Clone) -> None:
        lines = repository.gate("owners").out.splitlines()
        assert [line.split() for line in lines if "web/" in line][1:] == [["web/", "2", "files"]]
        assert "    docs/i.md" in lines

    def test_one_owner_of_everything_is_one_line(self, project: Clone) -> None:
        commit(project, {"CODEOWNERS": "* @ada\n"})
        assert [line.split() for line in project.gate("owners").out.splitlines()[:2]] == [
            ["@ada", "CODEOWNERS:1", "*"],
            ["every", "file", "2", "files"],
        ]

    def test_no_codeowners(self, project: Clone) -> None:
        result = project.gate("owners")
        assert (result.code, result.out) == (
            0,
            "There is no CODEOWNERS file at HEAD, so nobody owns anything.\n",
        )
        assert asked(project) == {"app.py": []}


class TestWhichFile:
    def test_what_is_committed_counts(self, repository: Clone) -> None:
        repository.write({".github/CODEOWNERS": "* @intruder\n"})
        assert owners(repository, "app.py") == {"app.py": [["@ada"]]}
        repository.git("add", "-A")
        assert owners(repository, "app.py") == {"app.py": [["@ada"]]}

    def test_of_another_commit(self, repository: Clone) -> None:
        commit(repository, {".github/CODEOWNERS": "* @bob\n"})
        assert owners(repository, "app.py", "--head", "HEAD~1") == {"app.py": [["@ada"]]}
        assert owners(repository, "app.py") == {"app.py": [["@bob"]]}

    def test_the_change_is_asked_by_the_rules_of_its_base(self, repository: Clone) -> None:
        repository.git("checkout", "-q", "-b", "feature")
        repository.git("mv", "web/a.js", "mine.js")
        commit(repository, {".github/CODEOWNERS": "* @intruder\n", "app.py": "x = 1\n"})
        assert owners(repository, "--change") == {
            ".github/CODEOWNERS": [],
            "app.py": [["@ada"]],
            "mine.js": [],
            "web/a.js": [["@acme/web", "bob@acme.example"]],
        }
        assert list(owners(repository, "--change", "web", "app.py")) == ["app.py", "web/a.js"]
        assert "CODEOWNERS at the tip of main" in " ".join(repository.gate("owners", "--change").out.split())

    def test_an_empty_change(self, repository: Clone) -> None:
        assert asked(repository, "--change") == {}
        assert repository.gate("owners", "--change").out.startswith("no files (")

    def test_the_policy_names_the_dialect(self, repository: Clone) -> None:
        commit(repository, {"gate.yaml": "owners: {dialect: gitlab}\n", "CODEOWNERS": "[All]\n* @bob\n"})
        assert asked(repository, "app.py")["app.py"][0]["section"] == "All"

    def test_in_a_bare_repository(self, repository: Clone, tmp_path: Path) -> None:
        repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
        bare = Clone(tmp_path / "bare", "ada", tmp_path)
        assert owners(bare, "app.py", "web/deep") == {
            "app.py": [["@ada"]],
            "web/deep/b.js": [["@acme/web", "bob@acme.example"]],
        }
        assert bare.gate("owners", "--lint").code == 0

    def test_a_link_in_its_place_is_no_missing_file(self, project: Clone) -> None:
        (project.path / "CODEOWNERS").symlink_to("OWNERS")
        commit(project, {"OWNERS": "* @ada\n"})
        for args in (["owners"], ["owners", "--lint"], ["owners", "--change"]):
            result = project.gate(*args)
            assert result.code == 2
            assert "CODEOWNERS: expected a file, got a symbolic link" in result.err

    @pytest.mark.parametrize("dialect", ["", "owners: {dialect: github}\n"])
    @pytest.mark.parametrize(
        "path",
        [
            ".github/codeowners", ".github/CODEOWNER", ".github/CODEOWNERS.txt", "Docs/CODEOWNERS", "codeOwners",
            ".github/CODE_OWNERS", "docs/CODEWONERS",
        ],
    )  # fmt: skip
    def test_a_file_that_is_almost_one_is_no_missing_file(
        self, project: Clone, path: str, dialect: str
    ) -> None:
        commit(project, {path: "* @ada\n", "gate.yaml": f"version: 1\n{dialect}"})
        for args in (["owners"], ["owners", "--lint"], ["owners", "--change"], ["check", "--only", "names"]):
            result = project.gate(*args)
            assert result.code == 2, args
            assert f"{path}: is not read as a CODEOWNERS file" in result.err
            assert ".github/CODEOWNERS" in result.err

    def test_a_file_for_another_forge_than_the_policy_names(self, project: Clone) -> None:
        commit(project, {".github/CODEOWNERS": "* @ada\n", "gate.yaml": "owners: {dialect: gitlab}\n"})
        result = project.gate("owners", "app.py")
        assert result.code == 2
        assert "`owners: {dialect: gitlab}`" in result.err

    @pytest.mark.parametrize(
        "path", ["codeowners/x.py", "src/codeowners", "docs/codeowners.md", "OWNERS", ".github/owners.txt"]
    )
    def test_a_file_that_is_something_else(self, project: Clone, path: str) -> None:
        commit(project, {path: "* @ada\n"})
        assert project.gate("owners", "app.py").code == 0

    def test_a_folder_of_a_forge_that_is_a_link(self, project: Clone) -> None:
        (project.path / ".github").symlink_to("ci")
        commit(project, {"ci/CODEOWNERS": "* @ada\n", "CODEOWNERS": "* @bob\n"})
        for args in (["owners"], ["owners", "--lint"], ["owners", "--lint", "--head", "HEAD"]):
            result = project.gate(*args)
            assert result.code == 2, args
            assert ".github: expected a file, got a symbolic link" in result.err

    def test_a_folder_in_its_place(self, project: Clone) -> None:
        commit(project, {".github/CODEOWNERS/rules": "* @ada\n", "CODEOWNERS": "* @bob\n"})
        result = project.gate("owners", "app.py")
        assert result.code == 2
        assert ".github/CODEOWNERS: expected a file" in result.err

    @pytest.mark.parametrize("text", ["", "# to be written\n"])
    def test_a_file_without_rules_is_none_where_owners_are_required(self, project: Clone, text: str) -> None:
        policy = "protect: {main: {require: {owners: true, checks: []}}}\n"
        commit(project, {"CODEOWNERS": text, "gate.yaml": policy})
        project.git("checkout", "-q", "-b", "feature")
        commit(project, {"app.py": "x = 2\n"})
        result = project.gate("check")
        assert result.code == 1
        assert "no CODEOWNERS file with rules" in result.out

    def test_a_change_that_turns_a_folder_of_rules_into_a_link_is_blocked(self, repository: Clone) -> None:
        commit(repository, {"gate.yaml": "protect: {main: {require: {owners: true, checks: []}}}\n"})
        repository.git("checkout", "-q", "-b", "feature")
        (repository.path / ".gitlab").symlink_to("web")
        repository.git("add", "-A")
        repository.git("commit", "-qm", "a link")
        commit(repository, {"x.py": "x = 2\n"})
        repository.git("checkout", "-q", "main")
        result = repository.gate("check", "--head", "feature")
        assert result.code == 1

    def test_a_folder_of_a_forge_that_is_a_submodule(self, project: Clone) -> None:
        project.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},.gitlab")
        project.git("commit", "-qm", "a submodule")
        assert project.gate("owners", "app.py").code == 2

    @pytest.mark.parametrize(("owners", "code"), [("guide/CODEOWNERS", 2), ("guide/index.md", 0)])
    def test_documents_behind_a_link_matter_if_code_owners_are_there(
        self, project: Clone, owners: str, code: int
    ) -> None:
        (project.path / "docs").symlink_to("guide")
        commit(project, {owners: "* @ada\n"})
        assert project.gate("owners", "app.py").code == code

    @pytest.mark.parametrize("line", ["!package.json", "*.py @group/sub/team", "*.py @@maintainer"])
    def test_what_is_right_for_gitlab_leads_to_the_setting(self, project: Clone, line: str) -> None:
        commit(project, {"CODEOWNERS": f"* @me\n{line} @me\n"})
        for args in (["owners", "app.py"], ["owners", "--lint"]):
            assert "`owners: {dialect: gitlab}`" in project.gate(*args).err
        commit(project, {"gate.yaml": "owners: {dialect: github}\n"})
        assert "dialect" not in project.gate("owners", "--lint").err

    def test_mistakes_are_no_answer(self, repository: Clone) -> None:
        commit(repository, {".github/CODEOWNERS": "*.py @ada\n!a.py @bob\n*.md bob\n"})
        result = repository.gate("owners", "app.py")
        assert (result.code, result.out) == (2, "")
        assert ".github/CODEOWNERS:2:1: `!` does not negate here" in result.err
        assert ".github/CODEOWNERS:3:6: expected an owner" in result.err

    def test_without_a_commit(self, tmp_path: Path) -> None:
        clone = Clone(tmp_path, "ada", tmp_path)
        clone.git("init", "-q", "-b", "main")
        assert "'HEAD' is not a known revision" in clone.gate("owners").err
        clone.write({"CODEOWNERS": "* @ada\n"})
        assert clone.gate("owners", "--lint").code == 0


def lint(clone: Clone, *args: str) -> tuple[int, list[str]]:
    result: Result = clone.gate("owners", "--lint", *args)
    return result.code, result.out.splitlines()


BRACKETS = (
    r"`[ ]` is not a character range here: write `\[` and `\]` for the characters themselves, or use `*`"
)


class TestLint:
    def test_all_is_well(self, repository: Clone) -> None:
        assert lint(repository) == (0, [".github/CODEOWNERS: 3 rules, no mistakes"])

    def test_mistakes_are_seen_before_they_are_committed(self, repository: Clone) -> None:
        repository.write({".github/CODEOWNERS": "*.py ada\n/web/ @acme/web\n[x] @bob\n"})
        code, lines = lint(repository)
        assert code == 2
        assert lines == [
            ".github/CODEOWNERS:1:6: expected an owner (@user, @org/team, or an email address), got 'ada'",
            f".github/CODEOWNERS:3:1: {BRACKETS}",
        ]
        assert lint(repository, "--head", "HEAD")[0] == 0

    def test_rules_that_decide_nothing_are_a_warning(self, repository: Clone) -> None:
        repository.write({".github/CODEOWNERS": "/web/deep/ @bob\n/web/ @acme/web\n/gone/ @ada\n*.py @ada\n"})
        code, lines = lint(repository)
        assert code == 0
        assert [line.partition("`")[0] for line in lines[:-1]] == [
            ".github/CODEOWNERS:1:1: warning: ",
            ".github/CODEOWNERS:3:1: warning: ",
        ]
        assert lines[-1] == ".github/CODEOWNERS: 4 rules, no mistakes"

    def test_a_rule_for_files_that_are_only_staged(self, repository: Clone) -> None:
        repository.write({".github/CODEOWNERS": f"{OWNERS}/new/ @bob\n", "new/a.txt": ""})
        assert len(lint(repository)[1]) == 2
        repository.git("add", "-A")
        assert len(lint(repository)[1]) == 1

    def test_owners_whom_the_policy_does_not_know_are_a_warning(self, repository: Clone) -> None:
        repository.write({"gate.yaml": 'people: {"@ada": {}}\nteams: {"@acme/web": ["@ada"]}\n'})
        code, lines = lint(repository)
        assert code == 0
        about_bob = [line for line in lines if "bob@acme.example" in line]
        assert about_bob == [
            ".github/CODEOWNERS:2:1: warning: bob@acme.example is not in `people` or `teams` of gate.yaml"
        ]

    def test_a_lock_out_is_a_warning_of_the_policy(self, repository: Clone) -> None:
        repository.write({"gate.yaml": 'people: {"@ada": {}}\n'})
        code, lines = lint(repository)
        assert code == 0
        assert lines[0].startswith("gate.yaml: warning: Nobody can merge a change to app.py")

    def test_a_second_file_that_says_nothing(self, repository: Clone) -> None:
        repository.write({"docs/CODEOWNERS": "* @bob\n"})
        assert lint(repository)[1][0] == (
            "docs/CODEOWNERS: warning: ignored: only .github/CODEOWNERS is read"
        )

    def test_as_json(self, repository: Clone) -> None:
        repository.write({".github/CODEOWNERS": "*.py ada\n/gone/ @bob\n"})
        result = repository.gate("owners", "--lint", "--format", "json")
        assert result.code == 2
        assert [(item["severity"], item["line"], item["column"]) for item in json.loads(result.out)] == [
            ("error", 1, 6),
            ("warning", 2, 1),
        ]

    def test_without_a_file(self, project: Clone) -> None:
        result = project.gate("owners", "--lint")
        assert result.code == 2
        assert "there is no CODEOWNERS file" in result.err
