"""From the process's arguments to an exit code: parse, hand over to the command, translate what went wrong.

0 may merge, 1 blocked, 2 wrong usage, policy or CODEOWNERS, 3 could not decide, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import Protocol, cast

from gate import __version__
from gate.cli import COMMANDS
from gate.errors import CannotDecide, GateError

BLOCKED, WRONG, UNDECIDED, INTERRUPTED = 1, 2, 3, 130

DESCRIPTION = """\
gate decides whether a change may enter a protected branch: its code owners have
approved exactly this content, and lint, types, names and tests pass on the very
tree that the merge would make."""

EPILOG = """\
exit codes: 0 may merge, 1 blocked, 2 wrong usage, policy or CODEOWNERS,
3 could not decide, 130 interrupted. Only 0 lets a change pass.

`gate COMMAND --help` shows examples; `gate explain` tells about every word."""


class Command(Protocol):
    """What a module of a command has."""

    SUMMARY: str
    EXAMPLES: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it, print, and return the exit code."""


def command(name: str) -> Command:
    """The module of the command `name`."""
    return cast("Command", import_module(COMMANDS[name]))


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of one command, with its examples."""
    module = command(name)
    parser = argparse.ArgumentParser(
        prog=f"gate {name}",
        description=module.SUMMARY,
        epilog=f"examples:\n{module.EXAMPLES.rstrip()}" if module.EXAMPLES else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    return parser


def overview() -> str:
    """What `gate --help` prints."""
    commands = "\n".join(f"  {name:<10} {command(name).SUMMARY}" for name in COMMANDS)
    return (
        f"usage: gate COMMAND [OPTION…]\n\n{DESCRIPTION}\n\ncommands:\n{commands}\n\n"
        f"options:\n  -h, --help  show this\n  --version   show the version\n\n{EPILOG}\n"
    )


def run(arguments: list[str]) -> int:
    """Carry out `gate ARGUMENTS`; prints, and returns the exit code."""
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except GateError as error:
        return _say(error)
    except KeyboardInterrupt:
        print("gate: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; there is nobody to tell, and it must not look like a pass.
        _give_up_output()
        return UNDECIDED
    except OSError as error:
        # A full disk, a folder that cannot be written to: no defect of gate's, and no verdict either.
        where = f"{error.filename}: " if error.filename else ""
        print(f"gate: {_visible(f'{where}{error.strerror or error}')}", file=sys.stderr)
        print("  help: is the disk full, or may you not write there?", file=sys.stderr)
        _give_up_output()
        return UNDECIDED
    except Exception as error:
        if os.environ.get("GATE_DEBUG"):
            raise
        print(f"gate: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("  help: this is a defect in gate; GATE_DEBUG=1 shows where", file=sys.stderr)
        return UNDECIDED


def _give_up_output() -> None:
    """Write what can be written still. Of the rest Python would complain at its end, with an exit code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        if arguments[:1] == ["help"] and arguments[1:2] and arguments[1] in COMMANDS:
            parser_of(arguments[1]).print_help()
            return 0
        print(overview(), end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else WRONG
    if arguments[0] in {"--version", "-V"}:
        print(f"gate {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        return _unknown(name)
    try:
        options = parser_of(name).parse_args(rest)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else WRONG
    return command(name).run(options)


def _unknown(name: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, 1)
    print(f"gate: there is no command {name!r}", file=sys.stderr)
    hint = f"did you mean `gate {near[0]}`?" if near else "`gate --help` lists the commands"
    print(f"  help: {hint}", file=sys.stderr)
    return WRONG


def _say(error: GateError) -> int:
    for line in error.message.splitlines() or [""]:
        print(f"gate: {_visible(line)}", file=sys.stderr)
    if error.hint:
        print(f"  help: {_visible(error.hint)}", file=sys.stderr)
    return UNDECIDED if isinstance(error, CannotDecide) else WRONG


def _visible(text: str) -> str:
    # File names and git's own words may hold escape sequences, or bytes that no terminal can show.
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
