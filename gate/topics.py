"""The topics of `gate explain`: every requirement, check, rule, and term that gate's messages use.

The first line of each text is its summary in the list of topics. Pages of rules come from the `names` catalog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

VERDICT: Final[dict[str, str]] = {
    "exit-codes": """\
What the exit codes 0, 1, 2, 3, and 130 mean.

0    ready to merge
1    blocked: a requirement is not met
2    usage error, or an error in gate.yaml or CODEOWNERS; the message gives the file, the line, and what is expected
3    could not decide: a check failed to run, history is missing, or a forge did not respond
130  interrupted

Only 0 lets a change merge.""",
    "blocked": """\
A requirement is not met: exit code 1.

What to do: run `gate check`. It lists the findings to fix, the people to ask, and the command they run.""",
    "undecided": """\
gate could not decide: exit code 3. It never counts as a pass.

A check failed to run, history is missing (a shallow clone), or a forge did not respond. The report says which.

What to do: fix the cause, and run `gate check` again.""",
    "broken": """\
A check that failed to run. It never counts as a pass.

The tool could not start, timed out, printed too much, exited early, or printed output that gate can't parse. gate
exits with 3, or with 1 if another requirement is not met.

What to do: run the tool yourself. The report shows the end of its output.""",
    "stale": """\
An approval whose files have changed since it was given.

What to do: `gate approvals` lists the files that changed. Ask the person to approve again.""",
}

REQUIREMENTS: Final[dict[str, str]] = {
    "mergeable": """\
The change merges cleanly into the branch.

gate checks the tree that the merge would produce. git computes it (`git merge-tree`) without touching your files.
This fails if files conflict, if the histories are unrelated, or if two paths differ only in case or Unicode form,
which some file systems can't store. A change that leaves gate.yaml or CODEOWNERS invalid is blocked too, because
nothing could merge after it.

What to do: merge the branch into yours, resolve the conflicts, and commit.""",
    "owners": """\
Every changed file is approved by its code owners.

gate reads CODEOWNERS on the base branch, so a change can't choose its own approvers. A rename needs the owners of
both paths. Authors, committers, and co-authors of the change can't approve it.

  no matching rule     nobody needs to approve the file
  explicitly unowned   the last matching line has no owners: nobody needs to approve the file
  cannot be satisfied  no owner is listed in `people`, a team is empty, or every owner is an author: blocks

What to do: `gate owners --change` shows who owns the files that you changed. `gate owners --lint` finds mistakes in
CODEOWNERS.

In gate.yaml, `owners: false` turns the requirement off, `owners: {stale: owned}` keeps an approval valid when files of
other owners change, and `owners: {stale: head}` ties it to the exact commit.""",
    "approvals": """\
Enough people have approved exactly this content.

`approvals: 1` in gate.yaml requires approval from one person who isn't an author. `gate approve` signs the change with
your SSH key and records the approval in `refs/gate/log`. The approval is bound to the content: it survives a rebase,
and becomes stale when any file of the change differs. An objection (`gate approve --block`) blocks until the person
withdraws it.

What to do: `gate approvals` lists the approvals, and why some don't count. Reviews on a forge can count too
(`gate explain reviews`).""",
    "reviews": """\
Reviews on GitHub, GitLab, or Gitea count as approvals.

`gate check --reviews github:OWNER/REPO#12` (or `gitlab:GROUP/PROJECT!7`, `gitea:OWNER/REPO#3`, or `auto` in CI)
counts reviews under the same rules as signed approvals. gate matches a reviewer to a person in gate.yaml by login
(`people: {"@x": {github: login}}`). A review counts for the commit that was reviewed. A request for changes is an
objection until the same person approves, or someone dismisses the review.

gate reads the token from GITHUB_TOKEN, GITLAB_TOKEN, or GITEA_TOKEN. It queries the forge last. If the forge does not
respond, or reports another head commit, gate can't decide.""",
    "seniority": """\
A senior has approved the work of juniors and unknown authors.

An author who isn't in the policy counts as a junior. If `people` assigns a senior to the author, that person must
approve. Otherwise, any senior can.""",
    "guarded": """\
Changes that weaken checks, or that change gate itself, need approval from a guardian.

A guardian is a policy administrator: `guarded: ["@acme/guardians"]` in gate.yaml. A guardian must approve changes to:

  the rules     gate.yaml and its people, CODEOWNERS, CI files, hooks, `.gitattributes`
  the tools     looser settings, an older version, the scripts and plugins that checks run
  the code      new suppressions (`# noqa`, `# type: ignore`), modules and stubs that shadow others, code that no
                tool reads, invisible characters
  the tests     skipped, deleted, or emptied tests

gate compares settings by meaning, so you can reformat pyproject.toml.

What to do: revert the change that the report points at, or ask a guardian to approve it.""",
    "history": """\
A change is merged as a single commit.

With `history: squash` in gate.yaml, the branch accepts one commit per change. A merge would also bring in commits
that were undone later: a leaked secret, a large file, code that nobody reviewed.

`gate merge` squashes automatically. The server and the audit reject a merge of more than one commit.""",
    "checks": """\
Every required check passed on the merge result.

The checks are names, lint (ruff), types (mypy), tests (pytest), and any commands in the policy. They run on the tree
that the merge would produce, in a clean checkout under `.git/gate/`. A check that fails to run never passes. lint,
types and names block on new findings (`block: new`), tests on every failure (`block: all`).

gate caches results by content, so a second run on the same tree runs nothing.""",
    "verdicts": """\
A verdict signed in CI replaces running the checks again.

`verdicts: ["@ci"]` under a branch in gate.yaml lists the people whose verdicts are trusted. CI runs
`gate check --record --key FILE`. A verdict is valid for one repository, branch, base, and content. With it, the server
runs no checks, `gate merge` waits for the verdict, and the audit accepts nothing else.""",
    "waiver": """\
Emergency override: a guardian lets one change bypass its requirements.

`gate approve --waive --reason "outage 4711"` records a signed waiver with its reason. It covers only this change, and
never merge conflicts. The verdict, the merge commit and the audit show it.""",
    "server": """\
A pre-receive hook checks every push to a protected branch.

`gate install --server` installs it in the bare repository that everyone pushes to. A protected branch then accepts
only merges that `gate check` passes and `gate audit` can verify. Nobody can delete or rewind the branch, or remove
approval records. One rejected ref rejects the whole push.

What to do if a push is rejected: run `gate check`, get the approvals it lists, and run `gate merge REV --push`.""",
}

CHECKS: Final[dict[str, str]] = {
    "names": """\
Finds misspelled names and wrong calls without running any code.

It reads Python files, notebook cells, and settings that refer to Python objects. `gate explain RULE` describes each
rule. `gate check --fix` shows safe fixes as a diff.

To ignore one line, add `# gate: ignore[RULE]`; this needs approval from a guardian. To turn off a rule, set
`checks: {names: {disable: [RULE]}}` in gate.yaml.""",
    "lint": """\
Runs ruff with the project's settings.

gate uses the project's own ruff if it has one, and the one installed with gate otherwise.""",
    "types": """\
Runs mypy with the project's settings and interpreter.

mypy also checks functions without annotations (`--check-untyped-defs`), unless the settings say otherwise. In a
project without mypy settings, gate leaves out matters of style.""",
    "tests": """\
Runs pytest in the project's interpreter on the merge result.

Every failure blocks. The report marks tests that fail on the base branch too. A run that doesn't finish, or that
imports the project from another folder, counts as broken (`gate explain broken`).""",
    "test-failed": """\
A test failed on the merge result.

`block: all` is the default for tests, so a test that already failed on the base branch blocks too.

What to do: run the test by itself. The finding shows the command.""",
    "exit-code": """\
A program reported failure by its exit code alone.

The program is a command of the policy with `report: none`, or pytest when it ends with an internal error. The message
is the end of its output.""",
    "not-collected": """\
A test file can't be imported, so none of its tests ran.

If every failure is of this kind, and the base branch has the same ones, gate reports the check as broken instead,
with one reason.

What to do: import the file by itself. The finding shows the command.""",
    "not-started": """\
The tests can't start on the merge result, but they do on the base branch.

Often the code imports a package that no dependency file declares, or `conftest.py` or a setting is wrong. The message
is the error.

What to do: declare the package, or run pytest yourself to see the whole error.""",
    "coverage": """\
All tests passed, but they cover less code than the project's coverage settings require.

What to do: test the new code, or lower the limit in a separate change.""",
    "syntax": """\
mypy can't parse a file: a syntax error, a template, or Python 2.

mypy checks the other files without it.

What to do: fix the file, or exclude it in mypy's settings.""",
    "not-run": """\
pytest stopped at a failure, so later tests didn't run.

The test that failed may not block, for example because it is quarantined. It must not hide other failures.

What to do: remove `-x` or `--maxfail` from pytest's settings, or add `args: [--maxfail=0]` to the check in
gate.yaml.""",
    "flaky": """\
A test that failed, and passed when it ran again on the same content.

It still blocks. `gate flaky` lists flaky tests with their rates.

What to do: fix the test, or run `gate check` again. If nobody can fix it right away, a guardian can quarantine it:
`gate flaky --quarantine TEST --until DATE --reason TEXT` (`gate explain quarantine`).""",
    "quarantine": """\
A signed record by a guardian that lets one test fail without blocking, until a date.

The test still runs, and its failure is a warning. `gate flaky` lists quarantined tests, and `gate audit` names them for
each merge. `gate flaky --end TEST` ends a quarantine.""",
    "own-quarantine": """\
A failing test passes only because an author of the change quarantined it.

That weakens the check, so another guardian must approve the change. `gate flaky` lists quarantined tests.""",
    "fewer-tests": """\
pytest collects fewer tests, or other tests, than on the base branch.

A test was removed, renamed, or excluded by a setting. That weakens the check, so it needs approval from a guardian
(`gate explain guarded`).""",
    "environment": """\
How gate finds the Python environment that tools run in.

gate looks in this order: `python` in gate.yaml, UV_PROJECT_ENVIRONMENT, the active VIRTUAL_ENV, `.venv`, `venv`,
poetry, conda. Without an environment, tools run in gate's own interpreter and can't import the project's dependencies.

What to do: create one, for example `python3 -m venv .venv && .venv/bin/pip install -e .`""",
}

RELEASES: Final[dict[str, str]] = {
    "environments": """\
Protected targets for releases, such as staging and production.

In gate.yaml:

  protect:
    staging:    {kind: environment, require: {passed: [main]}}
    production: {kind: environment, require: {passed: [staging], soaked: {in: staging, for: 30m}}}

`gate check --into production --head REV` checks whether REV can be released. `gate promote REV --into production`
records the release. The policy of the default branch applies. The last recorded release is the one deployed. A
rollback to the previous release is always allowed. Juniors can neither promote nor approve a release.""",
    "passed": """\
The same commit has passed other targets first.

`passed: [main, staging]` requires that `gate audit` verifies the merge of the commit into `main`, and that the commit
was promoted to `staging` and not rolled back there.""",
    "rolled-back": """\
A release that was rolled back needs a new approval.

It can go out again, in any environment, only after someone other than its authors approves it again:
`gate approve REV --into ENVIRONMENT`. This is always required. A fix is a new commit, so it isn't affected.""",
    "soaked": """\
The release has run in another environment for long enough.

`soaked: {in: staging, for: 30m}` requires 30 minutes without interruption. With `healthy: QUERY`, Prometheus must also
return data for the query, and no value of 0. Example: `min_over_time(probe_success[30m])`.""",
    "metric": """\
The values of a Prometheus query are within limits.

`metric: [{query: …, below: 0.01}]` applies to every value that the query returns. A missing answer or no data blocks.
`prometheus: http://…` at the top of gate.yaml sets the address.""",
    "budget": """\
Enough of the downtime budget of the last 365 days, or of the window in the SLO file, is left.

`budget: {minutes: 20, risk: 1, low: 5}` allows only a rollback when less than `risk` minutes are left, and requires
approval from a senior when less than `low` minutes are left.

  downtime: QUERY    asks Prometheus for the seconds of downtime
  incidents: FILE    a file in the repository, one JSON object per line, such as
                     {"at": "2026-03-02T10:00:00Z", "downtime": 120}

The larger of the two counts. `gate budget` shows what is left.""",
}

TERMS: Final[dict[str, str]] = {
    "base": "The tip of the branch that you merge into. gate reads the policy and CODEOWNERS there.",
    "head": "The commit to merge: HEAD, `--head REV`, or with `--staged` the index as it would be committed.",
    "merge-base": "The last common commit of base and head. git needs it for the merge.",
    "merge-result": "The tree that the merge would produce. Checks run on it (`gate explain mergeable`).",
    "change": "The difference between base and merge result, by path, with both paths of a rename.",
    "protected-branch": "A branch under `protect` in gate.yaml, or the default branch if there is no policy.",
    "code-owner": "A person or team that must approve changes to a file (`gate explain owners`).",
    "unowned": "A file without owners: no rule matches it, or the last matching rule lists none.",
    "approval": "A signed record that a person accepts exactly this change, or a review on a forge.",
    "objection": "A signed record, or a review that requests changes. It blocks until the same person withdraws it.",
    "discounted": "An approval that is recorded but doesn't count. `gate approvals` gives the reason for each.",
    "author": "Anyone who wrote, committed, or co-authored a commit of the change. Authors can't approve it.",
    "enforce": "With `enforce: false`, a branch, requirement, or check is evaluated and shown, but never blocks.",
    "policy": "The requirements of each branch: gate.yaml on the base branch, or the defaults without one.",
    "requirement": "One rule of the policy: met, not met, unknown, or not applicable.",
    "check": "A tool that runs on the merge result: names, lint, types, tests, or any command.",
    "finding": "One problem that a check reports, with a file and usually a line.",
    "new-finding": "A finding that the base branch doesn't have. `block: new` blocks only on these.",
    "weakening": "A change that makes a check report less, or that changes gate's rules (`gate explain guarded`).",
    "verdict": "The result of all requirements: pass, blocked, or undecided (`gate explain exit-codes`).",
    "record": "A signed entry of the approval log `refs/gate/log`: an approval, a revocation, a verdict, a quarantine…",
}


WHY_BLOCKED: Final[dict[str, str]] = {
    "blocked": "",
    "undecided": "gate-could-not-decide",
    "exit-codes": "",
    "broken": "a-check-could-not-run",
    "stale": "my-approval-doesnt-count",
    "discounted": "my-approval-doesnt-count",
    "objection": "objections",
    "mergeable": "mergeable",
    "owners": "owners",
    "approvals": "approvals",
    "seniority": "seniority",
    "guarded": "guarded",
    "checks": "checks",
}
"""The section of the page "Why am I blocked?" about each topic that has one; "" is the page as a whole."""


def groups() -> Mapping[str, Mapping[str, str]]:
    """Return every topic with its text, by the heading that lists it."""
    from gate.names.rules import RULES
    from gate.names.rules.pages import page
    from gate.weakenings.explanations import PAGES

    return {
        "Verdict": VERDICT,
        "Requirements": REQUIREMENTS,
        "Checks": CHECKS,
        "Releases": RELEASES,
        "Terms": TERMS,
        "Rules of the names check": {rule: page(rule) for rule in RULES},
        "What weakens checks (see guarded)": PAGES,
    }


def topics() -> dict[str, str]:
    """Return every topic with its text, with rules of the names check under their former ids as well."""
    from gate.names.rules import FORMER_IDS
    from gate.names.rules.pages import page_of_former

    current = {name: text for group in groups().values() for name, text in group.items()}
    return {name: page_of_former(name) for name in FORMER_IDS} | current


def read_more(name: str) -> str:
    """Return where the documentation says more about being blocked by this topic, or ""."""
    anchor = WHY_BLOCKED.get(re.sub("[ _]", "-", name.casefold()))
    return "" if anchor is None else f"docs/how-to/why-am-i-blocked.md{anchor and '#'}{anchor}"


def topic(name: str) -> str | None:
    """Return the text about `name`, ignoring case and how words are joined, or None."""
    return topics().get(re.sub("[ _]", "-", name.casefold())) or _of_a_tool(name)


def _of_a_tool(rule: str) -> str | None:
    """Return where a tool documents one of its rules, or None if no tool that gate runs has that rule."""
    if re.fullmatch(r"[A-Z]{1,5}\d{3,4}", rule):
        return f"A rule of ruff. Run `ruff rule {rule}` to read about it."
    if re.fullmatch(r"[a-z]+(?:-[a-z]+)*", rule):
        with suppress(ImportError):
            from mypy.errorcodes import error_codes

            if rule in error_codes:
                return f"An error code of mypy: https://mypy.rtfd.io/en/stable/_refs.html#code-{rule}"
    return None
