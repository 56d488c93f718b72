"""Set-ups as people have them: what `gate init`, `install` and `doctor` answer, with a next step that works."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone
from support.teams import key_of

from gate.policy.adding import with_person
from gate.policy.load import load_policy
from gate.policy.types import Person


def output(clone: Clone, *args: str) -> str:
    """What a command printed, on one line."""
    return " ".join(clone.gate(*args).text.split())


@pytest.mark.parametrize(
    ("url", "forge", "name"),
    [
        ("git@github.com:acme/shop.git", "GitHub", "acme/shop"),
        ("git@ssh.github.com:443/acme/shop.git", "GitHub", "acme/shop"),
        ("gh:acme/shop", "GitHub", "acme/shop"),
        ("https://gitlab.com/acme/web/shop.git", "GitLab", "acme/web/shop"),
        ("https://codeberg.org/acme/shop", "Gitea or Forgejo", "acme/shop"),
        ("git@bitbucket.org:acme/shop.git", "", "acme/shop"),
    ],
)
def test_the_next_step_is_for_the_forge_of_origin(project: Clone, url: str, forge: str, name: str) -> None:
    project.git("config", "url.git@github.com:.insteadOf", "gh:")
    project.git("remote", "add", "origin", url)
    text = output(project, "init")
    assert f"repository: {name}, from origin" in text
    assert (f"reviews: on {forge}" in text) == bool(forge)
    option = {"GitHub": "--github", "GitLab": "--gitlab"}.get(forge, "--jenkins")
    assert f"`gate init {option}`" in text or f"`{option}`" in text


def test_the_integration_can_follow_the_policy(project: Clone) -> None:
    assert project.gate("init").code == 0
    policy = (project.path / "gate.yaml").read_bytes()
    text = output(project, "init", "--github")
    assert "gate.yaml already exists; left unchanged. Wrote .github/workflows/gate.yml" in text
    assert (project.path / "gate.yaml").read_bytes() == policy
    assert "leave out --me" in output(project, "init", "--jenkins", "--me", "@ada")


def test_a_branch_that_is_none_or_does_not_exist_is_noticed(project: Clone) -> None:
    assert "--into 'bad..name' is not a branch name" in output(project, "init", "--into", "bad..name")
    text = output(project, "init", "--into", "release")
    assert "branch to protect: release, which does not exist yet" in text


def test_without_a_default_branch_nothing_is_guessed(project: Clone, tmp_path: Path) -> None:
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "o.git"))
    project.git("remote", "add", "origin", str(tmp_path / "o.git"))
    project.git("fetch", "-q", "origin")
    project.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
    for command in ("check", "doctor"):
        text = output(project, command)
        assert "origin/HEAD is gone, which doesn't exist on origin as last fetched" in text
        assert "git remote set-head origin --auto" in text


def test_a_detached_head_is_not_an_empty_repository(project: Clone) -> None:
    project.git("checkout", "-q", "--detach")
    project.git("branch", "-q", "-D", "main")
    for command in ("check", "doctor"):
        assert "choose one with `--into BRANCH`" in output(project, command)


def test_remotes_other_than_origin_are_mentioned(project: Clone) -> None:
    project.git("remote", "add", "upstream", "git@github.com:acme/shop")
    project.git("remote", "add", "fork", "git@github.com:ada/shop")
    assert "there is no remote called origin" in output(project, "init")
    project.git("remote", "rename", "fork", "origin")
    (project.path / "gate.yaml").unlink()
    text = output(project, "init")
    assert "ada/shop, from origin; if changes are merged into acme/shop instead" in text


def test_the_doctor_gives_no_advice_that_needs_a_remote_without_one(project: Clone) -> None:
    assert "--fetch" not in output(project, "doctor")


def test_an_owner_by_address_is_added_under_a_name(project: Clone) -> None:
    project.write({"CODEOWNERS": "* ada@acme.example bob@acme.example\n"})
    project.git("add", "-A")
    assert project.gate("init").code == 0
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    fix = "gate init --person @NAME --email bob@acme.example --key FILE"
    assert fix in output(project, "doctor")


def test_a_person_who_was_added_is_suggested_no_more() -> None:
    policy = 'people:\n  "@ada": {}\n  # "@bob": {role: senior}  # in CODEOWNERS\n  # "@cyd": {}\n'
    text = with_person(policy.encode(), Person("@Bob", keys=(key_of(2),))).decode()
    assert '# "@bob"' not in text
    assert '# "@cyd"' in text
    assert list(load_policy(text.encode()).people) == ["@ada", "@Bob"]


@pytest.mark.parametrize(
    ("files", "hooks", "expected"),
    [
        ({".husky/pre-commit": "npm test\n"}, ".husky/_", "husky writes these files again"),
        ({"lefthook.yml": "pre-commit: {}\n"}, "", "add `gate hook NAME` to lefthook.yml"),
        ({".overcommit.yml": "{}\n"}, "", "overcommit writes these files again"),
        ({".pre-commit-config.yaml": "repos: []\n"}, "", ""),
    ],
)
def test_a_hook_manager_that_writes_hooks_anew_is_named(
    project: Clone, files: dict[str, str], hooks: str, expected: str
) -> None:
    project.write(files)
    if hooks:
        project.git("config", "core.hooksPath", hooks)
    text = output(project, "install")
    assert expected in text if expected else "writes these files again" not in text


def test_a_sparse_checkout_still_has_code_owners(project: Clone, tmp_path: Path) -> None:
    project.write({".github/CODEOWNERS": "* @ada @bob\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    project.git("sparse-checkout", "set", "docs")
    assert not (project.path / ".github").exists()
    assert "code owners: .github/CODEOWNERS" in project.gate("init").out
    assert "@bob" in (project.path / "gate.yaml").read_text()
    assert ".github/CODEOWNERS: 1 rule" in project.gate("owners", "--lint").out


def test_what_cannot_be_written_as_a_whole_is_not_written_in_part(project: Clone) -> None:
    project.write({".github": "a file\n"})
    result = project.gate("init", "--github")
    assert result.code == 3
    assert "can't be written" in result.err
    assert not (project.path / "gate.yaml").exists()
