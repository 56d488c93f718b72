"""Start and stop everything on this machine, and show what is running. The data stays."""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from typing import Any

from machine import builds, configuration, engines, monitoring
from machine.client import ask
from machine.environments import NOT_EXPOSED, VISITED, Environment, Running
from machine.problems import CannotGo, Overtaken, Say
from machine.settings import Settings, install
from machine.system import PATIENCE, alone


def start(settings: Settings, say: Say) -> None:
    """Start what isn't running, and apply changed settings.

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
                builds.wait(environment, release)
        # haproxy may have marked them as not ready, and somebody may have rolled back in the meantime.
        with environment.records.changing() as state:
            environment.balancer.share(environment.servers(state), PATIENCE)


def measure(settings: Settings) -> None:
    """Start measuring, once every environment has a release; apply changed rules and receivers."""
    for name in settings.environments:
        _put_visited(Environment(settings, name))
    if not configuration.is_measured(settings):
        configuration.write_monitoring(settings)
        configuration.apply(settings)
    monitoring.reload(settings)


def stop(settings: Settings, say: Say) -> None:
    """Stop everything. Data and records stay."""
    home = settings.folder
    if not (home / "ports.json").exists() and engines.Service(home, "supervisord").pid is None:
        return
    with _nobody_deploys(settings):
        # Without this file, nothing counts as up, so the guard doesn't restart anything.
        (home / "ports.json").unlink(missing_ok=True)
        engines.shut_down(home)
        for name in settings.environments:
            records = Environment(settings, name).records
            # A candidate gets no requests after the next `up`.
            with suppress(CannotGo, Overtaken):
                records.change(records.state(), candidate=None, baseline=None, step=NOT_EXPOSED)
            say(f"{name} is down")
    say("monitoring is down")


def status(settings: Settings) -> dict[str, Any]:
    """Return what is running in each environment, and which parts of the monitoring are running."""
    shown: dict[str, Any] = {}
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
        budget = monitoring.budget(environment)
        shown[name] = {"port": port, "up": bool(weights), "releases": releases, "budget": budget}
    running = {name: engines.Service(settings.folder, name).pid is not None for name in engines.MONITORS}
    return shown | {"monitoring": running}


def in_words(status: dict[str, Any]) -> str:
    """Return the status as text."""
    lines = []
    *environments, (_, monitors) = status.items()
    for name, shown in environments:
        lines.append(f"{name}: " + (f"http://127.0.0.1:{shown['port']}/" if shown["up"] else "down"))
        for release in shown["releases"]:
            how = f"{release['share']} %" if release["running"] else "not running"
            lines.append(f"  {release['role']:<9} {release['revision'][:9]}  {how:>11}  {release['subject']}")
        lines.append(f"  downtime budget: {shown['budget']}")
    running = ", ".join(f"{name} {'up' if runs else 'down'}" for name, runs in monitors.items())
    return "\n".join([*lines, f"monitoring: {running}"])


def ensure_ready(environment: Environment, role: str, release: Running, say: Say) -> None:
    """Start a release again unless it is ready, by haproxy's health check or else by what it answers itself."""
    with suppress(CannotGo, KeyError):
        if environment.balancer.counted()[role].ready:
            return
    if ask(release.port, "GET", "/readyz")[0] != 200:
        say(f"{environment.name}: {release.short} isn't running; starting it")
        configuration.apply(environment.settings, again=True)
        builds.wait(environment, release)


def _renew(environment: Environment) -> None:
    """Prepare the releases that ran before `down` to start with the current settings, on free ports."""
    state = environment.records.state()
    renewed = {role: builds.in_slot(environment, one, one.slot) for role, one in state.releases.items()}
    environment.records.change(state, **renewed)


def _nobody_deploys(settings: Settings) -> ExitStack:
    """Lock deploys in all environments; raises Busy if one is running."""
    with ExitStack() as locks:
        for name in settings.environments:
            locks.enter_context(alone(Environment(settings, name).deploying))
        return locks.pop_all()


def _put_visited(environment: Environment) -> None:
    """Add the link that probes request, unless it exists."""
    wish = json.dumps({"url": "https://example.com/", "alias": VISITED})
    key = builds.api_key(environment)
    status, _, text = ask(environment.port(), "POST", "/api/links", wish, key=key)
    if status not in {201, 409}:
        raise CannotGo(f"{environment.name}: the link /{VISITED} could not be added: {text or status}")
