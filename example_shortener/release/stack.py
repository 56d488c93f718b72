"""Bring the service up with a first release, and down again."""

from __future__ import annotations

from machine import setup
from machine.environments import Environment
from machine.monitoring import prometheus_port
from machine.problems import Say
from machine.settings import Settings
from release.deploy import deploy

down = setup.stop


def up(settings: Settings, first: str, say: Say) -> None:
    """Start what isn't running, apply changed settings, and deploy `first` to environments without a release."""
    setup.start(settings, say)
    for name in settings.environments:
        environment = Environment(settings, name)
        if environment.records.state().live is None:
            deploy(environment, first, say, first=True)
        say(f"{name}: http://127.0.0.1:{environment.port()}/")
    setup.measure(settings)
    say(f"status: http://127.0.0.1:{prometheus_port(settings)}/consoles/status.html")
