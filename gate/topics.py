"""What `gate explain` tells: every requirement, check, rule and word that a message of gate's names.

The pages of rules are written from the catalogue of the `names` check.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

TOPICS: Final[dict[str, str]] = {
    "exit-codes": """\
0    may merge
1    blocked: a requirement is not met
2    wrong usage, or a mistake in gate.yaml or CODEOWNERS, with file, line and what was expected
3    could not decide: a check is broken, history is missing, a forge does not answer
130  interrupted

Only 0 lets a change pass.""",
    "mergeable": """\
A change can only be judged by what merging it would make. git itself makes that tree (`merge-tree`), without
touching your files. It cannot where files are in conflict, where the histories have nothing in common, or
where two paths of the result differ only in case or in Unicode form, so that some file systems would mix
them up. Nor may a change leave a gate.yaml or CODEOWNERS with mistakes: nothing could enter after it.

What to do: merge the branch into yours, resolve, commit, and check again.""",
    "owners": """\
Each changed file must be approved by its code owners, as the CODEOWNERS file at the base names them; the
change's own edits of it count for nothing. Both sides of a rename count. Authors, committers and co-authors
of the change cannot answer for it.

  no rule           no line matches the file: nobody is asked
  taken away        the last line that matches has no owners: nobody is asked
  unsatisfiable     the owners are nobody in `people`, an empty team, or all authors: this blocks, and the
                    message says what to mend

`gate owners --change` shows who owns what you touch, `gate owners --lint` mistakes in the file. In gate.yaml
`owners: false` turns this off; `owners: {stale: owned}` lets an approval of some files outlive changes of
others, `{stale: head}` binds it to the exact commit.""",
    "approvals": """\
At least so many people approve exactly this content, none of them an author (`approvals: 1` in gate.yaml).
`gate approve` signs the change with your SSH key and records it in `refs/gate/log`. It is bound to the
content: it survives a rebase and moves of the branch in other files, and is stale as soon as a file of the
change is another. An objection (`gate approve --block`) blocks until whoever made it takes it back.

`gate approvals` shows what counts, and for the rest why not. Reviews on a forge count as well where you say
so: `gate explain reviews`.""",
    "reviews": """\
`gate check --reviews github:OWNER/REPO#12` (`gitlab:GROUP/PROJECT!7`, `gitea:OWNER/REPO#3`, or `auto` in CI) counts
the reviews given there by the rules for signed approvals. A reviewer is a person of the policy by their login
(`people: {"@x": {github: login}}`). A review counts for the content of the commit that was reviewed; a request
for changes is an objection until the same person approves or it is dismissed.

The token comes from the environment: GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN. The forge is asked right before
the verdict; if it does not answer, or tells of another head than the one that is judged, nothing is decided.""",
    "seniority": """\
The work of a junior, or of somebody whom the policy does not know, needs the approval of the senior assigned
to them in `people`, or of any senior where none is assigned or the assigned one is an author.""",
    "guarded": """\
Whatever makes the gate see less needs a guardian: the policy and its people, every place of a CODEOWNERS
file, CI files and hooks, `.gitattributes`, weaker settings of a check, an older tool, new suppressions, skips
and hooks of pytest's, tests that are deleted, emptied or have fewer cases, modules, stubs and compiled code that
stand in front of the real ones, code where no tool looks, text that is not what it looks like, and the scripts
and plugins that checks run. Settings are compared by what they mean: a reordered pyproject.toml is no weakening.

Name guardians in gate.yaml: `guarded: ["@acme/guardians"]`.""",
    "history": """\
With `history: squash` in gate.yaml a change enters the branch as one commit. A merge brings every commit that a
change was made in, also what was put in and taken out again before the end: a secret, a file that is too large,
code that nobody has looked at. An approval is of the result, so nobody has approved those.

`gate merge` then squashes by itself. The server and the audit refuse a step that brings more than one commit.""",
    "checks": """\
names, lint (ruff), types (mypy), tests (pytest), and any command of the policy's, run on the tree that the
merge would make, in a clean checkout of gate's own below `.git/gate/`. A check that could not run, that told
nothing or whose answer cannot be read is broken, and never a pass. lint, types and names block on what the
change brings in (`block: new`), tests on every failure (`block: all`).

Results are kept by the content that decides them: asked again about the same tree, nothing runs.""",
    "environments": """\
What releases run in, such as staging and production: protected targets like branches, by the same policy and
records. In gate.yaml:

  protect:
    staging:    {kind: environment, require: {passed: [main]}}
    production: {kind: environment, require: {passed: [staging], soaked: {in: staging, for: 30m}}}

`gate check --into production --head REV` asks, `gate promote REV --into production` records: a signed verdict
in the log. The policy of the default branch counts. The last release that was recorded is in the environment;
to promote the one before it again is the way back, which is always open. Juniors can neither promote nor
approve a release.""",
    "passed": """\
The very commit went through the gates of other targets: `passed: [main, staging]`. Of a branch, `gate audit` has
to prove the step that made the commit; into an environment it was promoted, and was not rolled back there.""",
    "rolled-back": """\
A release that was rolled back in any environment goes out again, in any, only after somebody other than its authors
has approved it since: `gate approve REV --into ENVIRONMENT`. Always required; a fix is a new commit and needs none
of this.""",
    "soaked": """\
The release has been in another environment for so long in one go: `soaked: {in: staging, for: 30m}`. With
`healthy: QUERY`, Prometheus has to answer that query with something, and with nothing but other than 0, such
as `min_over_time(probe_success[30m])`.""",
    "metric": """\
What Prometheus answers to a query is within limits: `metric: [{query: …, below: 0.01}]`, each value of it. No
answer, and no data, is undecided and no pass. `prometheus: http://…` at the top of gate.yaml says where it is.""",
    "budget": """\
The downtime of the last 365 days, out of what was promised: `budget: {minutes: 20, risk: 1, low: 5}`. With less
left than a release may `risk`, nothing goes out but the way back; with less than `low`, a senior has to approve
the release. `downtime: QUERY` asks Prometheus for the seconds; `incidents: FILE` is a file in the repository,
a JSON object a line, such as {"at": "2026-03-02T10:00:00Z", "downtime": 120}. The larger of both counts.
`gate budget` says what is left.""",
    "names": """\
Finds misspelt names and calls of the wrong kind by reading alone: nothing of the tree is imported or run. It
reads Python files, the code cells of notebooks, and settings that name Python objects. `gate explain RULE`
tells about each of its rules, `gate check --fix` shows what is certain as a diff.

`# gate: ignore[RULE]` on a line leaves it alone, which is a weakening; `checks: {names: {disable: [RULE]}}`
in gate.yaml turns a rule off.""",
    "lint": "ruff, with the project's own settings: its own ruff where the project has one, else gate's.",
    "types": """\
mypy, with the project's own settings and the project's interpreter, so that it sees the dependencies. It also
looks into functions without annotations (`--check-untyped-defs`), unless the settings say otherwise. For a
project without settings of mypy, what is a matter of taste is left out.""",
    "tests": """\
pytest, in the project's interpreter, importing from the tree that is checked; a run that imported the project
from anywhere else is broken, as is one that did not come to its proper end. Every failure blocks; those that
fail at the base too are marked.""",
    "broken": """\
A check that could not say: it could not start, took too long, printed too much, ended before its end, or its
answer cannot be read. That is never a pass: gate exits with 3, unless something else has clearly said no.""",
    "stale": """\
An approval of other content than what would be merged now. `gate approvals` names the files that have changed
since; ask for it again.""",
    "waiver": """\
Break-glass: a guardian records, signed and with a reason, that this one change may enter although something
is missing (`gate approve --waive --reason …`). It is bound to the change, and shown loudly in the verdict, at
the merge and in the audit.""",
    "server": """\
`gate install --server` in the bare repository that everybody pushes to installs a pre-receive hook. A protected
branch then moves only in steps that `gate check` lets pass and `gate audit` can prove; it is never deleted or
rewound; the log of approvals only grows. One refused ref refuses the whole push.

What to do about a refusal: `gate check`, ask for the approvals that it names, and `gate merge REV --push`.""",
    "verdicts": """\
In gate.yaml, under the branch: `verdicts: ["@ci"]` says whose signed verdict stands for running the checks. CI calls
`gate check --record --key FILE`; the verdict holds for one repository, branch, base and content. Then the server
starts no check itself, `gate merge` waits for the verdict, and the audit accepts no other.""",
    "test-failed": """\
A test that failed or ended in an error, on the tree that the merge would make. `block: all` is the default for tests:
one that failed before the change blocks as well.

What to do: run it by itself; the finding's help says how.""",
    "exit-code": """\
A program that said no by its exit code alone: a command of the policy's with `report: none`, or pytest where it ended
with an error of its own. What it printed last is the message.""",
    "not-collected": """\
A file of tests that cannot be imported, so that none of its tests ran. Where all failures are of this kind and the base
has them too, they are no findings: the check could not run, with one reason.

What to do: import the file by itself; the finding's help says how.""",
    "coverage": """\
No test failed, but less of the code was run than the project's settings of coverage require.

What to do: test the new code, or lower the limit in a change of its own.""",
    "syntax": """\
A file that mypy cannot parse: a mistake, a template, or Python 2. The other files are checked without it.

What to do: correct it, or exclude it in the settings of mypy.""",
    "fewer-tests": """\
Fewer tests are collected than at the base, or not the same ones: one is gone, renamed, or left out by a setting. That
is a weakening, and needs a guardian (`gate explain guarded`).""",
    "environment": """\
gate runs each tool in the project's own environment: `python:` in gate.yaml, else UV_PROJECT_ENVIRONMENT, the
active VIRTUAL_ENV, `.venv`, `venv`, poetry's, conda's. Without one it runs with its own interpreter, which
does not see the project's dependencies: make one with
`python3 -m venv .venv && .venv/bin/pip install -e .`""",
}


WORDS: Final[dict[str, str]] = {
    "base": "The tip of the branch that would be merged into. Policy and code owners are read there.",
    "head": "The tip of what would be merged: HEAD, `--head REV`, or with `--staged` what the index would become.",
    "merge-base": "The commit at which base and head parted. It serves to merge; nothing is compared with it.",
    "change": "What entering would do: from the base to the merge result, by path, both sides of a rename.",
    "merge-result": "The tree that merging would make (`gate explain mergeable`). The checks run on it, and it lands.",
    "protected-branch": "A branch that is entered through the gate only: `protect` in gate.yaml, or the default one.",
    "code-owner": "Who has to approve changes of a file, by CODEOWNERS (`gate explain owners`).",
    "unowned": "Nobody owns the file: no rule matches it, or the last that does has no owners. They are told apart.",
    "approval": "A person's signed word that exactly this change may enter (`gate approve`), or a review on a forge.",
    "discounted": "Seen, and not counted: `gate approvals` gives the reason for each.",
    "author": "Whoever wrote, committed or co-wrote any commit of the change. Nobody approves their own.",
    "policy": "What a branch asks for: gate.yaml at the base, or the defaults where there is none.",
    "requirement": "One thing that the policy asks for: met, unmet, undecided, or not applicable.",
    "check": "A run that the policy has set up: names, lint, types, tests, or any command (`gate explain checks`).",
    "finding": "One thing that a check says about one place.",
    "new-finding": "A finding that is not there at the base. `block: new` stops at these only.",
    "weakening": "What makes a check see less, or changes the gate itself (`gate explain guarded`).",
    "verdict": "The answer to all requirements together: pass, blocked or undecided (`gate explain exit-codes`).",
    "record": "One signed line of the log in `refs/gate/log`: an approval, objection, waiver, revocation or verdict.",
    "blocked": "A requirement is not met: exit code 1. The report says who or what is missing, and how to get it.",
    "undecided": "What is needed to know cannot be had: exit code 3, and never a pass.",
}
"""What the documents and messages of gate call things."""


def topics() -> dict[str, str]:
    """Every topic with its text: the words above, the rules of the `names` check, and what weakens the gate."""
    from gate.names.catalogue import CATALOGUE, page
    from gate.weakenings.pages import PAGES

    return TOPICS | WORDS | {name: page(rule) for name, rule in CATALOGUE.items()} | PAGES


def topic(name: str) -> str | None:
    """The text about `name`, however it is capitalised and its words are joined; None where there is none."""
    return topics().get(re.sub("[ _]", "-", name.casefold())) or _of_a_tool(name)


def _of_a_tool(rule: str) -> str | None:
    """Where the tool itself tells about one of its rules; None if no tool of gate's has it."""
    if re.fullmatch(r"[A-Z]{1,5}\d{3,4}", rule):
        return f"A rule of ruff's. `ruff rule {rule}` tells about it (`gate explain lint`)."
    if re.fullmatch(r"[a-z]+(?:-[a-z]+)*", rule):
        with suppress(ImportError):
            from mypy.errorcodes import error_codes

            if rule in error_codes:
                page = f"https://mypy.rtfd.io/en/stable/_refs.html#code-{rule}"
                return f"A kind of error of mypy's: {page} (`gate explain types`)."
    return None
