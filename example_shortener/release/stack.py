"""Run everything on one machine: one command starts it, another stops it, and the data stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from release import configuration, engines, monitoring, servers
from release.deploy import deploy
from release.environments import PREPARING, VISITED, Environment
from release.machine import PATIENCE, alone
from release.problems import CannotGo
from release.settings import Settings, install

Say = Callable[[str], None]


def up(settings: Settings, first: str, say: Say) -> None:
    """Start what isn't running, apply changed settings, and deploy `first` to environments without a release.

    From then on, the settings in `home` apply, regardless of any checkout.
    """
    engines.need_packages()
    install(settings, say)
    environments = [Environment(settings, name) for name in settings.environments]
    with _nobody_deploys(settings):
        if engines.Service(settings.folder, "supervisord").pid is None:
            for environment in environments:
                _renew(environment)
        engines.choose_ports(settings)
        if configuration.is_measured(settings):
            configuration.write_monitoring(settings)
        else:
            # Report mistakes before anything starts.
            configuration.slo_rules(settings, "0")
            configuration.alertmanager_config(settings)
        configuration.write_guard(settings)
        configuration.apply(settings, again=True)
    for environment in environments:
        state = environment.records.state()
        for role in ("live", "spare"):
            if release := state.releases.get(role):
                servers.wait(environment, release)
        # haproxy may have marked them as not ready, and somebody may have rolled back in the meantime.
        with environment.records.changing() as state:
            environment.balancer.share(environment.servers(state), PATIENCE)
        if state.live is None:
            deploy(environment, first, say, first=True)
        _put_visited(environment)
        say(f"{environment.name}: http://127.0.0.1:{environment.port()}/")
    if not configuration.is_measured(settings):
        configuration.write_monitoring(settings)
        configuration.apply(settings)
    monitoring.reload(settings)
    say(f"status: http://127.0.0.1:{monitoring.prometheus_port(settings)}/consoles/status.html")


def down(settings: Settings, say: Say) -> None:
    """Stop everything. Data and records stay."""
    home = settings.folder
    if not (home / "ports.json").exists():
        return
    with _nobody_deploys(settings):
        # Without this file, nothing counts as up, so the guard doesn't restart anything.
        (home / "ports.json").unlink()
        engines.shut_down(home)
        for name in settings.environments:
            records = Environment(settings, name).records
            # A candidate gets no requests after the next `up`.
            with suppress(CannotGo), records.changing() as state:
                records.write(replace(state, candidate=None, baseline=None, step=PREPARING))
            say(f"{name} is down")
    say("monitoring is down")


def status(settings: Settings) -> tuple[dict[str, dict[str, Any]], dict[str, bool]]:
    """Return what is running in each environment, and which parts of the monitoring are running."""
    environments: dict[str, dict[str, Any]] = {}
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
            for role, release in state.releases.items() if role != "baseline"
        ]  # fmt: skip
        environments[name] = {"port": port, "up": bool(weights), "releases": releases}
    return environments, {
        name: engines.Service(settings.folder, name).pid is not None for name in engines.MONITORS
    }


def _renew(environment: Environment) -> None:
    """Prepare the releases that ran before `down` to start with the current settings, on free ports."""
    with environment.records.changing() as state:
        renewed: dict[str, Any] = {
            role: servers.in_slot(environment, release, release.slot)
            for role, release in state.releases.items()
        }
        environment.records.write(replace(state, **renewed))


def _nobody_deploys(settings: Settings) -> ExitStack:
    """Lock deploys in all environments; raises Busy if one is running."""
    with ExitStack() as locks:
        for name in settings.environments:
            locks.enter_context(alone(Environment(settings, name).deploying))
        return locks.pop_all()


def _put_visited(environment: Environment) -> None:
    """Add the link that probes request, unless it exists."""
    wish = json.dumps({"url": "https://example.com/", "alias": VISITED})
    key = servers.api_key(environment)
    status, _, text = servers.ask(environment.port(), "POST", "/api/links", wish, key=key)
    if status not in {201, 409}:
        raise CannotGo(f"{environment.name}: the link /{VISITED} could not be added: {text or status}")
