"""`python -m release`: bring everything up, put a release out, take it back, take everything down.

Exit codes: 0 done · 1 the release does not go out, or was taken back · 2 wrong usage or settings · 3 something that
is needed is not there or does not answer · 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from release import stack
from release.budget import budget
from release.deploy import WentBack, deploy, roll_back
from release.environments import Environment
from release.page import write_page
from release.problems import CannotGo, Refused, WrongUsage
from release.records import whoever_now
from release.settings import Settings, load
from release.telling import tell_everyone


def main() -> int:
    """Do what was asked for, and say how it went."""
    # Ended by somebody, it still takes back what is half out: also where it was started in the background, in which
    # a shell lets interrupts be ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    wish = _parser().parse_args()
    command: Callable[[Settings, argparse.Namespace], int] = wish.command
    try:
        settings = load(wish.settings or Path("release.toml"), must_exist=wish.settings is not None)
        if wish.home:
            settings = dataclasses.replace(settings, home=str(Path(wish.home).absolute()))
        return command(settings, wish)
    except Refused as error:
        return _fail(f"refused: {error}", 1)
    except WrongUsage as error:
        return _fail(str(error), 2)
    except CannotGo as error:
        return _fail(str(error), 3)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", 3)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=Path, help="(default: release.toml, if there is one)")
    parser.add_argument(
        "--home",
        metavar="DIR",
        help="where everything lives that is running (default: what the settings say)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[Settings, argparse.Namespace], int]) -> argparse.ArgumentParser:
        text = (command.__doc__ or "").partition(".")[0]
        part = commands.add_parser(name, help=text, description=f"{text}.")
        part.set_defaults(command=command)
        return part

    add("up", _up).add_argument(
        "first", nargs="?", default="HEAD", metavar="REV", help="where nothing was released"
    )
    add("down", _down)
    part = add("deploy", _deploy)
    part.add_argument("revision", metavar="REV")
    part.add_argument("--into", default="production", metavar="ENVIRONMENT", help="(default: %(default)s)")
    part.add_argument(
        "--let-through",
        default="",
        metavar="REASON",
        help="ask neither gate nor the smoke test; it is recorded",
    )
    part.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="wait at most so long for what gate asks for and time alone brings, such as soaking",
    )
    part = add("rollback", _rollback)
    part.add_argument("--into", default="production", metavar="ENVIRONMENT", help="(default: %(default)s)")
    part.add_argument("--schema", action="store_true", help="take the tables back as well, after a copy")
    add("status", _status).add_argument("--json", action="store_true")
    return parser


def _up(settings: Settings, wish: argparse.Namespace) -> int:
    """Start everything that does not run."""
    stack.up(settings, wish.first, _say)
    _say(f"how it is: {write_page(settings)}")
    return 0


def _down(settings: Settings, _: argparse.Namespace) -> int:
    """End everything; data and records stay."""
    stack.down(settings, _say)
    return 0


def _deploy(settings: Settings, wish: argparse.Namespace) -> int:
    """Put a revision out beside the old one, watch it, go on or go back."""
    environment = Environment.named(settings, wish.into)
    try:
        live = deploy(environment, wish.revision, _say, let_through=wish.let_through, patience=wish.wait * 60)
    except WentBack as error:
        tell_everyone(environment, error.incident, _say)
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise Refused(f"{error.incident.subject} was taken back: {error}") from error
    finally:
        if settings.folder.is_dir():
            write_page(settings)
    _say(f"{wish.into}: {live.short} is live")
    return 0


def _rollback(settings: Settings, wish: argparse.Namespace) -> int:
    """Give everything back to the release before the live one, at once."""
    environment = Environment.named(settings, wish.into)
    incident = roll_back(environment, _say, by=whoever_now(), schema=wish.schema)
    if incident is None:
        _say(f"{wish.into}: the release that was being watched was taken back")
    else:
        tell_everyone(environment, incident, _say)
        write_page(settings)
    return 0


def _status(settings: Settings, wish: argparse.Namespace) -> int:
    """Say what runs, and what is left of the downtime budget."""
    found = stack.status(settings)
    if wish.json:
        _say(json.dumps(found, indent=1))
        return 0
    for name in settings.environments:
        table = found[name]
        assert isinstance(table, dict)  # noqa: S101  stack.status says so
        _say(f"{name}: {'http://127.0.0.1:' + str(table['port']) + '/' if table['up'] else 'down'}")
        for release in table["releases"]:
            how = f"{release['share']} %" if release["running"] else "not running"
            _say(f"  {release['role']:<9} {release['revision'][:9]}  {how:>11}  {release['subject']}")
        _say(f"  downtime budget: {budget(Environment(settings, name))}")
    monitoring = found["monitoring"]
    assert isinstance(monitoring, dict)  # noqa: S101  as above
    _say(
        "monitoring: " + ", ".join(f"{name} {'up' if runs else 'down'}" for name, runs in monitoring.items())
    )
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
