"""Prometheus, Alertmanager and the blackbox exporter, with what is in `monitoring/` and the rules of `slo.yaml`."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from release import slo
from release.environments import VISITED, Environment, free_port
from release.problems import CannotGo
from release.services import PATIENCE, Service, find, replace
from release.settings import Settings

NAMES = ("prometheus", "alertmanager", "blackbox")
PACKAGES = {name: f"prometheus-{name}" for name in NAMES} | {
    "prometheus": "prometheus",
    "blackbox": "prometheus-blackbox-exporter",
}


def start(settings: Settings) -> None:
    """Start what does not run, and bring what has changed to what does. The environments must be up."""
    folder = _folder(settings)
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    ports = _ports(settings)
    since = folder / "since"
    if not since.exists():
        since.write_text(f"{time.time():.0f}", "utf-8")
    for path in (settings.root / "monitoring").iterdir():
        if path.suffix in {".yml", ".json"}:
            shutil.copyfile(path, folder / path.name)
    promises = slo.load(settings.root / "slo.yaml")
    rules = slo.rules(promises, float(since.read_text("utf-8")))
    (folder / "slo-rules.yml").write_text(json.dumps(rules, indent=1), "utf-8")
    (folder / "alertmanager.yml").write_text(alertmanager_config(settings), "utf-8")
    targets = [
        _target(f"http://127.0.0.1:{environment.port()}{path}", environment=environment.name, module=module)
        for environment in _environments(settings)
        for path, module in ((f"/{VISITED}", "visit"), ("/readyz", "ready"))
    ]
    _aim(folder, "probes", targets)
    _aim(
        folder,
        "haproxy",
        [_target(f"127.0.0.1:{e.numbers_port()}", environment=e.name) for e in _environments(settings)],
    )
    for name in ("alertmanager", "blackbox"):
        _aim(folder, name, [_target(f"127.0.0.1:{ports[name]}")])
    aim(settings)
    text = (
        (folder / "prometheus.yml").read_text("utf-8").replace("BLACKBOX", f"127.0.0.1:{ports['blackbox']}")
    )
    (folder / "prometheus.yml").write_text(text, "utf-8")
    commands = {
        "alertmanager": ["--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address="],
        "blackbox": ["--config.file=blackbox.yml"],
        "prometheus": [
            "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=400d",
            "--web.enable-lifecycle",
        ],
    }  # fmt: skip
    for name, options in commands.items():
        service = _service(settings, name)
        if service.pid is None:
            listen = f"--web.listen-address=127.0.0.1:{ports[name]}"
            program = find(PACKAGES[name], PACKAGES[name])
            service.start(
                [program, *options, listen], cwd=folder, env={"PATH": os.environ.get("PATH", os.defpath)}
            )
        else:
            _post(ports[name], "/-/reload", name)
    for name in NAMES:
        _wait(_service(settings, name), ports[name])


def running(settings: Settings) -> dict[str, bool]:
    """Which of them run."""
    return {name: _service(settings, name).pid is not None for name in NAMES}


def aim(settings: Settings) -> None:
    """Let Prometheus scrape the releases that run now."""
    targets = []
    for environment in _environments(settings):
        state = environment.records.state()
        for role in ("live", "candidate", "spare"):
            release = getattr(state, role)
            if release is not None:
                labels = {"environment": environment.name, "slot": release.slot, "role": role}
                targets.append(_target(f"127.0.0.1:{release.port}", release=release.revision[:9], **labels))
    if (_folder(settings) / "targets").is_dir():
        _aim(_folder(settings), "releases", targets)


def prometheus_port(settings: Settings) -> int:
    """Where Prometheus answers; raises CannotGo if it does not run."""
    if not (_folder(settings) / "ports.json").exists() or _service(settings, "prometheus").pid is None:
        raise CannotGo("Prometheus does not run; bring it up with: python -m release up")
    return _ports(settings)["prometheus"]


def query(settings: Settings, expression: str) -> list[Any]:
    """What Prometheus answers now, a series each; raises CannotGo if it does not."""
    url = f"http://127.0.0.1:{prometheus_port(settings)}/api/v1/query?query={quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return list(json.load(answer)["data"]["result"])
    except (OSError, ValueError, KeyError) as error:
        raise CannotGo(f"Prometheus does not answer: {error}") from error


def alertmanager_config(settings: Settings) -> str:
    """`monitoring/alertmanager.yml` with the seniors of gate.yaml and the addresses of release.toml in it.

    Where there is no mail server, no senior with an address or no webhook, nobody is notified that way.
    """
    import yaml

    text = (settings.root / "monitoring" / "alertmanager.yml").read_text("utf-8")
    notices, seniors = settings.notices, senior_addresses(settings.root)
    for word, value in (
        ("smtp.invalid:25", notices.smtp), ("sender@invalid", notices.sender),
        ("seniors@invalid", ", ".join(seniors)), ("http://webhook.invalid/", notices.webhook),
        ("http://heartbeat.invalid/", notices.heartbeat),
    ):  # fmt: skip
        text = text.replace(word, value)
    table = yaml.safe_load(text)
    for receiver in table["receivers"]:
        if not (notices.smtp and seniors):
            receiver.pop("email_configs", None)
        if not (notices.heartbeat if receiver["name"] == "heartbeat" else notices.webhook):
            receiver.pop("webhook_configs", None)
    if not notices.smtp:
        table["global"].pop("smtp_smarthost")
    return yaml.safe_dump(table, sort_keys=False)


def senior_addresses(root: Path) -> list[str]:
    """The mail addresses of the senior people in gate.yaml; raises CannotGo if they cannot be read."""
    import yaml

    try:
        people: dict[str, dict[str, Any]] = yaml.safe_load((root / "gate.yaml").read_text("utf-8"))["people"]
        seniors = [person for person in people.values() if person.get("role") == "senior"]
        return [mail for person in seniors for mail in person.get("emails", [])[:1]]
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CannotGo(f"{root / 'gate.yaml'} does not name the senior people ({error!r})") from error


def _environments(settings: Settings) -> list[Environment]:
    return [Environment(settings, name) for name in settings.environments]


def _service(settings: Settings, name: str) -> Service:
    return Service(settings.folder, name, settings.services == "systemd")


def _folder(settings: Settings) -> Path:
    return settings.folder / "monitoring"


def _ports(settings: Settings) -> dict[str, int]:
    """Where each of them listens: chosen once."""
    path = _folder(settings) / "ports.json"
    if not path.exists():
        ports = {name: free_port() for name in NAMES}
        path.write_text(
            json.dumps(ports | {"prometheus": settings.prometheus or ports["prometheus"]}), "utf-8"
        )
    chosen: dict[str, int] = json.loads(path.read_text("utf-8"))
    return chosen


def _post(port: int, path: str, name: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  as above
    except urllib.error.HTTPError as error:
        raise CannotGo(
            f"{name} does not accept its new configuration: {error.read().decode()[:500]}"
        ) from error
    except OSError as error:
        raise CannotGo(f"{name} does not answer: {error}") from error


def _wait(service: Service, port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=2).close()
            return
        except OSError as error:
            if service.pid is None or time.monotonic() > end:
                last = (
                    service.log.read_text("utf-8", "replace").strip().splitlines()[-1:]
                    if service.log.exists()
                    else []
                )
                raise CannotGo(
                    f"{service.name} did not start: {last or error} (see {service.log})"
                ) from error
        time.sleep(0.05)


def _target(address: str, **labels: str) -> dict[str, object]:
    return {"targets": [address], "labels": labels}


def _aim(folder: Path, name: str, targets: list[dict[str, object]]) -> None:
    """Prometheus reads the file anew when another one takes its place."""
    replace(folder / "targets" / f"{name}.json", json.dumps(targets, indent=1))
