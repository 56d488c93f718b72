"""Run two sides in turns, and compare them. Shared by the benchmarks."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from history import record

GATE = Path(__file__).parents[1] / "gate"


def compile_everything() -> None:
    """Compile gate in a development checkout too, because everything installed on the other sides is compiled."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(GATE)], check=True)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time that `work` takes, and the processor time of what it starts, in seconds."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(
    name: str, runs: int, before: Callable[[], object], one: Callable[[], object], other: Callable[[], object]
) -> None:
    """Run both in turns, each after `before`, and print the medians and their ratios."""
    ours, theirs = [], []
    for _ in range(runs):
        before()
        ours.append(timed(one))
        before()
        theirs.append(timed(other))
    (gate, gate_busy), (beside, beside_busy) = (
        [median(column) for column in zip(*side, strict=True)] for side in (ours, theirs)
    )
    record(name, gate_busy / beside_busy, gate=gate, other=beside, gate_processor=gate_busy)
    print(
        f"{name:<40} gate {gate:7.3f} s   other {beside:7.3f} s   ratio {gate / beside:.2f}"
        f"   processor {gate_busy:7.3f} s, {gate_busy / beside_busy:.2f}",
        flush=True,
    )
