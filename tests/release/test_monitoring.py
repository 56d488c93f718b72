"""What the monitoring does, by the programs that will read its files; and an alert that comes through, for real."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
import yaml
from incident.stage import SAMPLE
from machine import configuration
from machine.client import ask
from machine.configuration import alertmanager_config, prometheus_config
from machine.engines import choose_ports
from machine.problems import WrongUsage
from machine.settings import Notices, Settings
from support.shop import ENGINES, PATH, Shop, build_shop, needs
from support.waiting import until
from support.webhooks import webhook

from gate.policy.promise import read_promises
from gate.reports.slo_rules import slo_rules

MONITORING = SAMPLE / "monitoring"
PROBE = 'probe_success{environment="production", step="visit"}'
HAPROXY = 'haproxy_frontend_http_responses_total{environment="production", proxy="public", code="%s"}'
DOWNTIME = 'slo:downtime:seconds{environment="production"}'
GAP = 'slo:gap:seconds{environment="production"}'


PROMISES = read_promises((SAMPLE / "slo.yaml").read_bytes(), "slo.yaml")


def run(*argv: str, cwd: Path = MONITORING) -> str:
    done = subprocess.run(argv, cwd=cwd, env={"PATH": PATH}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def measure(
    tmp_path: Path, series: dict[str, str], wanted: dict[str, float], at: str, *alerts: str,
    window: str = "365d", more: str = "",
) -> None:  # fmt: skip
    """Let promtool evaluate the rules of a promise over `series` (a value a second) and compare `wanted`."""
    needs("promtool")
    text = f"version: 1\nenvironments: {{production: {{downtime: 20m, window: {window}{more}}}}}\n"
    rules = slo_rules(read_promises(text.encode(), "slo.yaml"), 0)
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    # To the two measurements that begin and end something.
    exprs = [
        {
            "expr": f"({name} >= bool {value - 10}) * ({name} <= bool {value + 10})",
            "eval_time": at,
            "exp_samples": [{"labels": '{environment="production"}', "value": 1}],
        }
        for name, value in wanted.items()
    ]
    firing = [{"expr": f"count(ALERTS{{alertname='{name}', alertstate='firing'}})", "eval_time": at,
               "exp_samples": [{"labels": "{}", "value": 1}]} for name in alerts]  # fmt: skip
    case = {
        "interval": "1s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": exprs + firing,
    }
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "5s", "tests": [case]}
    (tmp_path / "tests.yml").write_text(json.dumps(tests))
    assert "SUCCESS" in run("promtool", "test", "rules", "tests.yml", cwd=tmp_path)


def test_downtime_is_what_the_probe_measures(tmp_path: Path) -> None:
    measure(tmp_path, {PROBE: "1x299 0x44 1x300"}, {DOWNTIME: 45, GAP: 5}, "10m")
    measure(tmp_path, {PROBE: "1x299 0x44 1x300"}, {DOWNTIME: 45, GAP: 5}, "350s", "BudgetBurns5m")


def test_the_share_of_failed_requests_counts_as_long_as_it_lasts(tmp_path: Path) -> None:
    series = {
        PROBE: "1x600",
        HAPROXY % "2xx": "0+10x300 3000+5x60 3300+10x240",
        HAPROXY % "5xx": "0x300 0+5x60 300x240",
    }
    measure(tmp_path, series, {DOWNTIME: 30}, "10m")


@pytest.mark.parametrize(("gaps", "downtime"), [("down", 300), ("up", 0)])
def test_time_without_measurements_counts_as_the_policy_says(
    tmp_path: Path, gaps: str, downtime: int
) -> None:
    series = {PROBE: "1x299 _x300 1x300"}
    measure(tmp_path, series, {GAP: 300, DOWNTIME: downtime}, "15m", more=f", gaps: {gaps}")


def test_announced_maintenance_is_no_downtime(tmp_path: Path) -> None:
    window = "{from: 1970-01-01T01:05:00+01:00, to: 1970-01-01T01:10:00+01:00, reason: disk}"
    series = {PROBE: "1x299 0x99 _x200 1x300"}
    measure(tmp_path, series, {DOWNTIME: 0}, "15m", more=f", maintenance: [{window}]")


def test_maintenance_that_has_left_the_window_hides_no_gap(tmp_path: Path) -> None:
    window = "{from: 1970-01-01T00:01:00Z, to: 1970-01-01T00:04:00Z, reason: disk}"
    series = {PROBE: "1x1799 _x300 1x300"}
    measure(tmp_path, series, {GAP: 300}, "40m", window="25m", more=f", maintenance: [{window}]")


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    needs("promtool", "amtool", "prometheus-blackbox-exporter")
    shutil.copytree(MONITORING, tmp_path, dirs_exist_ok=True)
    (tmp_path / "releases.json").write_text("[]")
    (tmp_path / "slo-rules.yml").write_text(json.dumps(slo_rules(PROMISES, 0)))
    settings = Settings(SAMPLE, home=str(tmp_path / "home"))
    choose_ports(settings)
    (tmp_path / "prometheus.yml").write_text(prometheus_config(settings))
    for name in ("prometheus.yml", "outside.yml"):
        run("promtool", "check", "config", "--lint-fatal", name, cwd=tmp_path)
    run("prometheus-blackbox-exporter", "--config.check", "--config.file=blackbox.yml", cwd=tmp_path)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Path:
    """The configuration as the tool writes it, with a mail server, a webhook and a dead man's switch."""
    needs("amtool")
    url = "http://127.0.0.1:1/hook"
    path = tmp_path / "alertmanager.yml"
    notices = Notices(smtp="127.0.0.1:25", webhook=url, heartbeat=url)
    path.write_text(alertmanager_config(Settings(SAMPLE, notices=notices)))
    return path


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("severity=page", "environment=production"), "seniors-now"),
        (("severity=ticket", "environment=production"), "seniors-later"),
        (("severity=page", "environment=staging"), "seniors-later"),
        (("severity=notice", "environment=staging"), "seniors-notice"),
        (("severity=customers", "environment=production"), "customers"),
        (("alertname=Heartbeat", "severity=heartbeat"), "heartbeat"),
        (("alertname=Anything",), "seniors-later"),
    ],
)
def test_who_is_notified_of_what(alertmanager: Path, labels: tuple[str, ...], receiver: str) -> None:
    run("amtool", "check-config", str(alertmanager))
    routes = run("amtool", "config", "routes", "test", f"--config.file={alertmanager}", *labels)
    assert routes.strip() == receiver


def test_the_senior_people_of_the_policy_are_notified(alertmanager: Path) -> None:
    receivers = yaml.safe_load(alertmanager.read_text())["receivers"]
    mails = {mail["to"] for receiver in receivers for mail in receiver.get("email_configs", [])}
    assert mails == {"nehemiah@acme.example"}
    without = yaml.safe_load(alertmanager_config(Settings(SAMPLE)))
    assert all(receiver.keys() == {"name"} for receiver in without["receivers"])


def query(shop: Shop, expression: str) -> list[Any]:
    status, _, text = ask(shop.prometheus(), "GET", f"/api/v1/query?query={urllib.parse.quote(expression)}")
    assert status == 200, text
    return list(json.loads(text)["data"]["result"])


def test_measuring_begins_only_once_its_configuration_is_written(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.folder.mkdir()
    (tmp_path / "slo.yaml").write_text("version: 1\n")
    with pytest.raises(WrongUsage):
        configuration.write_monitoring(settings)
    # Otherwise the guard would start Prometheus without a configuration.
    assert not configuration.is_measured(settings)


@pytest.mark.slow
def test_a_broken_service_wakes_somebody(tmp_path: Path) -> None:
    needs(*ENGINES)
    with webhook() as (url, received):
        shop = build_shop(tmp_path, more=f'[notices]\nwebhook = "{url}"\n')
        try:
            shop.done("up", "version-1")
            since = float((shop.home / "monitoring" / "since").read_text())
            assert since >= int(shop.records()[0]["at"]), "nothing was down before the first release"
            until(lambda: query(shop, "slo:bad:ratio{environment='production'}"))
            until(lambda: query(shop, 'shortener_requests_total{environment="production"}'))
            for panel in panels():
                query(shop, panel.replace("$environment", "production").replace("$__rate_interval", "1m"))
            (shop.home / "production" / "links.db").unlink()
            broken = time.monotonic()
            # Somebody may also be woken since this machine was too busy for a moment.
            alert = received.get(timeout=300)
            while (alert["status"], alert["receiver"]) != ("firing", "seniors-now"):
                alert = received.get(timeout=300)
            print(f"it took {time.monotonic() - broken:.1f} s")
            assert alert["commonLabels"]["environment"] == "production"
            assert alert["commonLabels"]["severity"] == "page"
        finally:
            shop.done("down")
        until(lambda: not shop.left())


def panels() -> list[str]:
    """Every query of the dashboard."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 8
    return queries


def test_the_dashboards_queries_are_valid(tmp_path: Path) -> None:
    needs("promtool")
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(panels())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run("promtool", "check", "rules", "rules.yml", cwd=tmp_path)
    recorded = {rule["record"] for group in slo_rules(PROMISES, 0)["groups"]
                for rule in group["rules"] if "record" in rule}  # fmt: skip
    assert set(re.findall(r"slo:[a-z]+:[a-z]+", " ".join(panels()))) <= recorded
