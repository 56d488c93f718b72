"""`python -m release`: bring everything up, release, roll back, take everything down.

Exit codes: 0 done · 1 the release does not go out, or was rolled back · 2 usage or settings error · 3 something that
is needed is missing or does not answer · 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from release import stack
from release.deploy import WentBack, deploy, record_missing, resume, roll_back
from release.environments import Environment, at_work, current_user
from release.problems import CannotGo, Refused, WrongUsage
from release.report import budget, notify
from release.settings import Settings, load

Command = Callable[[Settings, argparse.Namespace], int]


def main() -> int:
    """Do what the arguments say, and report how it went."""
    # Interrupted, it still rolls back what is half out: also where it was started in the background, in which a shell
    # lets interrupts be ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    options = _parser().parse_args()
    command: Command = options.command
    try:
        return command(_settings(options), options)
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


def _settings(options: argparse.Namespace) -> Settings:
    """Those of `home`, once `up` has put them there: what a checkout says counts only for `up`."""
    home = Path(options.home).absolute() if options.home else None
    if home and options.command is not _up and options.settings is None and (found := stack.installed(home)):
        return found
    settings = load(options.settings or Path("release.toml"), must_exist=options.settings is not None)
    settings = dataclasses.replace(settings, home=str(home or settings.folder))
    if options.command is _up or options.settings is not None:
        return settings
    return stack.installed(settings.folder) or settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=Path, help="(default: those of the last `up`, else release.toml)")
    where = "where everything lives that is running (default: $RELEASE_HOME, else what the settings say)"
    parser.add_argument("--home", metavar="DIR", default=os.environ.get("RELEASE_HOME"), help=where)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        text = (command.__doc__ or "").partition(".")[0]
        part = commands.add_parser(name, help=text, description=f"{text}.")
        part.set_defaults(command=command)
        return part

    first = add("up", _up)
    first.add_argument("first", nargs="?", default="HEAD", metavar="REV", help="where nothing was released")
    add("down", _down)
    for part in (released := add("deploy", _deploy), rolled := add("rollback", _rollback)):
        part.add_argument(
            "--into", default="production", metavar="ENVIRONMENT", help="(default: %(default)s)"
        )
    released.add_argument("revision", metavar="REV")
    wait = "wait at most so long for what gate requires and time alone brings, such as soaking"
    released.add_argument("--wait", type=float, default=0.0, metavar="MINUTES", help=wait)
    rolled.add_argument("--schema", action="store_true", help="roll back the tables as well, after a copy")
    add("status", _status).add_argument("--json", action="store_true")
    add("guard", _guard)
    return parser


def _up(settings: Settings, options: argparse.Namespace) -> int:
    """Start everything that does not run, and apply changed settings."""
    stack.up(settings, options.first, _say)
    return 0


def _down(settings: Settings, _: argparse.Namespace) -> int:
    """End everything; data and records stay."""
    stack.down(settings, _say)
    return 0


def _deploy(settings: Settings, options: argparse.Namespace) -> int:
    """Release a revision beside the live one, compare both, go on or roll back."""
    environment = Environment.named(settings, options.into)
    try:
        live = deploy(environment, options.revision, _say, patience=options.wait * 60)
    except WentBack as error:
        notify(environment, error.incident, _say)
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise Refused(f"{error.incident.subject} was rolled back: {error}") from error
    _say(f"{options.into}: {live.short} is live")
    return 0


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    """Give everything back to the release before the live one, at once."""
    environment = Environment.named(settings, options.into)
    incident = roll_back(environment, _say, by=current_user(), schema=options.schema)
    if incident is None:
        _say(f"{options.into}: the release that was being watched was rolled back")
    else:
        notify(environment, incident, _say)
    return 0


def _status(settings: Settings, options: argparse.Namespace) -> int:
    """Show what runs, and what is left of the downtime budget."""
    environments, monitors = stack.status(settings)
    if options.json:
        _say(json.dumps(environments | {"monitoring": monitors}, indent=1))
        return 0
    for name, table in environments.items():
        _say(f"{name}: " + (f"http://127.0.0.1:{table['port']}/" if table["up"] else "down"))
        for release in table["releases"]:
            how = f"{release['share']} %" if release["running"] else "not running"
            _say(f"  {release['role']:<9} {release['revision'][:9]}  {how:>11}  {release['subject']}")
        _say(f"  downtime budget: {budget(Environment(settings, name))}")
    _say("monitoring: " + ", ".join(f"{name} {'up' if runs else 'down'}" for name, runs in monitors.items()))
    return 0


def _guard(settings: Settings, _: argparse.Namespace) -> int:
    """Resume a watch that was killed, and have recorded what was not; `up` runs this as a service."""
    for second in itertools.count():
        for name in settings.environments:
            environment = Environment(settings, name)
            try:
                resume(environment, _say)
                if second % 5 == 0 and not at_work(environment.folder):
                    record_missing(environment, _say)
            except (CannotGo, WrongUsage, OSError) as error:
                # haproxy may be starting again, or the disk be full: the next second may be better.
                _say(f"{name}: {error}")
        time.sleep(1)
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
