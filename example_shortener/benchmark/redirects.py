"""`python -m benchmark.redirects`: measure redirects per second, compared with a bare Flask view that only redirects.

Both run alternately under the same gunicorn settings, so that other load on the machine affects both. Needs wrk.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.client import ask
from machine.system import free_port

ROOT = Path(__file__).parents[1]
BARE = """\
from flask import Flask, redirect

app = Flask("bare")


@app.get("/<code>")
def follow(code):
    return redirect("https://example.com/", 302)


@app.get("/readyz")
def readyz():
    return "ready"
"""


@contextmanager
def serving(folder: Path, application: str) -> Iterator[int]:
    """Run this application in gunicorn, and yield its port."""
    port = free_port()
    argv = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:shortener.serving",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    variables = os.environ | {
        "SHORTENER_DATABASE": str(folder / "links.db"),
        "PYTHONPATH": f"{ROOT}:{folder}",
    }
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*argv, application], cwd=folder, env=variables, stdout=log, stderr=log)  # noqa: S603  fixed argv
    try:
        until = time.monotonic() + 60
        while ask(port, "GET", "/readyz")[0] != 200:
            if time.monotonic() > until:
                raise SystemExit(f"{application} does not answer: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def load(port: int, seconds: int, connections: int) -> tuple[float, float]:
    """Return the requests per second, and the 99th percentile of the latency in milliseconds."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/spring"]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout  # noqa: S603  fixed argv
    if "Non-2xx or 3xx" in output:
        raise SystemExit(output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", output)
    if rate is None or slow is None:
        raise SystemExit(output)
    return float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slow[2]]


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.redirects", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="each (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="(default: %(default)s)")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; as root: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE, "utf-8")
        with serving(folder, "bare:app") as bare, serving(folder, "shortener.web:create_app()") as own:
            ask(own, "POST", "/api/links", '{"url": "https://example.com/", "alias": "spring"}')
            measured = []
            for _ in range(options.runs):
                measured.append([load(port, options.seconds, options.connections) for port in (bare, own)])
    for position, what in enumerate(("bare Flask view", "shortener")):
        rates, slow = zip(*(run[position] for run in measured), strict=True)
        print(f"{what}: {statistics.median(rates):.0f} redirects/s, p99 {statistics.median(slow):.1f} ms")
    ratios = [run[1][0] / run[0][0] for run in measured]
    print(
        f"ratio: {statistics.median(ratios):.2f} (median of {options.runs}; {min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
