"""The history of benchmark results: a line of JSON for each figure, and a chart of them.

    python benchmarks/history.py run check.py PROJECT    run a benchmark, and append its figures to history.jsonl
    python benchmarks/history.py draw                    draw docs/images/benchmarks.svg
    python benchmarks/history.py compare                 exit 1 if a figure is worse than its median by a quarter

A figure is a share, or a ratio to something measured in the same run, because seconds of two machines, or of two days
on one machine, can't be compared. Less is better. `version` is that of the checkout, and `machine` says where it ran.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_name("history.jsonl")
PICTURE = ROOT / "docs" / "images" / "benchmarks.svg"
VARIABLE = "GATE_BENCHMARK_HISTORY"
"""The environment variable with the file that figures are appended to; without it they are only printed."""
WORSE = 1.25
"""A figure that is more than so many times its median is worse: ratios of alternating runs vary by 10 %."""
WIDTH, PANEL, LEFT, RIGHT = 760, 46, 380, 70
Figure = dict[str, Any]


def record(measure: str, value: float, subject: str | None = None, **details: float) -> None:
    """Append a figure of the running benchmark, if recording is enabled.

    `subject` is what it runs on, by default its first argument. `details` are recorded with it, in seconds.
    """
    target = os.environ.get(VARIABLE)
    if not target:
        return
    if subject is None:
        subject = next((Path(word).name for word in sys.argv[1:] if not word.startswith("-")), "")
    line = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "version": version(),
        "machine": machine(),
        "benchmark": Path(sys.argv[0]).stem,
        "subject": subject,
        "measure": measure,
        "value": round(value, 4),
        **{name: round(seconds, 4) for name, seconds in details.items()},
    }
    with Path(target).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")


def version() -> str:
    """Return the version of the checkout: last tag, commits since, and commit, with `-dirty` if it has changes."""
    command = ["git", "describe", "--always", "--tags", "--dirty"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def machine() -> str:
    """Return the relevant facts about the machine: `Linux x86_64, 2 cores, Python 3.11.7`."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def read(file: Path = FILE) -> list[Figure]:
    """Return every figure of the history, oldest first."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def series(figures: list[Figure]) -> dict[str, list[Figure]]:
    """Group the figures by what was measured: benchmark, subject, and measure."""
    by_name: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        parts = (figure["benchmark"], figure["subject"], figure["measure"])
        by_name[" · ".join(part for part in parts if part)].append(figure)
    return dict(by_name)


def worse(figures: list[Figure]) -> list[str]:
    """Return a line for each measure whose last figure is worse than the median of earlier ones on such a machine."""
    lines = []
    for name, items in series(figures).items():
        *earlier, last = items
        values = [item["value"] for item in earlier if item["machine"] == last["machine"]]
        if values and last["value"] > WORSE * median(values):
            lines.append(
                f"{name}: {last['value']:.2f} at {last['version']}, median before {median(values):.2f}"
            )
    return lines


def draw(figures: list[Figure]) -> str:
    """Return an SVG with a row for each measure: its name, its curve, oldest first, and the last value."""
    rows = []
    for number, (name, items) in enumerate(sorted(series(figures).items())):
        top = number * PANEL
        values = [item["value"] for item in items]
        most = max([*values, 1e-9])
        step = (WIDTH - LEFT - RIGHT) / max(len(values) - 1, 1)
        points = [
            (LEFT + index * step, top + PANEL - 10 - value / most * (PANEL - 20))
            for index, value in enumerate(values)
        ]
        curve = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        x, y = points[-1]
        rows += [
            f'<text x="0" y="{top + PANEL - 12}">{escape(name)}</text>',
            f'<polyline points="{curve}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
            f'<text x="{WIDTH}" y="{top + PANEL - 12}" text-anchor="end">{values[-1]:.2f}</text>',
        ]
    height = max(PANEL * len(rows) // 3, PANEL)
    style = (
        "text{font:13px sans-serif;fill:#1f2328}polyline{fill:none;stroke:#0969da;stroke-width:1.5}"
        "circle{fill:#0969da}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="What the benchmarks measured, version after version">'
    )
    return "\n".join([head, f"<style>{style}</style>", *rows, "</svg>", ""])


def main() -> int:
    """Run a benchmark, draw the history, or compare the last figures with earlier ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "draw", "compare"))
    parser.add_argument(
        "benchmark", nargs=argparse.REMAINDER, help="a file of this folder, and its arguments"
    )
    options = parser.parse_args()
    match options.what:
        case "run":
            script, *arguments = options.benchmark
            command = [sys.executable, str(FILE.with_name(script)), *arguments]
            return subprocess.run(command, env={**os.environ, VARIABLE: str(FILE)}, check=False).returncode
        case "draw":
            PICTURE.write_text(draw(read()), "utf-8")
            return 0
        case _:
            lines = worse(read())
            print("\n".join(lines) or "nothing is worse")
            return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
