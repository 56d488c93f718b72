"""What `gate explain` prints: every requirement, check, rule and term that a message of gate uses.

Each text starts with one line that says it all, which is what the list of topics shows. The pages of rules are written
from the catalogue of the `names` check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

VERDICT: Final[dict[str, str]] = {
    "exit-codes": """\
What the exit codes 0, 1, 2, 3 and 130 mean.

0    ready to merge
1    blocked: a requirement is not met
2    usage error, or an error in gate.yaml or CODEOWNERS, reported with file, line and what was expected
3    could not decide: a check failed to run, history is missing, or a forge did not respond
130  interrupted

Only 0 lets a change merge.""",
    "blocked": """\
A requirement is not met: exit code 1.

The report lists what to fix and whose approval is missing, with the command that gives it.""",
    "undecided": """\
gate could not decide: exit code 3, which is never a pass.

A check failed to run, history is missing (a shallow clone), or a forge did not respond. The report says which.""",
    "broken": """\
A check that failed to run, which is never a pass.

The tool could not start, timed out, printed too much, exited early, or printed something that cannot be parsed.
gate exits with 3, unless a requirement is clearly not met.

What to do: run the tool yourself; the report shows the end of its output.""",
    "stale": """\
An approval of content that has changed since.

`gate approvals` lists the files that changed. What to do: ask the person to approve again.""",
}

REQUIREMENTS: Final[dict[str, str]] = {
    "mergeable": """\
The change merges cleanly into the branch.

gate evaluates the tree that the merge would produce. git makes that tree (`git merge-tree`) without touching your
files. There is none if files conflict, if the histories are unrelated, or if two paths of the result differ only in
case or Unicode form, which some file systems cannot hold. A change that would leave gate.yaml or CODEOWNERS invalid
is blocked too, because nothing could merge after it.

What to do: merge the branch into yours, resolve the conflicts, and commit.""",
    "owners": """\
Every changed file is approved by its code owners.

Owners are read from the CODEOWNERS file on the base branch; a change cannot edit who approves it. Both paths of a
rename count. Authors, committers and co-authors of the change cannot approve it.

  no matching rule     nobody needs to approve the file
  explicitly unowned   the last matching line has no owners: nobody needs to approve the file
  cannot be satisfied  no owner is listed in `people`, a team is empty, or every owner is an author: blocks

`gate owners --change` shows who owns the files you changed, `gate owners --lint` mistakes in the file. In gate.yaml,
`owners: false` turns the requirement off, `owners: {stale: owned}` keeps an approval valid when other people's files
change, and `owners: {stale: head}` ties it to the exact commit.""",
    "approvals": """\
Enough people have approved exactly this content.

`approvals: 1` in gate.yaml asks for one person who is not an author. `gate approve` signs the change with your SSH
key and records the approval in `refs/gate/log`. The approval is tied to the content: it stays valid after a rebase,
and becomes stale when any file of the change differs. An objection (`gate approve --block`) blocks until the person
withdraws it.

`gate approvals` lists what counts, and why the rest does not. Reviews on a forge can count as well:
`gate explain reviews`.""",
    "reviews": """\
Reviews on GitHub, GitLab or Gitea count as approvals.

`gate check --reviews github:OWNER/REPO#12` (or `gitlab:GROUP/PROJECT!7`, `gitea:OWNER/REPO#3`, or `auto` in CI)
applies the rules for signed approvals to them. A reviewer is matched to a person in gate.yaml by login
(`people: {"@x": {github: login}}`). A review counts for the commit that was reviewed. A request for changes is an
objection until the same person approves or the review is dismissed.

The token is read from GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN. The forge is queried last; if it does not respond,
or reports another head commit, gate cannot decide.""",
    "seniority": """\
A senior has approved the work of juniors and unknown authors.

An author that the policy does not list counts as junior. If `people` assigns a senior to the author, that person
has to approve; otherwise any senior can.""",
    "guarded": """\
Changes that weaken checks, or that change gate itself, need approval from a guardian.

A guardian is a policy administrator: `guarded: ["@acme/guardians"]` in gate.yaml. These changes need one: the policy
and its people, CODEOWNERS, CI files, hooks, `.gitattributes`, looser tool settings, an older tool, new suppressions
(`# noqa`, `# type: ignore`), skipped, deleted or emptied tests, modules and stubs that shadow others, code where no
tool looks, invisible characters, and the scripts and plugins that checks run. Settings are compared by meaning, so a
reformatted pyproject.toml is fine.

What to do: revert the change that the report points at, or ask a guardian to approve it.""",
    "history": """\
A change is merged as a single commit.

With `history: squash` in gate.yaml, the branch accepts one commit for each change. A merge would also bring in
commits that were undone later: a leaked secret, a large file, code nobody reviewed.

`gate merge` squashes by itself. The server and the audit reject a merge of more than one commit.""",
    "checks": """\
Every required check passed on the merge result.

Checks are names, lint (ruff), types (mypy), tests (pytest), and any command of the policy. They run on the tree that
the merge would produce, in a clean checkout below `.git/gate/`. A check that fails to run never passes. lint, types
and names block on new findings (`block: new`), tests on every failure (`block: all`).

Results are cached by content: a second run on the same tree runs nothing.""",
    "verdicts": """\
A verdict signed in CI replaces running the checks again.

`verdicts: ["@ci"]` under a branch in gate.yaml says whose verdicts are trusted. CI runs
`gate check --record --key FILE`. A verdict is valid for one repository, branch, base and content. The server then
runs no checks itself, `gate merge` waits for the verdict, and the audit accepts nothing else.""",
    "waiver": """\
Emergency override: a guardian lets one change bypass its requirements.

`gate approve --waive --reason "outage 4711"` records the waiver, signed and with the reason. It covers this change
only, never merge conflicts, and is shown in the verdict, the merge commit and the audit.""",
    "server": """\
A pre-receive hook checks every push to a protected branch.

`gate install --server` installs it in the bare repository that everybody pushes to. A protected branch then accepts
only merges that `gate check` passes and `gate audit` can verify; it cannot be deleted or rewound, and approval
records cannot be removed. One rejected ref rejects the whole push.

What to do if a push is rejected: run `gate check`, get the approvals that it lists, and `gate merge REV --push`.""",
}

CHECKS: Final[dict[str, str]] = {
    "names": """\
Finds misspelled names and wrong calls without running any code.

It reads Python files, notebook cells, and settings that refer to Python objects. `gate explain RULE` describes each
rule; `gate check --fix` shows safe fixes as a diff.

`# gate: ignore[RULE]` suppresses one line, which needs approval from a guardian.
`checks: {names: {disable: [RULE]}}` in gate.yaml turns a rule off.""",
    "lint": """\
Runs ruff with the project's settings.

The project's own ruff is used if it has one, otherwise the one installed with gate.""",
    "types": """\
Runs mypy with the project's settings and interpreter.

Functions without annotations are checked as well (`--check-untyped-defs`), unless the settings say otherwise. In a
project without mypy settings, matters of style are not reported.""",
    "tests": """\
Runs pytest in the project's interpreter on the merge result.

A run that imports the project from anywhere else, or that does not finish, is broken. Every failure blocks; those
that fail on the base branch too are marked.""",
    "test-failed": """\
A test failed on the merge result.

`block: all` is the default for tests, so a test that already failed on the base branch blocks as well.

What to do: run it by itself; the finding shows the command.""",
    "exit-code": """\
A program reported failure with its exit code alone.

It is a command of the policy with `report: none`, or pytest when it ends with an error of its own. The last lines of
its output are the message.""",
    "not-collected": """\
A test file cannot be imported, so none of its tests ran.

If every failure is of this kind and the base branch has them too, the check is reported as broken instead, with one
reason.

What to do: import the file by itself; the finding shows the command.""",
    "not-started": """\
The tests can't start on the merge result, but they do on the base branch.

Often the code imports a package that no dependency file declares, or `conftest.py` or a setting is wrong. The message
is the error.

What to do: declare the package, or run the tests by themselves to see the whole error.""",
    "coverage": """\
All tests passed, but less code was executed than the project's coverage settings require.

What to do: test the new code, or lower the limit in a separate change.""",
    "syntax": """\
mypy cannot parse a file: a syntax error, a template, or Python 2.

The other files are checked without it. What to do: fix the file, or exclude it in mypy's settings.""",
    "fewer-tests": """\
Fewer tests, or other tests, are collected than on the base branch.

A test was removed, renamed, or excluded by a setting. That weakens the check and needs approval from a guardian
(`gate explain guarded`).""",
    "environment": """\
How gate finds the Python environment that tools run in.

In this order: `python` in gate.yaml, UV_PROJECT_ENVIRONMENT, the active VIRTUAL_ENV, `.venv`, `venv`, poetry, conda.
Without one, tools run in gate's own interpreter and cannot import the project's dependencies.

What to do: create one, for example `python3 -m venv .venv && .venv/bin/pip install -e .`""",
}

RELEASES: Final[dict[str, str]] = {
    "environments": """\
Protected targets for releases, such as staging and production.

In gate.yaml:

  protect:
    staging:    {kind: environment, require: {passed: [main]}}
    production: {kind: environment, require: {passed: [staging], soaked: {in: staging, for: 30m}}}

`gate check --into production --head REV` evaluates a release; `gate promote REV --into production` records it. The
policy of the default branch applies. The last recorded release is the one deployed; rolling back to the one before
it is always allowed. Juniors can neither promote nor approve a release.""",
    "passed": """\
The same commit has passed other targets first.

`passed: [main, staging]`: for a branch, `gate audit` has to verify the merge that made the commit; for an
environment, the commit was promoted there and not rolled back.""",
    "rolled-back": """\
A release that was rolled back needs a new approval.

It can go out again, in any environment, only after somebody other than its authors has approved it since:
`gate approve REV --into ENVIRONMENT`. This is always required. A fix is a new commit and is not affected.""",
    "soaked": """\
The release has run in another environment for long enough.

`soaked: {in: staging, for: 30m}` asks for 30 minutes without interruption. With `healthy: QUERY`, Prometheus has to
return data for the query and no value of 0, for example `min_over_time(probe_success[30m])`.""",
    "metric": """\
The values of a Prometheus query are within limits.

`metric: [{query: …, below: 0.01}]` applies to every value that the query returns. No answer and no data block.
`prometheus: http://…` at the top of gate.yaml sets the address.""",
    "budget": """\
Enough of the downtime budget of the last 365 days, or of the window in the SLO file, is left.

`budget: {minutes: 20, risk: 1, low: 5}`: with less than `risk` left, only a rollback is allowed; with less than `low`
left, a senior has to approve the release. `downtime: QUERY` asks Prometheus for the seconds; `incidents: FILE` is a
file in the repository with one JSON object a line, such as {"at": "2026-03-02T10:00:00Z", "downtime": 120}. The
larger of the two counts. `gate budget` shows what is left.""",
}

TERMS: Final[dict[str, str]] = {
    "base": "The tip of the branch that is merged into. Policy and code owners are read there.",
    "head": "The commit to merge: HEAD, `--head REV`, or with `--staged` the index as it would be committed.",
    "merge-base": "The last common commit of base and head. It is used to merge, not to compare.",
    "merge-result": "The tree that the merge would produce. Checks run on it (`gate explain mergeable`).",
    "change": "The difference between base and merge result, by path, with both paths of a rename.",
    "protected-branch": "A branch under `protect` in gate.yaml, or the default branch if there is no policy.",
    "code-owner": "A person or team that has to approve changes to a file (`gate explain owners`).",
    "unowned": "A file that nobody owns: no rule matches it, or the last matching rule has no owners.",
    "approval": "A signed record that a person accepts exactly this change, or a review on a forge.",
    "discounted": "Recorded but not counted. `gate approvals` gives the reason for each.",
    "author": "Anyone who wrote, committed or co-authored a commit of the change. Authors cannot approve it.",
    "policy": "What a branch requires: gate.yaml on the base branch, or the defaults without one.",
    "requirement": "One rule of the policy: met, not met, unknown, or not applicable.",
    "check": "A tool that runs on the merge result: names, lint, types, tests, or any command.",
    "finding": "One problem that a check reports at one place.",
    "new-finding": "A finding that is not on the base branch. `block: new` blocks on these only.",
    "weakening": "A change that makes a check find less, or that changes gate itself (`gate explain guarded`).",
    "verdict": "The result of all requirements: pass, blocked or undecided (`gate explain exit-codes`).",
    "record": "A signed entry of the approval log `refs/gate/log`: approval, objection, waiver, revocation, verdict.",
}


def groups() -> Mapping[str, Mapping[str, str]]:
    """Every topic with its text, by the heading under which the list shows it."""
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
    """Every topic with its text, and the rules of the names check by their former ids as well."""
    from gate.names.rules import FORMER_IDS
    from gate.names.rules.pages import page_of_former

    current = {name: text for group in groups().values() for name, text in group.items()}
    return {name: page_of_former(name) for name in FORMER_IDS} | current


def topic(name: str) -> str | None:
    """The text about `name`, however it is capitalized and its words are joined; None if there is none."""
    return topics().get(re.sub("[ _]", "-", name.casefold())) or _of_a_tool(name)


def _of_a_tool(rule: str) -> str | None:
    """Where a tool documents one of its own rules; None if it is a rule of no tool that gate runs."""
    if re.fullmatch(r"[A-Z]{1,5}\d{3,4}", rule):
        return f"A rule of ruff. Run `ruff rule {rule}` to read about it."
    if re.fullmatch(r"[a-z]+(?:-[a-z]+)*", rule):
        with suppress(ImportError):
            from mypy.errorcodes import error_codes

            if rule in error_codes:
                return f"An error code of mypy: https://mypy.rtfd.io/en/stable/_refs.html#code-{rule}"
    return None
