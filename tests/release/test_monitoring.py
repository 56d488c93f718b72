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
from release import prober
from release.monitoring import alertmanager_config
from release.servers import ask
from release.settings import Notices, Settings
from release.story.stage import SAMPLE
from support.shop import PATH, Shop, build_shop, needs
from support.webhooks import webhook

MONITORING = SAMPLE / "monitoring"


def run(*argv: str, cwd: Path = MONITORING) -> str:
    done = subprocess.run(argv, cwd=cwd, env={"PATH": PATH}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def alertmanager(tmp_path: Path) -> Path:
    """The configuration as the tool writes it, with a mail server and a webhook."""
    needs("amtool")
    notices = Notices(smtp="127.0.0.1:25", webhook="http://127.0.0.1:1/hook")
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager_config(Settings(SAMPLE, notices=notices)))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("cases", ["rules_seconds_test.yml", "rules_test.yml", "rules_days_test.yml"])
def test_the_rules_wake_somebody_up_when_they_should_and_only_then(cases: str) -> None:
    needs("promtool")
    assert "SUCCESS" in run("promtool", "test", "rules", cases)


def test_the_configuration_is_one(tmp_path: Path) -> None:
    needs("promtool")
    shutil.copytree(MONITORING, tmp_path, dirs_exist_ok=True)
    (tmp_path / "targets").mkdir()
    for name in ("haproxy", "releases", "prober", "alertmanager"):
        (tmp_path / "targets" / f"{name}.json").write_text("[]")
    run("promtool", "check", "config", "--lint-fatal", "prometheus.yml", cwd=tmp_path)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("severity=page", "environment=production"), "seniors-now"),
        (("severity=ticket", "environment=production"), "seniors-later"),
        (("severity=page", "environment=staging"), "seniors-later"),
        (("alertname=Anything",), "seniors-later"),
    ],
)
def test_who_hears_of_what(alertmanager: Path, labels: tuple[str, ...], receiver: str) -> None:
    run("amtool", "check-config", str(alertmanager))
    assert (
        run("amtool", "config", "routes", "test", f"--config.file={alertmanager}", *labels).strip()
        == receiver
    )


def test_the_senior_people_of_the_policy_are_told(alertmanager: Path) -> None:
    receivers = yaml.safe_load(alertmanager.read_text())["receivers"]
    assert {mail["to"] for receiver in receivers for mail in receiver["email_configs"]} == {
        "nehemiah@acme.example"
    }
    without = yaml.safe_load(alertmanager_config(Settings(SAMPLE)))
    assert all(receiver.keys() == {"name"} for receiver in without["receivers"])


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(alerts) >= 7
    assert {rule["labels"]["severity"] for rule in alerts} == {"page", "ticket"}
    assert all(rule["annotations"].keys() == {"summary", "todo"} for rule in alerts)


def query(shop: Shop, expression: str) -> list[Any]:
    status, _, text = ask(shop.prometheus(), "GET", f"/api/v1/query?query={urllib.parse.quote(expression)}")
    assert status == 200, text
    return list(json.loads(text)["data"]["result"])


def until(condition: Any, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def seconds_of(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m)", text).groups()  # type: ignore[union-attr]  # else it fails here
    return float(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def test_a_broken_service_is_to_be_heard_of_within_ten_seconds() -> None:
    """By everything that has to pass until then, so that no slow machine has a say in it."""
    prometheus, rules, alertmanager = (
        yaml.safe_load((MONITORING / name).read_text())
        for name in ("prometheus.yml", "rules.yml", "alertmanager.yml")
    )
    (job,) = (job for job in prometheus["scrape_configs"] if job["job_name"] == "prober")
    (group,) = (group for group in rules["groups"] if group["name"] == "down")
    (rule,) = group["rules"]
    (window,) = set(re.findall(r"\[(\w+)\]", rule["expr"]))
    assert "for" not in rule
    (route,) = alertmanager["route"]["routes"]
    waits = (job["scrape_interval"], window, group["interval"], route["group_wait"])
    assert Settings(SAMPLE).visit_every + prober.PATIENCE + sum(map(seconds_of, waits)) <= 10


@pytest.mark.slow
def test_a_broken_service_is_heard_of(tmp_path: Path) -> None:
    needs("haproxy", "prometheus", "prometheus-alertmanager")
    with webhook() as (url, received):
        shop = build_shop(tmp_path, more=f'[notices]\nwebhook = "{url}"\n')
        try:
            shop.done("up", "version-1")
            until(lambda: query(shop, 'environment:failures:ratio5m{sli="probe", environment="production"}'))
            until(lambda: query(shop, 'shortener_requests_total{environment="production"}'))
            for panel in panels():
                query(shop, panel.replace("$environment", "production").replace("$__rate_interval", "1m"))
            (shop.home / "production" / "links.db").unlink()
            broken = time.monotonic()
            alert = received.get(timeout=300)
            print(f"it took {time.monotonic() - broken:.1f} s")
            assert alert["status"] == "firing"
            assert alert["receiver"] == "seniors-now"
            assert alert["commonLabels"]["environment"] == "production"
            assert alert["commonLabels"]["severity"] == "page"
        finally:
            shop.done("down")
        assert shop.left() == []


def panels() -> list[str]:
    """Every query of the dashboard."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(found) >= 8
    return found


def test_the_dashboards_queries_are_queries(tmp_path: Path) -> None:
    needs("promtool")
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(panels())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run("promtool", "check", "rules", "rules.yml", cwd=tmp_path)
