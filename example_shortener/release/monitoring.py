"""Prometheus, Alertmanager and the prober: started with what is in `monitoring/`, and told whom to look at."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from release.environments import Environment
from release.problems import CannotGo
from release.processes import Program, find
from release.settings import Settings
from release.telling import senior_addresses

LISTENING = r'msg="Listening on" address=127\.0\.0\.1:(\d+)'
NAMES = ("prometheus", "alertmanager", "prober")


def start(settings: Settings) -> None:
    """Start all three, unless they run. The environments must be up."""
    folder = _folder(settings)
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    for name in ("prometheus.yml", "rules.yml"):
        shutil.copyfile(settings.root / "monitoring" / name, folder / name)
    (folder / "alertmanager.yml").write_text(alertmanager_config(settings), "utf-8")
    clean = {"PATH": os.environ.get("PATH", os.defpath)}
    alertmanager, prober, prometheus = (
        Program(folder, name) for name in ("alertmanager", "prober", "prometheus")
    )
    if alertmanager.pid is None:
        alertmanager.start(
            [
                find("prometheus-alertmanager", "prometheus-alertmanager"),
                "--config.file=alertmanager.yml",
                "--storage.path=alerts",
                "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address=",
            ],
            cwd=folder,
            env=clean,
        )
    environments = [Environment(settings, name) for name in settings.environments]
    # It knows the environments' ports, which may be others than the last time.
    prober.stop()
    # It is part of the release that is live: what runs here must not hang on a folder of a CI server.
    live = environments[-1].records.state().live
    if live is None:
        raise CannotGo(
            f"{environments[-1].name}: nothing was released there; bring it up with: python -m release up"
        )
    prober.start(
        [environments[-1].python(live), "-m", "release.prober", str(settings.visit_every)]
        + [f"{environment.name}={environment.port()}" for environment in environments],
        cwd=environments[-1].tree(live),
        env=clean,
    )
    _aim(folder, "alertmanager", [_target(int(alertmanager.wait_for(LISTENING)))])
    _aim(folder, "prober", [_target(int(prober.wait_for(r"listening on (\d+)")))])
    _aim(
        folder,
        "haproxy",
        [_target(environment.numbers_port(), environment=environment.name) for environment in environments],
    )
    aim(settings)
    if prometheus.pid is None:
        prometheus.start(
            [
                find("prometheus", "prometheus"),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--storage.tsdb.retention.time=400d",
                f"--web.listen-address=127.0.0.1:{settings.prometheus}",
            ],
            cwd=folder,
            env=clean,
        )
        prometheus.wait_for("(Server is ready)")


def stop(settings: Settings) -> None:
    """End all three."""
    for name in NAMES:
        Program(_folder(settings), name).stop()


def running(settings: Settings) -> dict[str, bool]:
    """Which of them run."""
    return {name: Program(_folder(settings), name).pid is not None for name in NAMES}


def aim(settings: Settings) -> None:
    """Let Prometheus look at the releases that run now."""
    targets = []
    for name in settings.environments:
        state = Environment(settings, name).records.state()
        for role, release in (("live", state.live), ("candidate", state.candidate), ("spare", state.spare)):
            if release is not None:
                labels = {
                    "environment": name,
                    "slot": release.slot,
                    "release": release.revision[:9],
                    "role": role,
                }
                targets.append(_target(release.port, **labels))
    if (_folder(settings) / "targets").is_dir():
        _aim(_folder(settings), "releases", targets)


def prometheus_port(settings: Settings) -> int:
    """Where Prometheus answers; raises CannotGo if it does not run."""
    prometheus = Program(_folder(settings), "prometheus")
    if prometheus.pid is None:
        raise CannotGo("Prometheus does not run; bring it up with: python -m release up")
    return int(prometheus.wait_for(LISTENING))


def alertmanager_config(settings: Settings) -> str:
    """`monitoring/alertmanager.yml` with the people of gate.yaml and the addresses of release.toml in it.

    Where there is no mail server, no senior with an address or no webhook, nobody is told by that way.
    """
    import yaml

    text = (settings.root / "monitoring" / "alertmanager.yml").read_text("utf-8")
    notices, seniors = settings.notices, senior_addresses(settings.root)
    for word, value in (
        ("smtp.invalid:25", notices.smtp),
        ("sender@invalid", notices.sender),
        ("seniors@invalid", ", ".join(seniors)),
        ("http://webhook.invalid/", notices.webhook),
    ):
        text = text.replace(word, value)
    table = yaml.safe_load(text)
    for receiver in table["receivers"]:
        if not (notices.smtp and seniors):
            receiver.pop("email_configs", None)
        if not notices.webhook:
            receiver.pop("webhook_configs", None)
    if not notices.smtp:
        table["global"].pop("smtp_smarthost")
    return yaml.safe_dump(table, sort_keys=False)


def _folder(settings: Settings) -> Path:
    return settings.folder / "monitoring"


def _target(port: int, **labels: str) -> dict[str, object]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def _aim(folder: Path, name: str, targets: list[dict[str, object]]) -> None:
    """Prometheus reads the file anew when another one takes its place."""
    beside = folder / "targets" / f"{name}.new"
    beside.write_text(json.dumps(targets, indent=1), "utf-8")
    beside.replace(folder / "targets" / f"{name}.json")
