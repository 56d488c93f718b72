"""The style sheet of the HTML page, as one string, because the page is a single file."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f5f6f8; --ink: #1a1e24; --quiet: #59616d; --rule: #dde1e7;
  --no: #b3261e; --no-soft: #fdeceb; --yes: #17692f; --yes-soft: #e7f5ea;
  --open: #855300; --open-soft: #fdf3df; --link: #0b57d0; --yes-word: #a9e2b8; --no-word: #f6bcb7;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, sans-serif;
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #13161b; --panel: #1b1f26; --ink: #e5e8ed; --quiet: #a0a9b6; --rule: #2f3641;
    --no: #ff968d; --no-soft: #37191a; --yes: #74d38f; --yes-soft: #15301d;
    --open: #f1bd5b; --open-soft: #35280f; --link: #9cbcff; --yes-word: #25633a; --no-word: #77292b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.55 var(--sans); }
header, nav, main, footer { max-width: 58rem; margin: 0 auto; padding: 0 1.5rem; }
h1, h2, h3, p, ul, ol, dl, dd, pre, table { margin: 0; }
h1, .kicker, .says, .notes, .next li, h3, p, .quiet { overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; font-weight: 650; }
h2 { font-size: 1.2rem; line-height: 1.3; letter-spacing: -.005em; font-weight: 650; margin-bottom: .9rem; }
h3 { font-size: 1rem; font-weight: 650; margin: 1.6rem 0 .7rem; }
section { padding: 2rem 0; border-top: 1px solid var(--rule); }
section:first-child { border-top: 0; }
a { color: var(--link); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: 3px; }
code, pre, .path { font-family: var(--mono); font-size: .875em; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
.no { color: var(--no); } .yes { color: var(--yes); } .open { color: var(--open); }
ul, ol { padding: 0; list-style: none; }

.verdict { padding-top: 2.5rem; padding-bottom: 1.75rem; }
.verdict .kicker { font-size: .875rem; color: var(--quiet); margin-bottom: 1rem; }
.banner { display: flex; gap: 1.1rem; align-items: flex-start; }
.banner > svg { flex: none; width: 2.75rem; height: 2.75rem; margin-top: .1rem; }
.banner p { margin-top: .45rem; color: var(--quiet); }
.shape { fill: var(--no); } .pass .shape { fill: var(--yes); }
.undecided .shape, .pass.waived .shape { fill: var(--open); } .pass.neutral .shape { fill: var(--quiet); }
.sign { fill: none; stroke: var(--page); stroke-width: 3; stroke-linecap: round; stroke-linejoin: round; }

nav { padding-bottom: .25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; font-size: .9375rem; }
nav a { display: inline-block; padding: .25rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }

.next { background: var(--panel); border-radius: 10px; padding: 1.25rem 1.5rem; margin: 1.25rem 0 2rem; }
.next h2 { margin-bottom: .5rem; }
.next ol { list-style: decimal; padding-left: 1.4rem; }
.next li { padding: .15rem 0 .15rem .2rem; }
.next li::marker { color: var(--quiet); font-variant-numeric: tabular-nums; }
.notes { border-left: 4px solid var(--open); background: var(--open-soft); padding: .8rem 1.1rem; margin: 1.25rem 0 0; }

.board { display: grid; grid-template-columns: fit-content(14rem) max-content 1fr; gap: 0 1.1rem; }
.board > li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; padding: .6rem 0;
  border-top: 1px solid var(--rule); align-items: baseline; }
.board > li:first-child { border-top: 0; }
.board strong { font-weight: 600; overflow-wrap: anywhere; }
.state { font-size: .8125rem; font-weight: 600; border-radius: 99px; padding: .1rem .65rem; white-space: nowrap;
  justify-self: start; }
.state.no { background: var(--no-soft); } .state.yes { background: var(--yes-soft); }
.state.open { background: var(--open-soft); } .state.quiet { background: var(--panel); }

.people { list-style: none; padding: 0; margin: .25rem 0 .5rem; display: grid;
  grid-template-columns: fit-content(18rem) fit-content(14rem) 1fr; gap: 0 1.2rem; }
.next .ask { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: baseline;
  padding: .3rem 0; border-top: 1px solid var(--rule); }
.next .ask:first-child { border-top: 0; }
.who { font-weight: 600; overflow-wrap: anywhere; }
.ask .quiet { font-size: .875rem; }
.folders { overflow-wrap: anywhere; }
pre.copy { background: var(--page); border: 1px solid var(--rule); border-radius: 8px; padding: .5rem .8rem;
  margin: .3rem 0; white-space: pre-wrap; user-select: all; }
details { font-size: .9375rem; }
table + details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--quiet); padding: .15rem 0; width: fit-content; }
summary:hover { color: var(--ink); }
.paths { padding: .2rem 0 .2rem .9rem; border-left: 2px solid var(--rule); margin: .3rem 0; line-height: 1.5; }

.finding { border: 1px solid var(--rule); border-left: 4px solid var(--open); border-radius: 8px;
  margin: .5rem .8rem .6rem; padding: .55rem .9rem .65rem; background: var(--page); break-inside: avoid;
  font-family: var(--sans); font-size: .9375rem; white-space: normal; }
.finding.no { border-left-color: var(--no); color: var(--ink); }
.finding .where { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem 1rem;
  font-size: .875rem; color: var(--quiet); }
.finding .what { margin-top: .2rem; }
.finding .what code, .next code, .hint code, .board code {
  background: var(--panel); border-radius: 4px; padding: .08em .3em; }
.next code { background: var(--page); }
.hint { margin-top: .3rem; color: var(--ink); }
.hint b { color: var(--link); font-weight: 600; }
.code { border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; margin: .2rem 0 .9rem;
  font-family: var(--mono); font-size: .8125rem; line-height: 1.6; background: var(--panel); }
.row { display: grid; grid-template-columns: 2.6rem 2.6rem 1fr; gap: 0 .4rem; }
.row > i { font-style: normal; color: var(--quiet); text-align: right; user-select: none; }
.row > span { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0 .8rem 0 1.6rem; text-indent: -1rem; }
.row.added { background: var(--yes-soft); } .row.removed { background: var(--no-soft); }
.row b { font-weight: 400; border-radius: 3px; }
.row.added b { background: var(--yes-word); } .row.removed b { background: var(--no-word); }
.row.hit { box-shadow: inset 4px 0 var(--no); }
.row.gap { display: block; padding: 0 1rem; color: var(--quiet); }
.row mark { background: none; color: inherit; font-weight: 700;
  text-decoration: underline wavy var(--no) 1.5px; text-underline-offset: .28em; text-decoration-skip-ink: none; }
pre.output { background: var(--panel); border-radius: 8px; padding: .8rem 1rem; white-space: pre-wrap;
  margin-top: .6rem; }
.old li { padding: .2rem 0; overflow-wrap: anywhere; }

.file { border-top: 1px solid var(--rule); }
.file:first-child { border-top: 0; }
.file .line { display: flex; gap: .1rem .9rem; align-items: baseline; width: auto; padding: .4rem 0 .4rem 1.15rem;
  color: var(--ink); font-size: .9375rem; overflow-wrap: anywhere; }
.file .line > .path { flex: 1; }
h3.folder { margin: 1.4rem 0 .3rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); }
h3.folder .quiet { font-weight: 400; margin-left: .5rem; }
section > h3.folder:first-of-type { margin-top: 0; }
.subject { font-weight: 600; margin-bottom: .7rem; overflow-wrap: anywhere; }
.subject a { font-weight: 400; white-space: nowrap; margin-left: .4rem; }
.file summary.line { list-style: none; position: relative; }
.file summary.line::-webkit-details-marker { display: none; }
.file summary.line::before { content: ""; position: absolute; left: .1rem; top: .95em; border: .33rem solid transparent;
  border-left-color: var(--quiet); border-right: 0; }
.file details[open] > summary.line::before { transform: rotate(90deg); }
.file summary.line:hover .path { text-decoration: underline; text-underline-offset: .2em; }
.sizes { font-size: .8125rem; font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right; }
.sizes .added { color: var(--yes); } .sizes .removed { color: var(--no); }

table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; padding: .5rem 1rem .5rem 0; border-top: 1px solid var(--rule); vertical-align: baseline;
  overflow-wrap: anywhere; }
thead th { border-top: 0; overflow-wrap: normal; font-size: .8125rem; font-weight: 600; color: var(--quiet); }
tbody th { font-weight: 600; min-width: 7.5em; }
td:nth-child(2) { min-width: 5.5em; }
td:last-child, th:last-child { padding-right: 0; }
.word { white-space: nowrap; font-variant-numeric: tabular-nums; }
footer { padding-bottom: 3rem; }
footer dl { border-top: 1px solid var(--rule); padding-top: 1.5rem; margin-bottom: 1.25rem; }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; }

@media (max-width: 40rem) {
  header, nav, main, footer { padding-left: 1rem; padding-right: 1rem; }
  h1 { font-size: 1.5rem; }
  .banner { gap: .85rem; } .banner > svg { width: 2.25rem; height: 2.25rem; }
  .verdict { padding-top: 1.5rem; }
  .board { display: block; }
  .board > li { display: block; }
  .board .state { float: right; }
  .board .says { display: block; margin-top: .15rem; clear: both; }
  .people, .next .ask { display: block; }
  .ask .folders { display: block; }
  .next { padding: 1rem 1.1rem; }
  .row { grid-template-columns: 2rem 2rem 1fr; gap: 0 .3rem; }
  .row > span { padding: 0 .5rem 0 1.2rem; }
  .finding { margin: .4rem; padding: .5rem .6rem; }
  table { font-size: .875rem; }
  th, td { padding-right: .7rem; }
  .file .line { flex-wrap: wrap; font-size: .875rem; }
  .file .line > .path { flex: 1 0 100%; }
  .sizes:empty { display: none; }
  footer dl { grid-template-columns: 1fr; } footer dd { margin-bottom: .4rem; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --panel: #f5f6f8; --ink: #000; --quiet: #444; --rule: #bbb;
    --no: #a00; --no-soft: #fff; --yes: #060; --yes-soft: #fff; --open: #740; --open-soft: #fff; --link: #000;
    --yes-word: #bbe5c5; --no-word: #f5c6c2; }
  body { font-size: 10.5pt; }
  header, nav, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav { display: none; }
  section { padding: 1.2rem 0; }
  .shape, .row { print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
  details > * { display: revert; }
  summary { list-style: none; }
  a { text-decoration: none; }
}
@media (forced-colors: active) {
  .state { border: 1px solid; }
}
"""
