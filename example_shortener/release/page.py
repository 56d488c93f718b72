"""A page that says how it is: what runs, what is left of the budget, what was released, what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from release.budget import PROMISED, budget
from release.environments import Environment
from release.settings import Settings

SHOWN = 50
"""The newest records of each environment."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .6rem .3rem 0;
border-bottom: 1px solid #dde3ea; vertical-align: top; }
td:first-child { min-width: 6.5rem; } pre { white-space: pre-wrap; } meter { width: 100%; height: 1.2rem; }
.bad { color: #a8201a; font-weight: 600; } code { font-size: .9em; }
@media (prefers-color-scheme: dark) { body { background: #14181d; color: #dde3ea; } .bad { color: #ff8a80; } }
"""


def write_page(settings: Settings) -> Path:
    """Write the page, one file that needs nothing else; returns where it is."""
    sections = "".join(_section(Environment(settings, name)) for name in settings.environments)
    path = settings.folder / "status.html"
    beside = path.with_suffix(".new")
    beside.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Releases</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>Releases</h1><p>As of {_time(datetime.now(UTC).timestamp())}.</p>{sections}</html>\n",
        "utf-8",
    )
    beside.replace(path)
    return path


def _section(environment: Environment) -> str:
    state, left = environment.records.state(), budget(environment)
    live = f"<code>{state.live.revision[:9]}</code> {escape(state.live.subject)}" if state.live else "nothing"
    records = [record for record in reversed(environment.records.all()) if record["event"] in _SHOWN]
    rows = "".join(_row(record) for record in records[:SHOWN])
    return (
        f"<h2>{escape(environment.name)}</h2><p>Live: {live}</p>"
        f'<p><label>Downtime budget: {escape(str(left))}<br><meter min="0" max="{PROMISED:.0f}" low="300"'
        f' value="{max(left.left, 0):.1f}"></meter></label></p>'
        f"<table><tr><th>When<th>What<th>Release<th>By<th>Why</tr>{rows}</table>"
    )


def _row(record: dict[str, Any]) -> str:
    word, bad = _SHOWN[record["event"]]
    why = str(record.get("reason", ""))
    if record["event"] == "rolled back":
        seconds = record["ended"] - record["began"]
        why = f"{why}; {record['failed']} of {record['requests']} requests failed in {seconds:.1f} s"
    return (
        f"<tr><td>{_time(record['at'])}<td{' class=bad' if bad else ''}>{word}"
        f"<td><code>{escape(record['revision'][:9])}</code> {escape(record.get('subject', ''))}"
        f"<td>{escape(record['by'])}<td>{_in_short(why)}</tr>"
    )


def _in_short(text: str) -> str:
    """The first line, with the rest behind it for whoever wants to know."""
    first, _, rest = text.partition("\n")
    return escape(first) + (
        f"<details><summary>all of it</summary><pre>{escape(rest)}</pre></details>" if rest else ""
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_SHOWN = {
    "first": ("first release", False),
    "deployed": ("released", False),
    "refused": ("refused", False),
    "let through": ("let through", True),
    "rolled back": ("incident: taken back", True),
}
