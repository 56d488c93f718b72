"""Verdicts to render: a few realistic ones, and a strategy that generates any possible one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gate.finding import Finding
from gate.model import (
    Approval,
    Author,
    Broken,
    Change,
    Duty,
    FileChange,
    Missing,
    Outcome,
    Ran,
    ReviewRequest,
    Skipped,
    Verdict,
)
from gate.requirements.review_requests import lines_of

BASE, HEAD, TREE = "b" * 40, "c" * 40, "d" * 40
HOSTILE = (
    "\x1b[31mred\x1b[0m <script>alert(1)</script> ]]> \u202e '\"& --> <img src=x onerror=alert(1)> `x` "
    "| [a](b)\n::set-output name=a::b\r##[error]c\udcff\x00"
)


def changed(*paths: str) -> Change:
    files = tuple(FileChange(path, "modified", "100644", "100644", "1" * 40, "2" * 40) for path in paths)
    return Change(
        repository="acme/shortener",
        into="refs/heads/main",
        base=BASE,
        head=HEAD,
        merge_base=BASE,
        tree=TREE,
        base_tree="e" * 40,
        digest="f" * 64,
        authors=(Author("New Hire", "new@acme.example"),),
        files=files,
    )


CHANGE = changed("shortener/views.py", "shortener/export.py", "tests/test_views.py", "static/app.js")
MERGES = Outcome("mergeable", "met", "merges cleanly")
SOURCES = {
    "shortener/views.py": (
        "import json",
        "",
        "def import_links(app):",
        "    with open(app.config['URLS']) as urls_file:",
        "\treturn json.loads(urls_file)",
    )
}
WRONG_KIND = Finding(
    "shortener/views.py",
    5,
    9,
    5,
    "wrong-json-argument",
    "error",
    "`json.loads` reads text, and `urls_file` is an open file",
    "did you mean `json.load`?",
)
MISSPELT = Finding(
    "shortener/export.py",
    12,
    9,
    12,
    "unknown-attribute",
    "error",
    "module `json` has no attribute `laods`",
    "did you mean `json.loads`?",
)
OLD = tuple(
    Finding("shortener/old.py", line, 1, line, "F401", "warning", f"`m{line}` imported but unused", new=False)
    for line in range(1, 13)
)
FAILED = Finding(
    "tests/test_views.py", 31, 1, 31, "test-failed", "error", "test_import: assert 500 == 302", "pytest t"
)


def lines(path: str) -> Sequence[str]:
    return SOURCES.get(path, ())


PASSED = Verdict(
    "pass",
    CHANGE,
    (
        MERGES,
        Outcome("owners", "met", "approved by the owners of every changed file"),
        Outcome("checks", "met", "names, lint, tests passed"),
    ),
    (
        Ran("names", (), (), 0.2),
        Ran("lint", OLD, (), 0.04, cached=True, note="214 files"),
        Ran("tests", (), (), 3.21, note="41 passed"),
    ),
    (Approval("a" * 64, "@nehemiah", "approve", "ssh", counted=True, files=("shortener/views.py",)),),
)
REVIEWERS = (
    ReviewRequest(("@nehemiah",), 1, (Duty("code owner", ("shortener/export.py", "shortener/views.py")),)),
    ReviewRequest(("@acme/web", "@ana"), 2, (Duty("code owner", ("static/app.js",)),)),
)
APPROVE_WITH = f"`gate approve {HEAD[:12]} --into main`"
BLOCKED = Verdict(
    "blocked",
    CHANGE,
    (
        MERGES,
        Outcome(
            "owners",
            "unmet",
            "3 of 4 files need approval from a code owner",
            (
                Missing(
                    ("shortener/export.py", "shortener/views.py"), 1, ("@nehemiah",), ".github/CODEOWNERS:3"
                ),
                Missing(("static/app.js",), 2, ("@acme/web", "@ana"), ".github/CODEOWNERS:7"),
            ),
            tuple(lines_of(REVIEWERS, APPROVE_WITH)),
        ),
        Outcome("checks", "unmet", "failed: tests (1), names (2)"),
    ),
    (
        Ran("tests", (FAILED,), (FAILED,), 3.21, note="1 failed, 40 passed"),
        Ran("names", (WRONG_KIND, MISSPELT), (WRONG_KIND, MISSPELT), 0.21),
        Ran("lint", OLD, (), 0.04, cached=True, note="214 files"),
    ),
    (
        Approval("1" * 64, "@newhire", "approve", "ssh", counted=False, why="wrote a part of this change"),
        Approval("2" * 64, "@old", "approve", "github", counted=False, why="stale: app.js changed since"),
        Approval("3" * 64, "@pedro", "block", "ssh", counted=True, why="the export leaks keys"),
    ),
    reviewers=REVIEWERS,
    approve_with=APPROVE_WITH,
)
BROKEN = Verdict(
    "undecided",
    CHANGE,
    (
        MERGES,
        Outcome("owners", "not_applicable", "no CODEOWNERS file on the base branch"),
        Outcome("checks", "undecided", "types could not run; tests did not run"),
    ),
    (
        Ran("names", (), (), 0.2),
        Broken(
            "types",
            "mypy ended with exit code 2 and printed nothing that could be read",
            "run `mypy .` in the project's environment to see for yourself",
            1.2,
            "".join(f"frame {n}\n" for n in range(20)) + "\x1b[31mImportError\x1b[0m: no `x`\n",
        ),
        Skipped("tests", "types had said no"),
    ),
    (),
    ("Partial run (`--only names types tests`): not a merge decision.",),
)
CONFLICT = Verdict(
    "blocked",
    replace(CHANGE, tree="", merge_blocker="2 files conflict with main", conflicts=("a.py", "b c.py")),
    (
        Outcome(
            "mergeable",
            "unmet",
            "2 files conflict with main",
            (Missing(("a.py", "b c.py"), 0, (), ""),),
            ("merge main into your branch, resolve the conflicts, and commit",),
        ),
        Outcome("checks", "undecided", "there is no merge result to check"),
    ),
    (),
    (),
)
MANY = replace(
    BLOCKED,
    change=changed(*(f"part_{n}.py" for n in range(30))),
    outcomes=(
        Outcome(
            "owners",
            "unmet",
            "29 of 30 files need approval from a code owner",
            (Missing(tuple(f"part_{n}.py" for n in range(29)), 1, ("@nehemiah",), "CODEOWNERS:1"),),
        ),
        Outcome(
            "guarded",
            "unmet",
            "1 weakened check in 1 file: needs approval from a guardian",
            (Missing(("part_3.py",), 1, ("@acme/guardians",), "gate.yaml: protect.main.require.guarded"),),
            ("get approval from a guardian, or revert what weakens the checks: `part_3.py:4`",),
            (
                Finding(
                    "part_3.py",
                    4,
                    1,
                    4,
                    "suppression",
                    "error",
                    "`# type: ignore` hides what mypy says of this line",
                ),
            ),
        ),
    ),
    checks=(
        Ran(
            "lint",
            (*OLD, *(replace(WRONG_KIND, line=n) for n in range(1, 41))),
            tuple(replace(WRONG_KIND, line=n) for n in range(1, 41)),
            0.1,
        ),
    ),
    approvals=(),
    reviewers=(
        ReviewRequest(("@nehemiah",), 1, (Duty("code owner", tuple(f"part_{n}.py" for n in range(29))),)),
        ReviewRequest(("@acme/guardians",), 1, (Duty("guardian", ("part_3.py",)),)),
    ),
)
_EVIL_FINDING = Finding(HOSTILE, 1, 3, 1, HOSTILE, "error", HOSTILE, HOSTILE)
EVIL = Verdict(
    "blocked",
    replace(changed(HOSTILE), into=f"refs/heads/{HOSTILE}", repository=HOSTILE),
    (
        Outcome(
            "owners",
            "unmet",
            HOSTILE,
            (Missing((HOSTILE,), 1, (HOSTILE,), HOSTILE),),
            (HOSTILE,),
            (_EVIL_FINDING,),
        ),
    ),
    (Ran("names", (_EVIL_FINDING,), (_EVIL_FINDING,), 1.0), Broken("types", HOSTILE, HOSTILE, 1.0, HOSTILE)),
    (Approval(HOSTILE, HOSTILE, "approve", "ssh", counted=False, why=HOSTILE),),
    (HOSTILE,),
    (ReviewRequest((HOSTILE, "@x"), 1, (Duty(HOSTILE, (HOSTILE,)), Duty("code owner", (HOSTILE,)))),),
    HOSTILE,
)
STORIES = {
    "passed": PASSED,
    "blocked": BLOCKED,
    "broken": BROKEN,
    "conflict": CONFLICT,
    "many": MANY,
    "hostile": EVIL,
}


# A verdict is a large thing to make up; this many find what there is to find.
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# What git's bytes can decode to, and a few things that formats choke on.
_characters = st.characters(exclude_categories=["Cs"]) | st.integers(0xDC80, 0xDCFF).map(chr)
_nasty = st.sampled_from(
    [
        "\x1b[2J",
        "::error::",
        "##[group]",
        "]]>",
        "<script>",
        "&amp;",
        "\u202e",
        "\n",
        "\r\n",
        '"',
        "'",
        "`",
        "|",
    ]
)
texts = st.lists(st.text(_characters, max_size=12) | _nasty, max_size=4).map("".join)
paths = texts.filter(lambda text: text != "" and "\0" not in text)
seconds = st.floats(0, 5000)
findings = st.builds(
    Finding,
    path=texts,
    line=st.integers(0, 5),
    column=st.integers(0, 30),
    end_line=st.integers(0, 9),
    rule=texts,
    severity=st.sampled_from(["error", "warning", "note"]),
    message=texts,
    hint=texts,
    new=st.booleans(),
)


@st.composite
def _ran(draw: st.DrawFn) -> Ran:
    found = draw(st.lists(findings, max_size=4))
    blocking = tuple(finding for finding in found if draw(st.booleans()))
    note = draw(texts)
    return Ran(draw(texts), tuple(found), blocking, draw(seconds), draw(st.booleans()), note)


results = _ran() | st.builds(Broken, texts, texts, texts, seconds, texts) | st.builds(Skipped, texts, texts)
missing = st.builds(
    Missing,
    st.lists(paths, max_size=3).map(tuple),
    st.integers(0, 3),
    st.lists(texts, max_size=3).map(tuple),
    texts,
)
outcomes = st.builds(
    Outcome,
    st.sampled_from(["owners", "checks", "guarded"]) | texts,
    st.sampled_from(["met", "unmet", "not_applicable", "undecided"]),
    texts,
    st.lists(missing, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(findings, max_size=2).map(tuple),
)
oids = st.sampled_from(["", "a" * 40, "b" * 40])
file_changes = st.builds(
    FileChange,
    paths,
    st.sampled_from(["added", "modified", "deleted"]),
    st.sampled_from(["", "100644", "100755", "120000"]),
    st.sampled_from(["", "100644", "100755", "160000"]),
    oids,
    oids,
)
changes = st.builds(
    Change,
    repository=texts,
    into=texts.map("refs/heads/".__add__),
    base=oids,
    head=oids,
    merge_base=oids,
    tree=oids,
    base_tree=oids,
    digest=oids,
    authors=st.lists(st.builds(Author, texts, texts), max_size=4).map(tuple),
    files=st.lists(file_changes, max_size=4).map(tuple),
    renames=st.dictionaries(paths, paths, max_size=2),
    merge_blocker=texts,
    conflicts=st.lists(paths, max_size=2).map(tuple),
    staged=st.booleans(),
)
approvals = st.builds(
    Approval,
    texts,
    texts,
    st.sampled_from(["approve", "block", "waive"]),
    st.sampled_from(["ssh", "github", "gitlab", "gitea"]),
    st.booleans(),
    texts,
    st.lists(paths, max_size=2).map(tuple),
)
duties = st.builds(
    Duty,
    st.sampled_from(["code owner", "reviewer"]) | texts,
    st.lists(paths, min_size=1, max_size=3).map(tuple),
)
review_requests = st.builds(
    ReviewRequest,
    st.lists(texts, min_size=1, max_size=3).map(tuple),
    st.integers(1, 3),
    st.lists(duties, min_size=1, max_size=2).map(tuple),
)
verdicts = st.builds(
    Verdict,
    st.sampled_from(["pass", "blocked", "undecided"]),
    changes,
    st.lists(outcomes, max_size=3).map(tuple),
    st.lists(results, max_size=3).map(tuple),
    st.lists(approvals, max_size=3).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(review_requests, max_size=2).map(tuple),
    texts,
)
