"""Everything on one machine: brought up by one command, taken down by another, with the data kept."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from release import monitoring, servers
from release.deploy import deploy
from release.environments import SLOTS, VISITED, Environment, alone
from release.problems import CannotGo
from release.services import Service, end_supervision, find, read_json, replace, supervise
from release.settings import Settings, load

Say = Callable[[str], None]
NEEDED = {"haproxy": "haproxy", "supervisord": "supervisor"} | {
    package: package for package in monitoring.PACKAGES.values()
}
GUARD = "guard"
"""The service that goes on watching a release where whoever watched it was killed."""


def up(settings: Settings, first: str, say: Say) -> None:
    """Start what does not run, and bring changed settings to what does; release `first` where nothing was released.

    From then on the settings in `home` count, whatever a checkout says.
    """
    _need(settings)
    install(settings, say)
    home, environments = settings.folder, [Environment(settings, name) for name in settings.environments]
    names = [f"{e.name}-{slot}" for e in environments for slot in (*SLOTS, "haproxy")]
    if settings.services == "supervisor":
        supervise(home, [*names, *monitoring.NAMES, GUARD])
    for environment in environments:
        # A rollback must not be the first to find out that the promise cannot be read.
        monitoring.promised(environment)
        with alone(environment.folder):
            _up(environment, say)
        if environment.records.state().live is None:
            deploy(environment, first, say, first=True)
        _put_visited(environment)
        say(f"{environment.name}: http://127.0.0.1:{environment.port()}/")
    with alone(home / "monitoring"):
        monitoring.start(settings)
    say(f"status: http://127.0.0.1:{monitoring.prometheus_port(settings)}/consoles/status.html")
    guard = _guard(settings)
    if guard.pid is None:
        argv = [sys.executable, "-P", "-m", "release", "--home", str(home), "guard"]
        here = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": os.environ.get("PATH", os.defpath)}
        passed = {name: os.environ[name] for name in ("HOME", "USER") if name in os.environ}
        guard.start(argv, cwd=home, env=here | passed)


def install(settings: Settings, say: Say) -> None:
    """Copy the settings to `home`. Which gate is asked is decided by the first `up`, and by no checkout after it."""
    home = settings.folder
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n", "utf-8")
    replace(home / "root", str(settings.root))
    source, judge = settings.root / "release.toml", home / "gate.json"
    if source.exists():
        shutil.copyfile(source, home / "release.toml")
    if not judge.exists():
        replace(judge, json.dumps(settings.gate))
    elif (judged := _judge(home)) != settings.gate:
        say(f"the gate that is asked stays {shlex.join(judged)}; to change it, edit {judge}")


def installed(home: Path) -> Settings | None:
    """The settings that the last `up` has put in `home`."""
    if not (home / "root").exists():
        return None
    root = Path((home / "root").read_text("utf-8"))
    settings = load(home / "release.toml") if (home / "release.toml").exists() else Settings(root)
    return dataclasses.replace(settings, root=root, gate=_judge(home), home=str(home))


def _judge(home: Path) -> tuple[str, ...]:
    """The gate that is asked, as the first `up` has written it down."""
    path = home / "gate.json"
    words = read_json(path) if path.exists() else Settings(home).gate
    if not words or not all(isinstance(word, str) for word in words):
        raise CannotGo(f"{path} is damaged: expected the words of a command")
    return tuple(words)


def down(settings: Settings, say: Say) -> None:
    """End everything that runs, the visitors' door first. The data and the records stay."""
    if not settings.folder.is_dir():
        return
    _guard(settings).stop()
    for name in monitoring.NAMES:
        Service(settings.folder, name, settings.services == "systemd").stop(wait=False)
    for name in settings.environments:
        environment = Environment(settings, name)
        if not environment.folder.is_dir():
            continue
        with alone(environment.folder):
            for wait in (False, True):
                for slot in ("haproxy", *SLOTS):
                    environment.server(slot).stop(wait=wait)
            for left in ("ports", "haproxy.sock"):
                (environment.folder / left).unlink(missing_ok=True)
            # A release that was being watched gets no requests after the next `up`.
            with suppress(CannotGo):
                environment.records.put(candidate=None, baseline=None, step=0)
        say(f"{name} is down")
    for name in monitoring.NAMES:
        Service(settings.folder, name, settings.services == "systemd").stop()
    (settings.folder / "monitoring" / "ports.json").unlink(missing_ok=True)
    if settings.services == "supervisor":
        end_supervision(settings.folder)
    say("monitoring is down")


def status(settings: Settings) -> tuple[dict[str, dict[str, Any]], dict[str, bool]]:
    """What runs in each environment, and which part of the monitoring does."""
    environments = {}
    for name in settings.environments:
        environment = Environment(settings, name)
        state, port, weights = environment.records.state(), None, dict[str, int]()
        with suppress(CannotGo):
            port = environment.port()
            weights = {role: counted.weight for role, counted in environment.balancer.counted().items()}
        releases = [
            {
                "role": role, "revision": release.revision, "subject": release.subject,
                "share": 0 if role == "spare" else weights.get(role, 0),
                "running": environment.server(release.slot).pid is not None,
            }
            for role in ("live", "candidate", "spare")
            if (release := getattr(state, role))
        ]  # fmt: skip
        environments[name] = {"port": port, "up": bool(weights), "releases": releases}
    return environments, monitoring.running(settings)


def _up(environment: Environment, say: Say) -> None:
    """Start haproxy and the releases, if they do not run."""
    state, records = environment.records.state(), environment.records
    again = {}
    for role in ("live", "spare"):
        release = getattr(state, role)
        if release and environment.server(release.slot).pid is None:
            say(f"{environment.name}: {release.short} is started again")
            again[role] = servers.start(environment, release)
    state = records.put(**again)
    if environment.server("haproxy").pid is None:
        environment.choose_ports()
        environment.balancer.configure(environment.servers(state))
        environment.balancer.start()
    elif not state.candidate and state.live:
        environment.balancer.share(environment.servers(state))
        environment.balancer.configure(environment.servers(state))


def _put_visited(environment: Environment) -> None:
    """Add the link that is visited, unless it is there."""
    wish = json.dumps({"url": "https://example.com/", "alias": VISITED})
    key = servers.api_key(environment)
    status, _, text = servers.ask(environment.port(), "POST", "/api/links", wish, key=key)
    if status not in {201, 409}:
        raise CannotGo(f"{environment.name}: the link /{VISITED} could not be added: {text or status}")


def _guard(settings: Settings) -> Service:
    return Service(settings.folder, GUARD, settings.services == "systemd")


def _need(settings: Settings) -> None:
    """Raise CannotGo that names the packages which are not installed."""
    missing = []
    for program, package in NEEDED.items():
        try:
            if program != "supervisord" or settings.services == "supervisor":
                find(program, package)
        except CannotGo:
            missing.append(package)
    if missing:
        raise CannotGo(f"these are not installed; as root: apt-get install {' '.join(missing)}")
