"""What waits for whom, and what one's own branches need: from refs alone, without running a check."""

from __future__ import annotations

import json
import sys

import pytest
from support.company import Clone, Company, isolated
from support.terminal import Terminal


@pytest.fixture
def pushed(company: Company) -> Clone:
    """A branch of the new hire's on the server."""
    new = company.clone("newhire")
    new.commit("Add export", {"a.py": "x = 2\n"}, branch="feature")
    new.git("push", "-q", "origin", "feature")
    return new


@pytest.mark.slow
def test_the_inbox_has_what_waits_for_me_and_not_what_i_have_approved(
    company: Company, pushed: Clone
) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    shown = senior.gate("inbox")
    assert shown.code == 0
    assert 'origin/feature "Add export" by' in " ".join(shown.out.split())
    assert "a.py as code owner" in shown.out
    assert "checks have not run yet" in shown.out
    assert "gate review origin/feature" in shown.out
    assert shown.out.splitlines()[-1] == "1 branch needs approval from @nehemiah (into main)."
    (item,) = json.loads(senior.gate("inbox", "--format", "json").out)
    assert (item["branch"], item["files"]) == ("origin/feature", ["a.py"])
    senior.approve("origin/feature")
    assert senior.gate("inbox").out == "Nothing needs approval from @nehemiah.\n"


def test_nothing_waits_for_an_author(pushed: Clone) -> None:
    assert pushed.gate("inbox").out == "Nothing needs approval from @newhire.\n"
    assert "origin/feature" in pushed.gate("inbox", "--as", "@nehemiah").out


def test_the_policy_of_a_main_that_is_ahead_of_origin_decides_as_in_a_check(
    company: Company, pushed: Clone
) -> None:
    ada = company.clone("ada")
    ada.fetch()
    policy = (ada.path / "gate.yaml").read_text().replace("teams:\n", 'teams:\n  "@acme/core": ["@ada"]\n')
    owners = next(path for path in ada.git("ls-files").split() if path.endswith("CODEOWNERS"))
    ada.commit("Add a team", {"gate.yaml": policy, owners: "* @acme/core\n"})
    verdict = ada.gate("check", "--head", "origin/feature", "--only", "names", "--format", "json").out
    assert "@acme/core" in verdict
    assert "a.py as code owner" in ada.gate("inbox").out


def test_a_stranger_has_to_say_who_they_are(pushed: Clone) -> None:
    pushed.git("config", "user.email", "nobody@else.example")
    answer = pushed.gate("inbox")
    assert answer.code == 2
    assert "nobody@else.example is not listed in `people`" in answer.err
    assert "--as @NAME" in answer.err


def test_status_shows_my_branches_and_what_they_need(pushed: Clone) -> None:
    shown = pushed.gate("status")
    assert shown.code == 0
    assert "✗ feature" in shown.out
    assert "ask @nehemiah: code owner of a.py" in " ".join(shown.out.split())
    assert shown.out.splitlines()[-1] == "1 open branch of @newhire (into main)."
    (item,) = json.loads(pushed.gate("status", "--format", "json").out)
    assert item["reviewers"][0]["names"] == ["@nehemiah"]


def test_a_branch_is_listed_once_even_if_it_is_not_pushed_yet(company: Company, pushed: Clone) -> None:
    pushed.commit("Export more", {"a.py": "x = 3\n"})
    (item,) = json.loads(pushed.gate("status", "--format", "json").out)
    assert item["commit"] == pushed.git("rev-parse", "feature").strip()
    pushed.git("push", "-q", "origin", "feature")
    pushed.git("reset", "-q", "--hard", "HEAD~1")
    (item,) = json.loads(pushed.gate("status", "--format", "json").out)
    assert item["branch"] == "origin/feature", "the local branch is behind"
    senior = company.clone("nehemiah")
    senior.fetch()
    senior.git("branch", "feature", "origin/feature~1")
    (item,) = json.loads(senior.gate("inbox", "--format", "json").out)
    assert item["branch"] == "origin/feature"


@pytest.mark.parametrize("file", ["gate.yaml", "CODEOWNERS"])
def test_nobody_is_asked_to_approve_invalid_rules(company: Company, file: str) -> None:
    new = company.clone("newhire")
    path = next(path for path in new.git("ls-files").split() if path.endswith(file))
    new.commit("Break the rules", {path: "version: one\n" if file == "gate.yaml" else "* @\n"}, branch="bad")
    new.git("push", "-q", "origin", "bad")
    shown = " ".join(new.gate("status").out.split())
    assert f"invalid policy or CODEOWNERS file: {path}:1" in shown
    assert "fix it on the branch first (@newhire)" in shown
    checked = " ".join(new.gate("check", "--only", "names").out.split())
    assert "fix it on the branch first (@newhire)" in checked
    assert not [text for text in (shown, checked) if "ask @" in text or "Approval needed from" in text]
    senior = company.clone("nehemiah")
    senior.fetch()
    assert senior.gate("inbox").out == "Nothing needs approval from @nehemiah.\n"


FAILING = {"failed": "def test_x():\n    assert False\n", "broken": "x = 1\n"}


@pytest.mark.slow
@pytest.mark.parametrize("state", FAILING)
def test_status_and_inbox_show_what_the_last_check_found(company: Company, state: str) -> None:
    company.set_policy(company.policy("      approvals: 1\n      checks: [names, tests]\n"))
    new = company.clone("newhire")
    new.fetch()
    new.git("reset", "-q", "--hard", "origin/main")
    new.commit("Test", {"test_x.py": "def test_x():\n    assert True\n"})
    new.git("push", "-q", "origin", "HEAD:refs/heads/main")
    new.fetch()
    new.commit("Change a test", {"test_x.py": FAILING[state]}, branch="feature")
    checked = {item["id"]: item for item in json.loads(new.gate("check", "--format", "json").out)["checks"]}
    (item,) = json.loads(new.gate("status", "--format", "json").out)
    assert item["checks"] == {"names": "passed", "tests": state}
    assert checked["tests"]["outcome"] == state
    new.git("push", "-q", "origin", "feature")
    (item,) = json.loads(new.gate("inbox", "--as", "@nehemiah", "--format", "json").out)
    assert item["checks"]["tests"] == state


def test_a_merged_branch_is_not_open(pushed: Clone) -> None:
    pushed.git("switch", "-q", "main")
    pushed.git("merge", "-q", "feature")
    pushed.git("update-ref", "refs/remotes/origin/main", "main")
    assert pushed.gate("status").out == "You have no open branches.\n"


@pytest.mark.slow
def test_a_review_shows_the_diff_of_my_files_with_the_findings_of_earlier_runs(company: Company) -> None:
    company.set_policy(company.policy("      owners: true\n      checks: [names]\n"))
    new = company.clone("newhire")
    new.fetch()
    new.git("reset", "-q", "--hard", "origin/main")
    new.commit("Load", {"a.py": "import json\n\nvalue = json.laods('1')\n"}, branch="feature")
    new.git("push", "-q", "origin", "feature")
    senior = company.clone("nehemiah")
    senior.fetch()
    senior.gate("check", "--head", "origin/feature")
    shown = senior.gate("review", "origin/feature")
    assert shown.code == 0
    lines = shown.out.splitlines()
    at = lines.index("+value = json.laods('1')")
    assert lines[at + 1].startswith("    >>> 3:")
    assert "laods" in lines[at + 1]
    assert lines[-1].startswith("To approve, run `gate approve origin/feature`;"), "nobody is asked in a pipe"


def reviewing(senior: Clone, answers: dict[str, str]) -> str:
    """Review the branch at a terminal: what was shown after the last of the answers, each given at its question."""
    argv = [sys.executable, "-P", "-m", "gate", "review", "origin/feature"]
    env = {**isolated(senior.path.parent / "home"), "TERM": "dumb", "GIT_PAGER": "cat"}
    terminal = Terminal(argv, senior.path, env)
    answer = ""
    for question, answer in answers.items():
        assert terminal.wait_for(question), terminal.shown
        terminal.forget()
        terminal.type(f"{answer}\n")
    terminal.wait_for("recorded" if answer == "s" else "Pushed to origin")
    terminal.close()
    return terminal.shown.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "colored"),
    [
        ((), True),
        (("color.ui=never",), False),
        (("color.diff=false",), False),
        (("color.pager=false",), False),
    ],
)
def test_the_pager_of_a_review_gets_the_colors_that_git_would_give_it(
    company: Company, pushed: Clone, settings: tuple[str, ...], colored: bool
) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    paged = senior.path.parent / "paged"
    senior.git("config", "core.pager", f"LV=-c tee '{paged}'")
    for setting in settings:
        senior.git("config", *setting.split("="))
    argv = [sys.executable, "-P", "-m", "gate", "review", "origin/feature"]
    terminal = Terminal(argv, senior.path, {**isolated(senior.path.parent / "home"), "TERM": "xterm"})
    assert terminal.wait_for("[s]kip?"), terminal.shown
    terminal.close()
    assert ("\x1b[32m+x = 2" in paged.read_text()) == colored
    assert "+x = 2" in paged.read_text()


@pytest.mark.slow
def test_a_review_at_a_terminal_skips_objects_or_approves(company: Company, pushed: Clone) -> None:
    senior = company.clone("nehemiah")
    senior.fetch()
    question = "[a]pprove, [o]bject, [s]kip?"
    assert "Skipped: nothing was recorded." in reviewing(senior, {question: "s"})
    assert json.loads(senior.gate("approvals", "origin/feature", "--format", "json").out) == []
    objected = reviewing(senior, {question: "o", "On which line?": "a.py:1", "Why?": "Too large a number"})
    assert "Objected as @nehemiah" in objected
    (objection,) = json.loads(senior.gate("approvals", "origin/feature", "--format", "json").out)
    assert (objection["kind"], objection["why"]) == ("block", "a.py:1: Too large a number")
    senior.gate("revoke", objection["id"])
    assert "Approved as @nehemiah" in reviewing(senior, {question: "a"})
    assert pushed.gate("approvals", "--fetch").code == 0
    assert [
        one["kind"]
        for one in json.loads(pushed.gate("approvals", "feature", "--format", "json").out)
        if one["counted"]
    ] == ["approve"]
