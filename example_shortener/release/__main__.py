"""`python -m release`: start everything, deploy, roll back, and stop everything.

\b
Exit codes: 0 done
            1 the release was refused or rolled back
            2 usage or settings error
            3 something that is needed is missing or does not answer
            130 interrupted
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from machine import configuration, setup
from machine.environments import Environment
from machine.problems import Busy, CannotGo, Refused, anyway
from machine.settings import Settings, installed, load
from machine.system import current_user
from release import stack
from release.deploy import WentBack, deploy, resume, roll_back, settle
from release.incidents import notify

HOME = "The folder for data, logs, and records (default: `home` in the settings)."
WAIT = "How long to wait for requirements that only need time, such as soaking."
into = click.option("--into", metavar="ENVIRONMENT", default="production", show_default=True)


def main() -> int:
    """Run the command, and return its exit code."""
    # Roll back an interrupted deploy, even in the background, where shells make programs ignore interrupts.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        # click returns its own exit code, for example after `--help`.
        return commands.main(prog_name="python -m release", standalone_mode=False) or 0
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        text, code = f"{'refused: ' * isinstance(error, Refused)}{error}", error.exit_code
    except OSError as error:
        text, code = f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "), 3
    except (click.Abort, KeyboardInterrupt):
        text, code = "interrupted", 130
    print(text, file=sys.stderr, flush=True)
    return code


@click.group(help=__doc__)
@click.option("--settings", type=Path, help="(default: those of the last `up`, else release.toml)")
@click.option("--home", metavar="DIR", envvar="RELEASE_HOME", type=Path, help=HOME)
@click.pass_context
def commands(context: click.Context, settings: Path | None, home: Path | None) -> None:
    """Read the settings: the installed ones in `home`, if `up` has run before. Only `up` reads those of a checkout."""
    if settings is None and context.invoked_subcommand != "up":
        folder = home.absolute() if home else load(Path("release.toml")).folder
        context.obj = installed(folder)
        if context.obj is None:
            text = f"nothing was ever up in {folder}; run `up` first, or name the right folder with --home"
            # There is nothing to stop.
            raise CannotGo(text) if context.invoked_subcommand != "down" else click.exceptions.Exit(0)
        return
    source = settings or Path("release.toml")
    is_checkout = source.exists() and Path.cwd() != (home or Path()).resolve()
    if settings is None and home and not is_checkout and (found := installed(home.absolute())):
        # `up` was started from another folder than before, or in `home` itself.
        source = found.root / source
    read = load(source, must_exist=settings is not None)
    context.obj = dataclasses.replace(read, home=str(home.absolute() if home else read.folder))


@commands.command("up")
@click.argument("first", metavar="[REV]", default="HEAD")
@click.pass_obj
def _up(settings: Settings, first: str) -> None:
    """Start what is not running, and apply changed settings. Environments without a release get REV."""
    stack.up(settings, first, _say)


@commands.command("down")
@click.pass_obj
def _down(settings: Settings) -> None:
    """Stop everything. Data and records stay."""
    stack.down(settings, _say)


@commands.command("deploy")
@click.argument("revision", metavar="REV")
@into
@click.option("--wait", type=click.FloatRange(0), default=0.0, metavar="MINUTES", help=WAIT)
@click.pass_obj
def _deploy(settings: Settings, revision: str, into: str, wait: float) -> None:
    """Deploy REV beside the live release, compare the two, and promote it or roll back."""
    environment = Environment.named(settings, into)
    try:
        live = deploy(environment, revision, _say, patience=wait * 60)
    except WentBack as error:
        notify(environment, error.incident, _say)
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise Refused(f"{error.incident.subject} was rolled back: {error}") from error
    _say(f"{into}: {live.short} is live")


@commands.command("rollback")
@into
@click.option("--schema", is_flag=True, help="Roll back the tables as well, after a copy.")
@click.pass_obj
def _rollback(settings: Settings, into: str, schema: bool) -> None:
    """Send all requests to the previous release at once."""
    environment = Environment.named(settings, into)
    notify(environment, roll_back(environment, _say, by=current_user(), schema=schema), _say)


@commands.command("status")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def _status(settings: Settings, as_json: bool) -> None:
    """Show what is running, and what is left of the downtime budget."""
    status = setup.status(settings)
    _say(json.dumps(status, indent=1) if as_json else setup.in_words(status))


@commands.command("guard")
@click.pass_obj
def _guard(settings: Settings) -> None:
    """Resume an interrupted deploy, and restart a killed supervisord. `up` runs this as a service."""
    supervisor = os.getppid()
    for second in itertools.count():
        time.sleep(1)
        with anyway("guard", _say), suppress(Busy):
            if os.getppid() != supervisor:
                # supervisord was killed. The next one starts its own guard, unless somebody ran `down`.
                if (settings.folder / "ports.json").exists():
                    configuration.apply(settings, again=True)
                return
        for name in settings.environments:
            environment = Environment(settings, name)
            with anyway(name, _say), suppress(Busy):
                resume(environment, _say)
                if second % 5 == 0:
                    settle(environment, lambda _: None)


def _say(text: str) -> None:
    # A closed terminal is no reason to roll back.
    with suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
