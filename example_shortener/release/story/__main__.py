"""Replay the incident for real, on this machine, with everything that stands around a release.

Version 1 is live, visitors come. Version 2 has the mistake that took production down for 45 minutes; it is let
through on purpose, past gate and past the smoke test. It is watched, and taken back. Version 3 goes out as it
should. At the end everything is gone again, unless --keep says where it may stay.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release import stack
from release.deploy import WentBack, deploy
from release.environments import Environment
from release.page import write_page
from release.problems import CannotGo, Refused, WrongUsage
from release.settings import load
from release.story.stage import Load, Writer, build_repository
from release.telling import tell_everyone


def main() -> int:
    """Tell the story; 0 if it went as it should."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m release.story", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder in which everything stays")
    wish = parser.parse_args()
    try:
        with _scratch(wish.keep) as folder:
            return _replay(folder)
    except (CannotGo, Refused, WrongUsage) as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def _replay(folder: Path) -> int:
    settings = load(build_repository(folder / "shortener") / "release.toml")
    production = Environment.named(settings, "production")
    load_, writer = Load(folder), None
    try:
        stack.up(settings, "version-1", _say)
        # The links of the first days are in production, and nowhere else: so nobody saw the mistake in staging.
        (production.folder / "urls.json").write_text('{"first": "https://example.com/first"}', "utf-8")
        _say("\nStaging has no urls.json: there version 2 looks well.")
        deploy(Environment.named(settings, "staging"), "version-2", _say)
        _say("\nProduction has one. The smoke test alone stops version 2:")
        try:
            deploy(production, "version-2", _say)
        except Refused as error:
            _say(f"refused: {error}")
        _say("\nVisitors come, as many as can be answered. Version 2 is let through on purpose.")
        writer = Writer(production.port())
        load_.start(production.port())
        with writer.writing():
            try:
                deploy(production, "version-2", _say, let_through="the incident is replayed")
            except WentBack as error:
                incident = error.incident
                report = tell_everyone(production, incident, _say)
            else:
                _say("It was not taken back.")
                return 1
            _say("\nVersion 3 is mended, and goes out while visitors come.")
            deploy(production, "version-3", _say)
            answered, failed = load_.finish()
        lost = writer.lost()
        write_page(settings)
        _say(f"\n{report.read_text('utf-8')}")
        _say(f"time to safe: {incident.seconds:.2f} s from the first visitor of version 2 to the last")
        _say(f"failed requests: {failed} of {answered} under load, {writer.failed} of the writer's")
        _say(f"links added meanwhile: {len(writer.added)}, of which {len(lost)} are lost")
        return 1 if lost or incident.seconds >= 10 else 0
    finally:
        load_.stop()
        stack.down(settings, _say)


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="release-story-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise WrongUsage(f"--keep {keep}: there is something in it; name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
