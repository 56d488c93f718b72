"""The entry: print the cached answer if it is still valid, else hand over to the command line.

Nothing is imported here that the quick answer does not need: this runs on every commit.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run gate with the process's arguments and return the exit code."""
    if os.name != "posix":
        sys.stderr.write(
            "gate: Windows is not supported\n  help: run gate in WSL, in a container, or in CI\n"
        )
        return 3
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_streams()
    try:
        return _answer(sys.argv[1:])
    except KeyboardInterrupt:
        # Interrupted before gate.cli.main could report it, or again while it stops what runs.
        sys.stderr.write("gate: interrupted\n")
        return 130


def _answer(arguments: list[str]) -> int:
    if arguments[:1] == ["check"]:
        from gate.answer_cache import answer

        code = answer(arguments[1:])
        if code is not None:
            return code
    import signal

    from gate.cli.main import run

    # A CI system ends a job with SIGTERM: stop everything as for Ctrl-C, and leave nothing behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return run(arguments)


def _open_streams() -> None:
    """Open /dev/null for streams that the caller has closed, before a file of the repository gets their descriptor."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest free descriptor
        name, mode = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))[number]
        setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
    os.close(number)


if __name__ == "__main__":
    sys.exit(main())
