"""Everything on one machine: brought up by one command, taken down by another, with the data kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

from release import monitoring, servers
from release.deploy import deploy, run_server
from release.environments import VISITED, Environment
from release.problems import CannotGo
from release.processes import find
from release.records import SLOTS, alone
from release.settings import Settings

Tell = Callable[[str], None]
NEEDED = {
    "haproxy": "haproxy",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


def up(settings: Settings, first: str, tell: Tell) -> None:
    """Start what does not run; where nothing was ever released, put out `first`.

    An environment that was up before has the release again that was live in it. Nothing to compare with, nobody
    to harm: about a first release gate is told, and not asked.
    """
    missing = _missing()
    if missing:
        raise CannotGo(f"these are not installed; as root: apt-get install {' '.join(missing)}")
    settings.folder.mkdir(parents=True, exist_ok=True)
    (settings.folder / ".gitignore").write_text("*\n", "utf-8")
    for name in settings.environments:
        environment = Environment(settings, name)
        with alone(environment.folder):
            _up(environment, tell)
        if environment.records.state().live is None:
            deploy(environment, first, tell)
        _put_visited(environment)
        tell(f"{name}: http://127.0.0.1:{environment.port()}/")
    with alone(settings.folder / "monitoring"):
        monitoring.start(settings)
    tell(f"Prometheus: http://127.0.0.1:{monitoring.prometheus_port(settings)}/")


def down(settings: Settings, tell: Tell) -> None:
    """End everything that runs, the public's door first. The data and the records stay."""
    for name in settings.environments:
        environment = Environment(settings, name)
        if not environment.folder.is_dir():
            continue
        with alone(environment.folder):
            environment.balancer.program.stop()
            for slot in SLOTS:
                environment.server(slot).stop()
            for left in ("ports", "haproxy.sock"):
                (environment.folder / left).unlink(missing_ok=True)
            # Whoever was being watched gets no requests after the next `up`.
            environment.records.put(spare=None, candidate=None)
        tell(f"{name} is down")
    if (settings.folder / "monitoring").is_dir():
        with alone(settings.folder / "monitoring"):
            monitoring.stop(settings)
    tell("monitoring is down")


def _up(environment: Environment, tell: Tell) -> None:
    """Start haproxy and the live release, if they do not run."""
    environment.folder.mkdir(parents=True, exist_ok=True)
    balancer, state = environment.balancer, environment.records.state()
    fresh = balancer.program.pid is None
    if fresh:
        environment.put_ports(*balancer.start(environment.target.port))
    live = state.live
    if live is None:
        return
    server = environment.server(live.slot)
    if server.pid is None:
        tell(f"{environment.name}: {live.short} is started again")
        live = run_server(environment, live)
        environment.records.put(live=live)
        fresh = True
    if fresh:
        balancer.place(live.slot, live.port)
        balancer.share({live.slot: 100})


def _put_visited(environment: Environment) -> None:
    """Add the link that is visited, unless it is there."""
    wish = json.dumps({"url": environment.settings.link, "alias": VISITED})
    status, _, text = servers.ask(environment.port(), "POST", "/api/links", wish)
    if status not in {201, 409}:
        raise CannotGo(f"{environment.name}: the link /{VISITED} could not be added: {text or status}")


def _missing() -> list[str]:
    missing = []
    for program, package in NEEDED.items():
        try:
            find(program, package)
        except CannotGo:
            missing.append(package)
    return missing


def status(settings: Settings) -> dict[str, object]:
    """What runs, as data."""
    found: dict[str, object] = {"monitoring": monitoring.running(settings)}
    for name in settings.environments:
        environment = Environment(settings, name)
        state = environment.records.state()
        shares: dict[str, int] = {}
        port = None
        with suppress(CannotGo):
            port = environment.port()
            shares = {slot: counted.weight for slot, counted in environment.balancer.counted().items()}
        found[name] = {
            "port": port,
            "up": environment.balancer.program.pid is not None,
            "releases": [
                {
                    "role": role,
                    "revision": release.revision,
                    "subject": release.subject,
                    "share": shares.get(release.slot, 0),
                    "running": environment.server(release.slot).pid is not None,
                }
                for role, release in (
                    ("live", state.live),
                    ("candidate", state.candidate),
                    ("spare", state.spare),
                )
                if release is not None
            ],
        }
    return found
