"""Prometheus, Alertmanager and the blackbox exporter, with what is in `monitoring/` and the rules of `slo.yaml`."""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from release.environments import VISITED, Environment, free_port, must_be_free
from release.problems import CannotGo, WrongUsage
from release.services import PATIENCE, Service, find, read_json, render, replace, run
from release.settings import Settings

PACKAGES = {
    "prometheus": "prometheus", "alertmanager": "prometheus-alertmanager", "blackbox": "prometheus-blackbox-exporter",
}  # fmt: skip
NAMES = tuple(PACKAGES)
OPTIONS = {
    "alertmanager": ["--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address="],
    "blackbox": ["--config.file=blackbox.yml"],
    "prometheus": [
        "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=400d",
        "--web.enable-lifecycle", "--web.console.templates=.", "--web.console.libraries=.",
    ],
}  # fmt: skip


def start(settings: Settings) -> None:
    """Start what does not run, and bring what has changed to what does. The environments must be up."""
    folder, ports = _folder(settings), _ports(settings)
    for source in (settings.root / "monitoring").iterdir():
        if source.suffix in {".yml", ".json", ".html"}:
            shutil.copyfile(source, folder / source.name)
    replace(folder / "slo-rules.yml", _slo_rules(settings, _since(settings)))
    replace(folder / "alertmanager.yml", alertmanager_config(settings))
    probes, haproxies = [], []
    for environment in (Environment(settings, name) for name in settings.environments):
        haproxies.append(_target(environment.ports()[1], environment=environment.name))
        for path, module in ((VISITED, "visit"), ("readyz", "ready")):
            # The blackbox exporter visits what is in a parameter.
            labels = {"environment": environment.name, "step": module, "__param_module": module}
            labels["__param_target"] = f"http://127.0.0.1:{environment.port()}/{path}"
            probes.append(_target(ports["blackbox"], **labels))
    others = {name: [_target(ports[name])] for name in ("alertmanager", "blackbox")}
    for name, targets in {"probes": probes, "haproxy": haproxies, **others}.items():
        _aim(folder, name, targets)
    aim(settings)
    for name in NAMES:
        service, listen = _service(settings, name), f"--web.listen-address=127.0.0.1:{ports[name]}"
        if service.pid is None:
            must_be_free(ports[name])
            service.start([find(PACKAGES[name], PACKAGES[name]), *OPTIONS[name], listen], cwd=folder)
        else:
            _reload(name, ports[name])
    for name in NAMES:
        _wait(_service(settings, name), ports[name])


def running(settings: Settings) -> dict[str, bool]:
    """Which of them run."""
    return {name: _service(settings, name).pid is not None for name in NAMES}


def aim(settings: Settings) -> None:
    """Let Prometheus scrape the releases that run now."""
    targets = []
    for name in settings.environments:
        state = Environment(settings, name).records.state()
        for role in ("live", "candidate", "spare"):
            if release := getattr(state, role):
                labels = {"environment": name, "slot": release.slot, "role": role}
                targets.append(_target(release.port, release=release.revision[:9], **labels))
    if (_folder(settings) / "targets").is_dir():
        _aim(_folder(settings), "releases", targets)


def prometheus_port(settings: Settings) -> int:
    """Where Prometheus answers; raises CannotGo if it does not run."""
    if not (_folder(settings) / "ports.json").exists() or not running(settings)["prometheus"]:
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


def total(settings: Settings, expression: str) -> float:
    """The sum of all series; raises CannotGo where there is none."""
    series = query(settings, expression)
    if not series:
        raise CannotGo(f"Prometheus has no data for {expression}")
    return sum(float(item["value"][1]) for item in series)


def promised(environment: Environment) -> float:
    """The seconds of downtime that slo.yaml promises at most; raises CannotGo where it promises nothing."""
    groups = json.loads(_slo_rules(environment.settings))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule.get("record") == "slo:budget:seconds" and rule["labels"]["environment"] == environment.name:
            return float(rule["expr"].removeprefix("vector(").removesuffix(")"))
    raise CannotGo(f"slo.yaml promises nothing for {environment.name}")


def alertmanager_config(settings: Settings) -> str:
    """`monitoring/alertmanager.yml` with the seniors of gate.yaml and the addresses of release.toml in it."""
    template, seniors = settings.root / "monitoring" / "alertmanager.yml", senior_addresses(settings.root)
    return render(template, notices=settings.notices, seniors=", ".join(seniors))


def senior_addresses(root: Path) -> list[str]:
    """The mail addresses of the senior people in gate.yaml; raises CannotGo if they cannot be read."""
    try:
        people: dict[str, dict[str, Any]] = yaml.safe_load((root / "gate.yaml").read_text("utf-8"))["people"]
        seniors = [person for person in people.values() if person.get("role") == "senior"]
        return [mail for person in seniors for mail in person.get("emails", [])[:1]]
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CannotGo(f"{root / 'gate.yaml'} does not name the senior people ({error!r})") from error


def _slo_rules(settings: Settings, since: str = "0") -> str:
    """The rules that gate makes of `slo.yaml`; raises WrongUsage with what is wrong there."""
    words = ["budget", "--rules", str(settings.root / "slo.yaml"), "--since", since]
    code, output = run([sys.executable, "-I", "-m", "gate", *words], cwd=settings.folder)
    if code:
        raise WrongUsage(output)
    return output


def _since(settings: Settings) -> str:
    """When the measuring began, in seconds since 1970: what nobody measured before is no downtime."""
    path = _folder(settings) / "since"
    if not path.exists():
        replace(path, f"{time.time():.0f}")
    return path.read_text("utf-8")


def _service(settings: Settings, name: str) -> Service:
    return Service(settings.folder, name, settings.services == "systemd")


def _folder(settings: Settings) -> Path:
    return settings.folder / "monitoring"


def _ports(settings: Settings) -> dict[str, int]:
    """Where each of them listens: chosen once."""
    path = _folder(settings) / "ports.json"
    if not path.exists():
        (path.parent / "targets").mkdir(parents=True, exist_ok=True)
        ports = {name: free_port() for name in NAMES}
        replace(path, json.dumps(ports | {"prometheus": settings.prometheus or ports["prometheus"]}))
    return dict(read_json(path))


def _reload(name: str, port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/-/reload", method="POST")
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  this machine
    except urllib.error.HTTPError as error:
        reason = error.read().decode()[:500]
        raise CannotGo(f"{name} does not accept its new configuration: {reason}") from error
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
                raise CannotGo(f"{service.name} did not start: {service.last_line() or error}") from error
        time.sleep(0.05)


def _target(port: int, **labels: str) -> dict[str, object]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def _aim(folder: Path, name: str, targets: list[dict[str, object]]) -> None:
    """Prometheus reads the file anew when another one takes its place."""
    replace(folder / "targets" / f"{name}.json", json.dumps(targets, indent=1))
