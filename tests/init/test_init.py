"""`gate init`: a first policy from what a repository shows, and people added to it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.company import Clone
from support.teams import key_of

from gate.policy.load import load_policy
from gate.policy.types import Policy, SeniorityRequired
from gate.project import SCHEMA

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPn2GkAt7LjNlGhDBGcCVHtsnbuMpE5PWUvGcZxkZ2fZ laptop"


def first(clone: Clone, *args: str) -> Policy:
    """The policy that `gate init` would write."""
    result = clone.gate("init", "--print", *args)
    assert result.code == 0, result.text
    assert not (clone.path / "gate.yaml").exists()
    return load_policy(result.out.encode())


def uncommented(text: str) -> str:
    """The policy as it is once every suggestion in `people` and `teams` is taken."""
    head, tail = text.split("\npeople:", 1)
    people, rest = tail.split("\n# Every check", 1)
    lines = people.replace(" {}", "", 1).splitlines()
    taken = [line.replace("# ", "", 1).replace("#   ", "  ", 1) for line in lines]
    return f"{head}\npeople:" + "\n".join(taken) + f"\n# Every check{rest}"


@pytest.mark.slow
def test_what_it_wrote_is_what_check_reads(project: Clone) -> None:
    assert project.gate("init").code == 0
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    assert project.gate("check").code == 0


def test_an_existing_policy_is_not_touched_and_print_still_answers(project: Clone) -> None:
    project.write({"gate.yaml": "version: 1\n"})
    result = project.gate("init")
    assert result.code == 2
    assert "gate init --print" in result.err
    assert "protect:" in project.gate("init", "--dry-run").out
    assert (project.path / "gate.yaml").read_text() == "version: 1\n"


def test_the_default_branch_is_that_of_origin(project: Clone, tmp_path: Path) -> None:
    project.git("branch", "-m", "trunk")
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "o.git"))
    project.git("remote", "add", "origin", str(tmp_path / "o.git"))
    project.git("fetch", "-q", "origin")
    project.git("remote", "set-head", "origin", "trunk")
    assert list(first(project).protect) == ["trunk"]


@pytest.mark.parametrize("branch", ["release/1.x", "on", "1.0", "it's", "@x", "a#b", "]x", "{x}", "üñ"])
def test_any_branch_can_be_protected(project: Clone, branch: str) -> None:
    assert list(first(project, "--into", branch).protect) == [branch]


def test_without_any_branch_it_asks_for_one(project: Clone) -> None:
    project.git("checkout", "-q", "--detach")
    project.git("branch", "-D", "main")
    result = project.gate("init")
    assert result.code == 2
    assert "gate init --into BRANCH" in result.err


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("git@git.example:acme/shortener.git", "acme/shortener"),
        ("https://user:secret@git.example/group/acme/shortener", "acme/shortener"),
        ("ssh://git@git.example:22/acme/shortener.git/", "acme/shortener"),
        ("forge:acme/shortener.git", "acme/shortener"),
        ("https://git.example:8443/shortener", "shortener"),
        ("git@gitlab.com:acme/web/shop/shortener.git", "acme/web/shop/shortener"),
        ("https://gitlab.acme.example/acme/web/shortener", "acme/web/shortener"),
        # The name of a folder is what one clone of it happens to be called.
        ("/srv/git/shortener.git", ""),
        ("file:///srv/git/shortener.git", ""),
        ("../../shortener.git/", ""),
        ("C:/git/shortener.git", ""),
        ("/srv/a folder: odd/it's #1", ""),
        ("..", ""),
    ],
)
def test_the_name_of_the_repository_is_that_of_its_origin(project: Clone, url: str, name: str) -> None:
    project.git("remote", "add", "origin", url)
    assert first(project).repository == name
    result = project.gate("init")
    assert (f"repository: {name}, from origin" if name else "repository: not set") in result.out


def test_without_origin_the_repository_has_no_name(project: Clone) -> None:
    for name in ("upstream", "fork"):
        project.git("remote", "add", name, f"git@git.example:{name}/shortener.git")
    result = project.gate("init", "--print")
    assert load_policy(result.out.encode()).repository == ""
    assert "# repository: acme/shortener" in result.out


def test_hostile_names_stay_what_they_are(project: Clone) -> None:
    project.git("config", "user.email", 'a"b\\c#@x')
    for name, email in (("Ev\nil", 'e: "x"}@y'), ("Bob", "bob@x"), ("Bob", "bob@y"), ("X", "x\x1b[31m@x")):
        project.git(
            "-c", f"user.name={name}", "-c", f"user.email={email}", "commit", "-q", "--allow-empty", "-m", "x"
        )
    result = project.gate("init", "--print")
    policy = load_policy(result.out.encode())
    assert [person.emails for person in policy.people.values()] == [('a"b\\c#@x',)]
    assert "\x1b" not in result.out
    everybody = load_policy(uncommented(result.out).encode())
    known = {email for person in everybody.people.values() for email in person.emails}
    assert known == {'a"b\\c#@x', "ada@acme.example", 'e: "x"}@y', "bob@y"}


def test_code_owners_are_suggested_by_their_names(project: Clone) -> None:
    project.write({".github/CODEOWNERS": "* @Nehemiah @acme/web\n/docs/ writer@acme.example @ada\n"})
    result = project.gate("init", "--print")
    assert ".github/CODEOWNERS" in result.out
    everybody = load_policy(uncommented(result.out).encode())
    assert set(everybody.people) == {"@ada", "@Nehemiah"}
    assert set(everybody.teams) == {"@acme/web"}


@pytest.mark.parametrize("how", ["file", "public file", "literal", "home"])
def test_the_key_is_the_one_that_git_signs_with(project: Clone, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", 'a "b"', "-f", folder / "k"], check=True
    )
    key = (folder / "k.pub").read_text().strip()
    match how:
        case "file":
            project.git("config", "user.signingKey", str(folder / "k"))
        case "public file":
            project.git("config", "user.signingKey", str(folder / "k.pub"))
        case "literal":
            project.git("config", "user.signingKey", f"key::{key}")
        case _:
            (folder / "id_rsa.pub").write_text("not a key\n")
            (folder / "id_ed25519.pub").write_text(key)
    assert first(project).people["@ada"].keys == (key,)


def test_without_a_key_it_says_how_to_get_one(project: Clone) -> None:
    project.git("config", "user.signingKey", "0xDEADBEEF")
    assert "ssh-keygen" in project.gate("init").out


def test_a_person_with_a_key_file(project: Clone) -> None:
    project.gate("init")
    project.write({"new.pub": f"{KEY}\n"})
    args = ("--role", "junior", "--email", "new@acme.example", "--key", str(project.path / "new.pub"))
    before = (project.path / "gate.yaml").read_text()
    assert '"@new"' in project.gate("init", "--person", "@new", *args, "--print").out
    assert (project.path / "gate.yaml").read_text() == before
    assert project.gate("init", "--person", "@new", *args).code == 0
    person = load_policy((project.path / "gate.yaml").read_bytes()).people["@new"]
    assert (person.role, person.emails, person.keys) == ("junior", ("new@acme.example",), (KEY,))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--person", "@new"], "ada@acme.example is @ada's"),
        (["--person", "@new", "--key", "private"], "is a private key"),
        (["--person", "@new", "--key", "gone"], "cannot be read"),
        (["--person", "@new", "--key", "app.py"], "more than one line"),
        (["--person", "new", "--email", "new@x"], "is not a name"),
        (["--role", "junior"], "--person @NAME"),
        (["--into", "x", "--person", "@new"], "can't be combined"),
    ],
)
def test_wrong_usage_says_so_and_writes_nothing(project: Clone, args: list[str], expected: str) -> None:
    project.gate("init")
    project.write({"private": "-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n-----END OPENSSH PRIVATE KEY-----\n"})
    before = (project.path / "gate.yaml").read_bytes()
    done = project.gate("init", *args)
    assert done.code == 2
    assert expected in done.err
    assert (project.path / "gate.yaml").read_bytes() == before
    assert not list(project.path.glob("gate.yaml.*"))


def test_a_key_is_replaced_in_two_steps(project: Clone) -> None:
    (project.path / "new.pub").write_text(key_of(2))
    project.git("config", "user.signingKey", f"key::{key_of(1)}")
    assert project.gate("init").code == 0
    result = project.gate("init", "--person", "@ada", "--key", str(project.path / "new.pub"))
    assert result.code == 0, result.err
    assert "Added a key for @ada" in result.out
    person = load_policy((project.path / "gate.yaml").read_bytes()).people["@ada"]
    assert (person.keys, person.emails, person.role) == (
        (key_of(1), key_of(2)),
        ("ada@acme.example",),
        "senior",
    )
    role = project.gate("init", "--person", "@ada", "--role", "junior", "--email", "other@acme.example")
    assert (role.code, "as senior" in role.err) == (2, True)


def test_in_a_subfolder_the_commands_name_the_file_from_there(project: Clone) -> None:
    project.write({"src/app/a.py": "x = 1\n"})
    result = replace(project, path=project.path / "src" / "app").gate("init")
    assert "git add ../../gate.yaml &&" in result.out
    assert (project.path / "gate.yaml").is_file()


def test_editors_find_the_schema(project: Clone) -> None:
    project.gate("init")
    first_line = (project.path / "gate.yaml").read_text().splitlines()[0]
    assert first_line == f"# yaml-language-server: $schema={SCHEMA}"


def test_a_policy_that_is_a_link_stays_one(project: Clone) -> None:
    project.write({"etc/policy.yaml": "version: 1\n"})
    (project.path / "gate.yaml").symlink_to("etc/policy.yaml")
    assert project.gate("init", "--person", "@new", "--email", "new@x").code == 0
    assert (project.path / "gate.yaml").is_symlink()
    assert "@new" in (project.path / "etc" / "policy.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "owner"), [("Nehemiah", "@nehemiah"), ("Nehemiah Monrose", "@Nehemiah-Monrose")]
)
def test_you_are_called_what_code_owners_call_you(project: Clone, name: str, owner: str) -> None:
    project.git("config", "user.name", name)
    project.git("config", "user.email", "nm@acme.example")
    project.write({"CODEOWNERS": f"* {owner}\n"})
    assert list(first(project).people) == [owner]


def test_a_change_that_would_lock_its_author_out_says_so(project: Clone) -> None:
    (project.path / "k.pub").write_text(KEY)
    project.git("config", "user.signingKey", str(project.path / "k.pub"))
    project.write({"CODEOWNERS": "* @ada\n"})
    assert project.gate("init").code == 0
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("checkout", "-q", "-b", "stricter")
    text = (project.path / "gate.yaml").read_text()
    project.write({"gate.yaml": text.replace("approvals: 0", "approvals: 1")})
    project.git("commit", "-q", "-am", "Ask for one approval")
    result = project.gate("check", "--only", "lint")
    shown = " ".join(result.out.split())
    assert "This change would lock people out: @ada can't merge any change into main" in shown


def test_with_a_second_person_it_says_what_could_be_required(project: Clone) -> None:
    (project.path / "k.pub").write_text(key_of(1))
    (project.path / "new.pub").write_text(key_of(2))
    project.git("config", "user.signingKey", str(project.path / "k.pub"))
    assert project.gate("init").code == 0
    added = ("--person", "@new", "--email", "new@acme.example")
    result = project.gate("init", *added, "--key", str(project.path / "new.pub"))
    assert "    approvals: 1\n" in result.out
    without = project.gate("init", "--person", "@more", "--email", "more@acme.example")
    assert "    approvals: 1\n" in without.out
    assert "without a key they can't approve" in without.out


def test_what_could_be_required_of_two_people_works_once_it_is(project: Clone) -> None:
    (project.path / "k.pub").write_text(key_of(1))
    (project.path / "new.pub").write_text(key_of(2))
    project.git("config", "user.signingKey", str(project.path / "k.pub"))
    project.write({"CODEOWNERS": "* @ada @new\n"})
    assert project.gate("init", "--me", "@ada").code == 0
    added = ("--person", "@new", "--role", "senior", "--email", "new@acme.example")
    shown = project.gate("init", *added, "--key", str(project.path / "new.pub")).out
    lines = [line.strip() for line in shown.splitlines() if line.startswith("    ")]
    assert [line.partition(":")[0] for line in lines] == ["owners", "approvals", "seniority", "guarded"]
    text = (project.path / "gate.yaml").read_text()
    for line in lines:
        name = line.partition(":")[0]
        text = re.sub(rf"^      (# )?{name}: .*$", f"      {line}", text, flags=re.MULTILINE)
    project.write({"gate.yaml": text})
    require = load_policy(text.encode()).protection("main").require
    assert (require.guarded, require.seniority) == (("@ada", "@new"), SeniorityRequired())
    assert require.owners
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    assert "lock" not in project.gate("doctor").out
    assert "can require" not in project.gate("init", "--person", "@x", "--email", "x@acme.example").out


def test_the_next_step_adds_every_file_that_the_policy_needs(project: Clone) -> None:
    project.write({"CODEOWNERS": "* @ada\n"})
    assert "git add gate.yaml CODEOWNERS && git commit" in project.gate("init").out
    (project.path / "gate.yaml").unlink()
    project.git("add", "CODEOWNERS")
    assert "git add gate.yaml && git commit" in project.gate("init").out
    # A policy that was written, but never added, belongs in the same commit.
    assert "git add gate.yaml .github/workflows/gate.yml" in project.gate("init", "--github").out


def test_for_a_bare_repository_the_next_step_is_to_push_the_protected_branch(project: Clone) -> None:
    project.write({"CODEOWNERS": "* @ada\n"})
    shown = project.gate("init", "--bare").out
    commit = 'git commit -m "Protect main with gate" && git push origin main'
    assert f"  on main: git add gate.yaml CODEOWNERS && {commit}\n" in shown


def test_every_reason_why_code_owners_are_not_required_is_named(project: Clone) -> None:
    project.git("commit", "-q", "--allow-empty", "-m", "X", "--author", "Eve <eve@acme.example>")
    project.write({"CODEOWNERS": "* @ada @bob @acme/qa\n"})
    shown = project.gate("init").out
    reasons = shown.partition("are not required yet:\n")[2].partition("\nSimulation:")[0]
    for reason in (
        "the members of @acme/qa are unknown: list them under `teams`",
        "@bob is not in `people`: `gate init --person @NAME --email ADDRESS --key FILE` adds them",
        "others commit here and are not in `people`",
        "can approve, and it takes two",
    ):
        assert reason in reasons


@pytest.mark.slow
def test_without_git_it_says_so(project: Clone, tmp_path: Path) -> None:
    result = project.gate_process("init", "--print", env={"PATH": str(tmp_path)})
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("gate: git is not installed")


@pytest.mark.slow
def test_a_history_that_cannot_be_read_is_named(project: Clone) -> None:
    project.git("commit", "-q", "--allow-empty", "-m", "Second")
    parent = project.git("rev-parse", "HEAD~1")
    (project.path / ".git" / "objects" / parent[:2] / parent[2:]).unlink()
    result = project.gate("init", "--print")
    assert result.code == 3
    assert "git" in result.err
    assert parent[:12] in result.err
