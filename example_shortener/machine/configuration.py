"""Render the configuration of the engines from templates, the settings, and the state of each environment."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from machine import engines
from machine.environments import VISITED, Environment
from machine.problems import CannotGo, WrongUsage
from machine.settings import Settings
from machine.system import PATIENCE, alone, read_json, replace, run

HERE = Path(__file__).parent
FILTERS: dict[str, Callable[[Any], str]] = {
    "time": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S UTC}",
    "span": lambda seconds: f"{seconds:.1f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes",
    "cell": lambda text: text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " "),
}
"""Template filters for a time, a duration, and the text of a table cell."""


def render(template: Path, **values: object) -> str:
    """Render a template, such as an engine's configuration, with these values. Raises WrongUsage with its mistake."""
    # Those in `monitoring/` come from a checkout, and must not run anything.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, keep_trailing_newline=True)
    environment.undefined = jinja2.StrictUndefined
    environment.filters |= FILTERS
    try:
        return environment.from_string(template.read_text("utf-8")).render(values)
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise WrongUsage(f"{template}: {error}") from error


def apply(settings: Settings, *, again: bool = False) -> bool:
    """Write the configuration of haproxy, Prometheus, and supervisord for the current states, and apply it.

    A running haproxy doesn't read it, since it has already been given its servers. With `again`, supervisord also
    starts what should be running and isn't. Returns whether supervisord had anything to do.
    """
    home, targets = settings.folder, []
    scripts = {"guard": (home / "services" / "guard").read_text("utf-8")}
    with alone(home / "services.lock", patience=PATIENCE):
        for environment in (Environment(settings, name) for name in settings.environments):
            state = environment.records.state()
            public, numbers = environment.port(), engines.port_of(settings, f"{environment.name}-numbers")
            servers = environment.servers(state)
            text = render(HERE / "haproxy.cfg", public=public, numbers=numbers, servers=servers)
            replace(environment.folder / "haproxy.cfg", text)
            for role, release in state.releases.items():
                scripts[environment.server(release.slot).name] = release.command
                if role != "baseline":
                    labels = {"environment": environment.name, "slot": release.slot, "role": role}
                    labels |= {"release": release.revision[:9]}
                    targets.append({"targets": [f"127.0.0.1:{release.port}"], "labels": labels})
        # Prometheus reloads the file when it is replaced.
        replace(home / "monitoring" / "releases.json", json.dumps(targets, indent=1))
        for name, text in scripts.items():
            replace(home / "services" / name, text)
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in scripts.items()}
        ports = read_json(home / "ports.json")
        text = render(
            HERE / "supervisord.conf",
            environments=settings.environments,
            ports=ports,
            scripts=digests,
            measured=is_measured(settings),
        )
        changed = replace(home / "services" / "supervisord.conf", text)
        if changed or again:
            engines.supervise(home, again=again)
        return changed


def is_measured(settings: Settings) -> bool:
    """Return whether the monitoring has been set up. It runs from the first release on."""
    return _since(settings).exists()


def write_monitoring(settings: Settings) -> None:
    """Write the configuration of the monitoring: the templates in `monitoring/`, and the rules from `slo.yaml`.

    The first call sets the start of measuring: time before it doesn't count as downtime.
    """
    source, since = settings.root / "monitoring", _since(settings)
    folder, began = since.parent, since.read_text("utf-8") if since.exists() else f"{time.time():.0f}"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"slo-rules.yml": slo_rules(settings, began)}
    texts |= {
        "alertmanager.yml": alertmanager_config(settings),
        "prometheus.yml": prometheus_config(settings),
    }
    for path in source.iterdir():
        if path.suffix in {".yml", ".json", ".html"} and path.name not in texts:
            shutil.copyfile(path, folder / path.name)
    for name, text in texts.items():
        replace(folder / name, text)
    # This comes last: from now on, the guard also starts the monitoring.
    replace(since, began)


def _since(settings: Settings) -> Path:
    return settings.folder / "monitoring" / "since"


def prometheus_config(settings: Settings) -> str:
    """Return `monitoring/prometheus.yml` with the ports to scrape."""
    ports = read_json(settings.folder / "ports.json")
    template, names = settings.root / "monitoring" / "prometheus.yml", list(settings.environments)
    return render(template, ports=ports, environments=names, visited=VISITED)


def alertmanager_config(settings: Settings) -> str:
    """Return `monitoring/alertmanager.yml` with the seniors in gate.yaml and the addresses in release.toml."""
    path = settings.root / "gate.yaml"
    try:
        people: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["people"]
        seniors = [person for person in people.values() if person.get("role") == "senior"]
        addresses = ", ".join(mail for person in seniors for mail in person.get("emails", [])[:1])
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CannotGo(f"{path} does not name the senior people ({error!r})") from error
    template = settings.root / "monitoring" / "alertmanager.yml"
    return render(template, notices=settings.notices, seniors=addresses)


def slo_rules(settings: Settings, since: str) -> str:
    """Return the rules that gate generates from `slo.yaml`. Raises WrongUsage with the mistakes in it."""
    words = ["budget", "--rules", str(settings.root / "slo.yaml"), "--since", since]
    code, output = run([sys.executable, "-I", "-m", "gate", *words], cwd=settings.folder)
    if code:
        raise WrongUsage(output)
    promised = {group["name"] for group in json.loads(output)["groups"]}
    if missing := [name for name in settings.environments if f"slo-{name}" not in promised]:
        raise WrongUsage(f"slo.yaml promises nothing for {' and '.join(missing)}")
    return output


def write_guard(settings: Settings) -> None:
    """Write the shell line that runs the guard: this tool, in the Python environment in which `up` runs."""
    words = [f"PYTHONPATH={HERE.parent}", f"PATH={os.environ.get('PATH', os.defpath)}"]
    words += [f"{name}={os.environ[name]}" for name in ("HOME", "USER") if name in os.environ]
    words += [sys.executable, "-P", "-m", "release", "--home", str(settings.folder), "guard"]
    command = f"cd {shlex.quote(str(settings.folder))} && exec env -i {shlex.join(words)}\n"
    # Changed settings need a new guard.
    command += f"# settings: {hashlib.sha256(repr(settings).encode()).hexdigest()}\n"
    replace(settings.folder / "services" / "guard", command)
