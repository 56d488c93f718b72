"""`gate completion`: shell completion."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

from gate.app.completions import LISTS, words
from gate.cli import COMMANDS
from gate.errors import GateError, UsageError

SUMMARY = "print a shell completion script"
EXAMPLES = """\
  gate completion bash > ~/.local/share/bash-completion/completions/gate
  gate completion zsh > "${fpath[1]}/_gate"
  gate completion fish > ~/.config/fish/completions/gate.fish
"""
SHELLS = ("bash", "zsh", "fish")
# The placeholder of an argument in a command's help decides what is offered for it.
OFFERED = {
    "BRANCH": "branches", "REV": "revisions", "RANGE": "revisions", "ENVIRONMENT": "environments",
    "CHECK": "checks", "TOPIC": "topics", "@NAME": "people", "FILE": "file", "PATH": "file", "DIR": "directory",
}  # fmt: skip
# A name may contain anything, even text that a shell would run: only harmless ones are offered.
HARMLESS = re.compile(r"[\w@/][\w@/.+-]*")
# Words are compared and passed on one by one. `compgen -W` and zsh's `(words)` would evaluate them.
FUNCTIONS = {
    "bash": """
        _gate_{kind}() {{
          local word
          while IFS= read -r word; do
            [[ $word == "$1"* ]] && printf '%s\\n' "$word"
          done < <(gate completion --list {kind} 2>/dev/null)
        }}
        """,
    "zsh": """
        _gate_{kind}() {{
          local -a words_of_gate
          words_of_gate=("${{(@f)$(gate completion --list {kind} 2>/dev/null)}}")
          compadd -a words_of_gate
        }}
        """,
    "fish": """
        function _gate_{kind}
          gate completion --list {kind} 2>/dev/null
        end
        """,
}
# bash breaks words at `@`; here it starts one.
BASH_WRAPPER = """
_gate() {
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[COMP_CWORD-1]} == @ ]]; then
    COMP_WORDS[COMP_CWORD-1]=@${COMP_WORDS[COMP_CWORD]}
    unset "COMP_WORDS[COMP_CWORD]"
    COMP_CWORD=$((COMP_CWORD - 1))
  fi
  _shtab_gate
}
complete -o bashdefault -F _gate gate
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("shell", nargs="?", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    parser.add_argument(
        "--list",
        choices=tuple(LISTS),
        metavar="KIND",
        help=f"print all words of one kind, one per line: {', '.join(LISTS)}",
    )


def run(options: argparse.Namespace) -> int:
    """Print the completion script, or the words that it requests."""
    if options.list:
        try:
            candidates = words(options.list, Path.cwd())
        except GateError:
            # If there is nothing to offer, print nothing: an error message is useless during completion.
            return 0
        print("".join(f"{word}\n" for word in candidates if HARMLESS.fullmatch(word)), end="")
        return 0
    if not options.shell:
        raise UsageError("for which shell?", f"`gate completion SHELL`, one of {', '.join(SHELLS)}")
    sys.stdout.write(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the completion script for `shell`."""
    import shtab

    text = str(shtab.complete(whole_parser(), shell))
    return text + BASH_WRAPPER if shell == "bash" else text


def whole_parser() -> argparse.ArgumentParser:
    """Return a parser with all commands, in which each argument says how it is completed."""
    from gate.cli.main import command

    parser = argparse.ArgumentParser(prog="gate")
    parser.add_argument("--version", action="store_true", help="show the version")
    commands = parser.add_subparsers()
    for name in COMMANDS:
        module = command(name)
        subparser = commands.add_parser(name, help=module.SUMMARY, allow_abbrev=False)
        module.configure(subparser)
        for action in subparser._actions:  # noqa: SLF001  argparse has no public way to iterate over them; shtab does the same
            _offer(action)
    return parser


def _offer(action: argparse.Action) -> None:
    import shtab

    kind = OFFERED.get(action.metavar) if isinstance(action.metavar, str) else None
    if kind is None or action.choices:
        return
    completers: dict[str, Any] = {"file": shtab.FILE, "directory": shtab.DIRECTORY}
    name = f"_gate_{kind}"
    own = {"bash": name, "zsh": name, "fish": f"({name})"}
    preamble = {shell: dedent(text).format(kind=kind) for shell, text in FUNCTIONS.items()}
    cast("Any", action).complete = completers.get(kind, {**own, "preamble": preamble})
