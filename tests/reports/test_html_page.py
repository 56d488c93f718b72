"""The HTML page: complete in itself, inert whatever is in it, and fit to be read by everybody."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from support.npm import install
from support.verdicts import (
    BLOCKED,
    BROKEN,
    CONFLICT,
    MANY,
    PASSED,
    STORIES,
    WRONG_KIND,
    changed,
    few,
    lines,
    verdicts,
)
from support.waiting import PATIENCE

from gate.model import Approval, Author, Duty, FileChange, Ran, ReviewRequest, Verdict
from gate.reports import ReportContext
from gate.reports.page import render

BEFORE = {
    "shortener/views.py": (
        "import json",
        "",
        "def import_links(app):",
        "    <b>raise</b>\x1b[0m",
        "\treturn 1",
    ),
    "static/app.js": ("GIF\0\1",),
}
CONTEXT = ReportContext(lines=lines, before=lambda path: BEFORE.get(path, ()), made="2026-11-27 13:50 UTC")
VOID = {"meta", "br", "path", "circle", "rect"}
# Everything that the page is made of; what strangers wrote must add nothing to it.
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "footer", "article",
    "div", "p", "h1", "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd", "a", "span", "strong", "b", "i", "br", "code",
    "pre", "mark", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "svg", "path", "circle", "rect",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "aria-label", "aria-labelledby",
    "aria-hidden", "role", "scope", "open", "viewbox", "preserveaspectratio", "d", "cx", "cy", "r", "x", "width",
    "height",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser makes of it: elements, attributes, text, and whether every element was closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_makes_a_whole_page_of_gates_own_elements(verdict: Verdict) -> None:
    page = Page(
        render(verdict, ReportContext(lines=lambda path: [path] * 5, before=lambda path: ["x", path]))
    )
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {link["href"] for link in page.named("a")} <= {f"#{name}" for name in names}


@pytest.mark.parametrize("name", STORIES)
def test_the_page_asks_for_nothing_and_forbids_everything_but_its_style(name: str) -> None:
    text = render(STORIES[name], CONTEXT)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert " style=" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)


def test_it_says_the_verdict_first_and_then_what_to_do() -> None:
    page = Page(render(BLOCKED, CONTEXT))
    order = [
        "Blocked: missing code owner approval; tests and names failed",
        "What to do next",
        "Fix what blocks the merge: 1 failure (tests) and 2 findings (names).",
        "Get approval from",
        "@nehemiah",
        "gate approve cccccccccccc --into main",
    ]
    order += ["not met", "Who", "needs approval from @nehemiah", "Duration"]
    places = [page.text.index(words, page.text.index("What to do next")) for words in order[2:]]
    assert places == sorted(places)
    assert order[0] in page.text


def test_a_folder_names_everyone_whose_approval_it_needs() -> None:
    change = replace(
        BLOCKED.change, files=tuple(replace(BLOCKED.change.files[0], path=path) for path in ("a/x", "b/x"))
    )
    reviewers = (
        ReviewRequest(("@ann",), 1, (Duty("senior reviewer for @sam", ("a/x", "b/x")),)),
        ReviewRequest(("@bob", "@cyd"), 1, (Duty("code owner", ("b/x",)),)),
    )
    text = Page(render(replace(BLOCKED, change=change, reviewers=reviewers), CONTEXT)).text
    assert text.count("needs approval from") == 2
    assert "needs approval from @ann and (@bob or @cyd)" in text


def test_beside_findings_only_the_files_that_have_some_are_open() -> None:
    change = replace(
        BLOCKED.change, files=(*BLOCKED.change.files, replace(BLOCKED.change.files[0], path="aa.py"))
    )
    text = render(
        replace(BLOCKED, change=change), replace(CONTEXT, lines=lambda _: ["x"], before=lambda _: ["y"])
    )
    assert '<details open><summary class="line"><span class="path">aa.py' not in text
    assert '<details><summary class="line"><span class="path">aa.py' in text


def test_it_names_the_branch_the_subject_and_the_request() -> None:
    context = replace(
        CONTEXT,
        source="import-v2",
        subject="Import <links>",
        request="#12",
        link="https://example.com/pull/12",
    )
    text = render(BLOCKED, context)
    assert '>Import &lt;links&gt; <a href="https://example.com/pull/12">#12</a>' in text
    assert "import-v2 into main · 4 files changed · by New Hire" in Page(text).text
    assert "javascript:" not in render(BLOCKED, replace(context, link="javascript:alert(1)"))


def test_everybody_to_ask_is_named_with_role_and_folders() -> None:
    people = tuple(
        ReviewRequest((f"@p{n}",), 1, (Duty("code owner", (f"d{n}/a", f"d{n}/b")),)) for n in range(20)
    )
    page = Page(render(replace(BLOCKED, reviewers=people), CONTEXT))
    for number in range(20):
        assert f"@p{number} code ownerd{number}/ (2 files)" in page.text


def test_a_review_on_the_forge_is_offered_beside_the_command() -> None:
    page = render(
        replace(BLOCKED, approve_with="`gate approve abc --into main`, or approve acme/shop#1"),
        ReportContext(),
    )
    assert "<p>or approve acme/shop#1</p>" in page


def test_a_passed_page_says_who_approved_which_files() -> None:
    files = tuple(file.path for file in PASSED.change.files)
    approvals = tuple(
        Approval(str(n) * 64, f"@p{n}", "approve", "ssh", counted=True, files=files, owned=(path,))
        for n, path in enumerate(files)
    )
    text = render(replace(PASSED, approvals=approvals), CONTEXT)
    for number, path in enumerate(files):
        assert (
            f'@p{number}</th><td><span class="yes">approved</span></td><td>{path} as code owner</td>' in text
        )
    assert "<details><summary>4 files</summary>" in text
    assert "What to do next" not in text


def test_a_finding_is_shown_inside_the_difference_below_its_line() -> None:
    text = render(BLOCKED, CONTEXT)
    line = text.index("<mark>json.loads</mark>(urls_file)")
    assert text.index("wrong-json-argument") > line
    assert "</div><div class=" in text[line : text.index("wrong-json-argument")]
    assert "<b>Help:</b> did you mean <code>json.load</code>?" in text
    assert text.count("wrong-json-argument") == 1


def test_a_mistake_that_three_checks_report_is_one_card() -> None:
    name = replace(WRONG_KIND, rule="undefined-name")
    checks = tuple(
        Ran(check, (finding,), (finding,), 0.1)
        for check, finding in (
            ("names", name), ("lint", replace(name, rule="F821")), ("types", replace(name, rule="name-defined"))
        )
    )  # fmt: skip
    page = Page(render(replace(BLOCKED, checks=checks), CONTEXT))
    assert page.text.count("shortener/views.py:5:9") == 1
    assert "Also reported by lint (F821), types (name-defined)." in page.text


def test_what_changed_since_the_base_is_shown_line_by_line_with_both_numbers() -> None:
    text = render(BLOCKED, CONTEXT)
    assert '<span class="added">+2</span> <span class="removed">−2</span>' in text
    assert (
        '<div class="row removed"><i>4</i><i></i><span>− ' + "    &lt;b&gt;raise&lt;/b&gt;\\x1b[0m</span>"
        in text
    )
    assert '<div class="row added"><i></i><i>4</i><span>+     with open' in text
    assert '<div class="row"><i>3</i><i>3</i><span>  def import_links(app):</span></div>' in text
    assert "\0" not in text


def test_the_words_that_changed_in_a_line_are_marked() -> None:
    context = replace(
        CONTEXT, lines=lambda _path: ["total = price * 2"], before=lambda _path: ["total = cost * 2"]
    )
    text = render(replace(PASSED, change=changed("a.py")), context)
    assert "<span>− total = <b>cost</b> * 2</span>" in text
    assert "<span>+ total = <b>price</b> * 2</span>" in text


def test_files_are_grouped_by_folder_those_with_findings_first() -> None:
    text = render(replace(BLOCKED, change=changed("a/x.py", "b/x.py", "shortener/views.py")), CONTEXT)
    folders = re.findall(r'<h3 class="folder"><span class="path">([^<]*)</span>', text)
    assert folders == ["shortener/", "tests/", "a/", "b/"]


def test_of_a_move_only_what_is_another_is_shown() -> None:
    change = replace(
        BLOCKED.change,
        files=(
            FileChange("shortener/views.py", "added", "", "100644", "", "2" * 40),
            FileChange("old.py", "deleted", "100644", "", "1" * 40, ""),
            FileChange("lib", "modified", "160000", "160000", "1" * 40, "2" * 40),
        ),
        renames={"shortener/views.py": "old.py"},
    )
    context = replace(CONTEXT, before=lambda _path: lines("shortener/views.py")[:4])
    page = Page(render(replace(BLOCKED, change=change), context))
    assert "+1 −0" in page.text
    assert "from old.py" in page.text
    assert "moved" in page.text
    assert f"submodule, {'1' * 12} to {'2' * 12}" in page.text


def test_a_large_difference_is_closed_and_cut() -> None:
    context = ReportContext(lines=lambda _path: [f"line {n}" for n in range(2000)])
    text = render(replace(BLOCKED, change=changed("a.py", "b.py")), context)
    assert text.count('<li class="file"><details><summary') == 2
    assert text.count("… and 1,600 more lines") == 2
    endless = replace(context, lines=lambda _path: ["x"] * 100_000)
    assert len(render(replace(BLOCKED, change=changed("a.py")), endless)) < 100_000


def test_it_says_when_it_was_decided() -> None:
    assert "Decided on 2026-11-27 13:50 UTC by gate" in Page(render(PASSED, CONTEXT)).text


def test_a_pass_by_waiver_does_not_look_like_any_other() -> None:
    waived = Approval("8" * 64, "@nehemiah", "waive", "ssh", counted=True, why="the site is down")
    text = render(replace(PASSED, approvals=(waived,)), CONTEXT)
    assert "<h1>Ready to merge (requirements waived) into main</h1>" in text
    assert '<body class="pass waived">' in text


@pytest.mark.parametrize("partial", [False, True])
def test_a_pass_with_a_reservation_is_neutral(partial: bool) -> None:
    unmet = replace(PASSED.outcomes[0], state="unmet", enforced=False)
    verdict = replace(
        PASSED, outcomes=PASSED.outcomes if partial else (unmet, *PASSED.outcomes[1:]), partial=partial
    )
    text = render(verdict, CONTEXT)
    assert '<body class="pass neutral">' in text
    assert ("<h1>Partial run passed</h1>" in text) is partial


@pytest.mark.parametrize("other", ["@ada", "@bob"])
def test_subfolders_with_the_same_owner_are_shown_with_the_folder_above(other: str) -> None:
    requests = (
        ReviewRequest(("@ada",), 1, (Duty("code owner", ("shop/a.py", "shop/b.py")),)),
        ReviewRequest((other,), 1, (Duty("code owner", ("shop/web/a.py",)),)),
    )
    change = changed("shop/a.py", "shop/b.py", "shop/web/a.py", "top.py")
    text = Page(render(replace(BLOCKED, checks=(), change=change, reviewers=requests), CONTEXT)).text
    assert ("shop/web/ 1 file · needs approval from @bob" in text) is (other == "@bob")
    assert ("shop/ 3 files · needs approval from @ada" in text) is (other == "@ada")
    assert "Top folder 1 file" in text


def test_a_passed_page_names_the_owners_who_approved_each_folder() -> None:
    paths = ("shop/a.py", "shop/web/a.py")
    approval = replace(PASSED.approvals[0], by="@ada", files=paths, owned=paths)
    text = Page(render(replace(PASSED, change=changed(*paths), approvals=(approval,)), CONTEXT)).text
    assert "shop/ 2 files · approved by @ada" in text


def test_existing_findings_are_folded_away() -> None:
    text = render(BLOCKED, CONTEXT)
    folded = re.search(
        r'<details class="old"><summary>12 existing findings, also on the base branch</summary>(.*?)</details>',
        text,
    )
    assert folded
    assert folded[1].count("<li>") == 12


def test_a_broken_check_shows_its_output_and_is_a_step_to_take() -> None:
    page = Page(render(BROKEN, CONTEXT))
    assert "types could not run: Run mypy . in the project's environment" in page.text
    assert "\\x1b[31mImportError\\x1b[0m: no `x`" in page.text


def test_a_conflict_names_the_files() -> None:
    page = Page(render(CONFLICT, CONTEXT))
    assert "2 files conflict with main" in page.text
    assert "b c.py" in page.text


def test_large_changes_stay_readable() -> None:
    huge = replace(MANY, change=changed(*(f"part_{n}.py" for n in range(5000))))
    text = render(huge, CONTEXT)
    assert "3,001 more files" in text
    assert len(text) < 2_000_000


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOK = """
const { chromium } = require('playwright-core');
(async () => {
  const browser = await chromium.launch({ executablePath: process.argv[2], args: ['--no-sandbox', '--disable-gpu',
    '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync'], timeout: 0 });
  const seen = [];
  for (const file of process.argv.slice(3))
    for (const colorScheme of ['light', 'dark'])
      for (const width of [1280, 390]) {
        const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
        context.setDefaultTimeout(0);
        const page = await context.newPage();
        const loud = [], asked = [];
        page.on('console', message => loud.push(message.text()));
        page.on('dialog', dialog => { loud.push('dialog'); dialog.dismiss(); });
        page.on('request', request => asked.push(request.url()));
        await page.goto('file://' + file);
        const styled = await page.evaluate(() => getComputedStyle(document.querySelector('.banner')).display);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        await page.keyboard.press('Tab');
        const focus = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        const other = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
        other.setDefaultTimeout(0);
        const judged = await other.newPage();
        await judged.goto('file://' + file);
        await judged.addScriptTag({ path: require.resolve('axe-core/axe.min.js') });
        const axe = await judged.evaluate(() => axe.run(document));
        const wrong = axe.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' '));
        seen.push({ file, colorScheme, width, loud, asked, styled, over, focus, wrong, rules: axe.passes.length });
        await context.close(); await other.close();
      }
  await browser.close();
  console.log(JSON.stringify(seen));
})();
"""


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """axe-core and a driver for the browser, from npm."""
    if not BROWSER:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`")
    folder = tmp_path_factory.mktemp("axe")
    install(folder, "axe-core@4", "playwright-core@1")
    return folder


@pytest.mark.slow
def test_in_a_real_browser(node_modules: Path, tmp_path: Path) -> None:
    """Light and dark, desktop and phone: no rule of axe broken, nothing requested, nothing too wide."""
    stories = {
        **STORIES,
        "authors": replace(PASSED, change=replace(PASSED.change, authors=(Author("A", "a@x"),) * 5)),
    }
    files = []
    for name, verdict in stories.items():
        file = tmp_path / f"{name}.html"
        file.write_text(render(verdict, CONTEXT), encoding="utf-8")
        files.append(str(file))
    script = node_modules / "look.cjs"
    script.write_text(LOOK)
    assert BROWSER
    done = subprocess.run(
        ["node", str(script), BROWSER, *files],
        cwd=node_modules,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=6 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    seen: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(seen) == 4 * len(files)
    for page in seen:
        assert page["wrong"] == [], page
        assert page["rules"] > 20
        assert page["loud"] == []
        assert page["asked"] == [f"file://{page['file']}"]
        assert page["styled"] == "flex"
        assert page["over"] <= 0, page
        assert page["focus"] == "solid"
