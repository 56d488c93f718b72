"""Parse the arguments, run the command, and turn errors into exit codes.

0 ready to merge, 1 blocked, 2 usage, policy, or CODEOWNERS error, 3 could not decide, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Protocol, TextIO, cast

from gate import __version__
from gate.cli import COMMANDS
from gate.errors import CannotDecide, GateError, UsageError

VERBOSE = ("-v", "--verbose")
BLOCKED, USAGE_ERROR, UNDECIDED, INTERRUPTED = 1, 2, 3, 130

DESCRIPTION = """\
gate decides whether a change can merge into a protected branch: its code owners
have approved exactly this content, and lint, types, names, and tests pass on the
tree that the merge would produce."""

OPTIONS = """\
options:
  -h, --help     show this help
  -v, --verbose  log decisions as they are made, with any command
  --version      show the version
"""

EPILOG = """\
exit codes: 0 ready to merge, 1 blocked, 2 usage, policy, or CODEOWNERS error,
3 could not decide, 130 interrupted. Only 0 lets a change merge.

`gate COMMAND --help` shows examples. `gate explain` describes every term."""


class Command(Protocol):
    """The interface of a command's module."""

    SUMMARY: str
    EXAMPLES: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command, print, and return the exit code."""


def command(name: str) -> Command:
    """Return the module of the command `name`."""
    return cast("Command", import_module(COMMANDS[name]))


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, with its examples."""
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
    """Return the text of `gate --help`."""
    commands = "\n".join(f"  {name:<10} {command(name).SUMMARY}" for name in COMMANDS)
    return f"usage: gate COMMAND [OPTION…]\n\n{DESCRIPTION}\n\ncommands:\n{commands}\n\n{OPTIONS}\n{EPILOG}\n"


def run(arguments: list[str]) -> int:
    """Run `gate ARGUMENTS`, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Escape characters that the caller's encoding doesn't have, instead of failing.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except GateError as error:
        return _report_error(error)
    except KeyboardInterrupt:
        _print_error("gate: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads the output anymore, which must not look like a pass.
        _discard_output(sys.stdout)
        return UNDECIDED
    except OSError as error:
        # For example, a full disk or a read-only folder: not a bug in gate, and not a verdict either.
        where = f"{error.filename}: " if error.filename else ""
        _print_error(
            f"gate: {_visible(f'{where}{error.strerror or error}')}",
            "  help: check free disk space and write permission",
        )
        _discard_output(sys.stdout)
        return UNDECIDED
    except Exception as error:
        if os.environ.get("GATE_DEBUG"):
            raise
        _print_error(
            f"gate: internal error: {type(error).__name__}: {error}",
            "  help: this is a bug in gate; set GATE_DEBUG=1 to see the traceback",
        )
        return UNDECIDED


def _print_error(*lines: str) -> None:
    """Print on standard error; where that fails, only the exit code reports the error."""
    try:
        print(*lines, sep="\n", file=sys.stderr)
    except OSError:
        _discard_output(sys.stderr)


def _discard_output(stream: TextIO) -> None:
    """Write what can still be written, and drop the rest: Python would fail on it at exit, with its own exit code."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _dispatch(arguments: list[str]) -> int:
    arguments = _without_verbose(arguments)
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        if arguments[:1] == ["help"] and arguments[1:2] and arguments[1] in COMMANDS:
            parser_of(arguments[1]).print_help()
            return 0
        print(overview(), end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else USAGE_ERROR
    if arguments[0] in {"--version", "-V"}:
        print(f"gate {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        return _unknown(name)
    parser = parser_of(name)
    try:
        options, unknown = parser.parse_known_args(rest)
        if unknown and not unknown[0].startswith("-") and "--head" in parser.format_usage():
            raise UsageError(
                f"unexpected argument {unknown[0]!r}",
                f"`gate {name} --head {unknown[0]}` names a branch or a commit",
            )
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE_ERROR
    _refuse_empty_values(parser, options, rest)
    return command(name).run(options)


def _without_verbose(arguments: list[str]) -> list[str]:
    """Return the arguments without `-v`, which can be anywhere and turns on the logging of decisions."""
    rest = [word for word in arguments if word not in VERBOSE]
    if len(rest) < len(arguments):
        import logging

        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("gate: %(relativeCreated)5d ms  %(message)s"))
        logger = logging.getLogger("gate")
        logger.handlers = [handler]
        logger.setLevel(logging.DEBUG)
    return rest


def _refuse_empty_values(
    parser: argparse.ArgumentParser, options: argparse.Namespace, arguments: list[str]
) -> None:
    """Raise UsageError where a value is given and empty, unless that is its default anyway.

    A script that writes `gate merge "$BRANCH"` and has not set it means no branch, and HEAD least of all.
    """
    for name, value in vars(options).items():
        if "" in (value if isinstance(value, list) else [value]) and parser.get_default(name) != "":
            option = f"--{name.replace('_', '-')}"
            by_option = any(word.partition("=")[0] == option for word in arguments)
            raise UsageError(
                f"{option if by_option else name.upper()} is empty",
                "check that the variable in your script is set",
            )


def _unknown(name: str) -> int:
    from difflib import get_close_matches

    close_matches = get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean `gate {close_matches[0]}`?" if close_matches else "`gate --help` lists the commands"
    _print_error(f"gate: unknown command {name!r}", f"  help: {hint}")
    return USAGE_ERROR


def _report_error(error: GateError) -> int:
    lines = [f"gate: {_visible(line)}" for line in error.message.splitlines() or [""]]
    _print_error(*lines, *([f"  help: {_visible(error.hint)}"] if error.hint else []))
    return UNDECIDED if isinstance(error, CannotDecide) else USAGE_ERROR


def _visible(text: str) -> str:
    # File names and git's messages may contain escape sequences, or bytes that no terminal can show.
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
