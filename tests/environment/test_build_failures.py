"""What gate says if uv cannot build an environment."""

from __future__ import annotations

import pytest

from gate.environment.build_failures import failure
from gate.process import Finished

FLIT = """\
   Building thing @ file:///x
error: Failed to build `thing @ file:///x`
  cause: The build backend returned an error
  cause: Call to `backend.build_editable` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
         ConfigError: description must be specified

hint: Build failures usually indicate a problem with the package or the build environment
"""
COMPILER = """\
error: Failed to build `thing @ file:///x`
  cause: Call to `backend.build_editable` failed (exit status: 1)

         [stderr]
         {}
         Error: command ['make'] returned non-zero exit status 1
"""
PYTHON = "error: Request failed\n cause: Failed to download `https://localhost/python-build-standalone/x`\n"


@pytest.mark.parametrize(
    ("text", "reason", "hint", "offline"),
    [
        (
            COMPILER.format(
                "urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>"
            ).replace("Error: command ['make'] returned non-zero exit status 1\n", ""),
            "its build needs the network (Failed to build `thing @ file:///x`: urllib.error.URLError",
            "what the build downloads",
            True,
        ),
        (FLIT, "Failed to build `thing @ file:///x`: ConfigError: description must", "a fresh clone", False),
        (
            COMPILER.format("src/main.cpp:6:12: error: expected ';'"),
            "Failed to build `thing @ file:///x`: src/main.cpp:6:12: error: expected",
            "a fresh clone",
            False,
        ),
        (
            COMPILER.format("CMake Error at CMakeLists.txt:17 (x):\n           Unknown CMake command"),
            "Failed to build `thing @ file:///x`: CMake Error at CMakeLists.txt:17 (x): Unknown CMake command",
            "a fresh clone",
            False,
        ),
        (
            PYTHON.replace("/x`", "/releases/download/20261110/cpython-3.15.2%2B2.tar.gz`"),
            (
                "the interpreter that the project requires is not installed, and cannot be downloaded (uv would take "
                "cpython-3.15)"
            ),
            "uv python install",
            True,
        ),
        (PYTHON, "the interpreter that the project requires is not installed", "uv python install", True),
        ("Downloading a\nerror: Hash mismatch for `a`\n", "Hash mismatch for `a`", "a fresh clone", False),
        ("error: client error (Connect)\n", "no package index can be reached", "connect to", True),
        ("error: The lockfile needs to be updated\n", "uv.lock does not match", "uv lock", False),
    ],
)
def test_why_a_build_failed(text: str, reason: str, hint: str, offline: bool) -> None:
    failed = failure(Finished(2, b"", text.encode(), 1.0), ())
    assert failed.reason.startswith(reason)
    assert hint in failed.hint
    assert failed.offline is offline
