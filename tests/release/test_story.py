"""The incident from end to end, by the command that the README names; and what a deploy asks of gate."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from incident.stage import SAMPLE
from incident.visitors import CONNECTIONS
from support.shop import ENGINES, PATH, Shop, build_shop, needs
from support.waiting import until

pytestmark = pytest.mark.slow


def test_the_incident_is_over_in_less_than_ten_seconds(tmp_path: Path) -> None:
    """The unreviewed push is refused, the waived version 2 is rolled back, version 3 goes out."""
    needs(*ENGINES, "wrk")
    data = tmp_path / "kept"
    done = subprocess.run(
        [sys.executable, "-m", "incident", "--keep", str(data)],
        cwd=SAMPLE,
        env={"PATH": PATH, "HOME": str(tmp_path), "LANG": "C.UTF-8", "USER": "tester"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "the seniors' chat: " in done.stdout
    failed = re.search(
        r"visitors' requests that failed: (\d+) of (\d+), and (\d+) of the writer's", done.stdout
    )
    added = re.search(r"links added meanwhile: (\d+), of which (\d+) are lost", done.stdout)
    assert failed
    assert added
    bad, answered, bad_writes = map(int, failed.groups())
    # Version 2 fails whenever somebody follows a link. Of what came, a small share went to it, and only for a moment.
    assert answered > 0
    assert bad <= 10 + answered / 20
    assert bad_writes == 0
    assert int(added[1]) > 0
    assert int(added[2]) == 0
    shop = Shop(data / "host")
    (incident,) = [record for record in shop.records() if record["event"] == "rolled back"]
    assert incident["author"] == "New Hire <new@acme.example>"
    assert incident["ended"] - incident["began"] < 10
    # What the report says is what the visitors had, but for those who were waiting for their answer as it was written.
    assert abs(incident["failed"] - bad) <= CONNECTIONS
    until(lambda: not shop.left())


def test_gate_is_asked_before_and_notified_after(tmp_path: Path) -> None:
    needs(*ENGINES)
    asked = tmp_path / "asked"
    gate = tmp_path / "gate.sh"
    gate.write_text(
        f'#!/bin/sh\necho "$@" | sed "s# --report.*##" >> {asked}\n'
        f'case "$*" in *dry-run) exit 0;; esac\ntest ! -e {tmp_path}/no-$1\n'
    )
    gate.chmod(0o755)
    shop = build_shop(tmp_path, gate=f'"{gate}"')
    try:
        # Of the first release in each it only hears: there was nobody yet to harm.
        (tmp_path / "no-promote").touch()
        assert "gate has not recorded this yet" in shop.done("up", "version-1")
        first = shop.state("staging")["live"]["revision"]
        commands = {f"promote {first} --into {name}" for name in ("staging", "production")}
        assert set(asked.read_text().splitlines()) == commands
        # The guard tries again until gate has recorded them.
        (tmp_path / "no-promote").unlink()
        until(lambda: not any(shop.state(name)["owed"] for name in ("staging", "production")))
        asked.unlink()
        shop.done("deploy", "version-3", "--into", "staging")
        revision = shop.state("staging")["live"]["revision"]
        promote = f"promote {revision} --into staging"
        questions = [f"check --into staging --head {revision}", f"{promote} --dry-run", promote]
        assert asked.read_text().splitlines() == questions
        (tmp_path / "no-check").touch()
        result = shop.release("deploy", "version-3")
        assert (result.code, "check --into production" in result.err) == (1, True)
        assert (shop.live(), "exposed" in {record["event"] for record in shop.records()}) == (
            "Version 1",
            False,
        )
        # What gate does not record gets no visitor.
        (tmp_path / "no-check").unlink()
        (tmp_path / "no-promote").touch()
        result = shop.release("deploy", "version-3")
        assert (result.code, "refused" in result.err, shop.live()) == (1, True, "Version 1")
        assert "exposed" not in {record["event"] for record in shop.records()}
        # The rollback is reported as well, and needs no approval.
        (tmp_path / "no-promote").unlink()
        shop.done("deploy", "version-3")
        first = shop.state()["spare"]["revision"]
        (tmp_path / "no-promote").touch()
        assert "gate has not recorded this yet" in shop.done("rollback")
        assert asked.read_text().splitlines()[-1] == f"promote {first} --into production"
        assert shop.live() == "Version 1"
        # Only `up` puts a release where nothing is without asking.
        (shop.home / "production" / "state.json").unlink()
        (tmp_path / "no-promote").unlink()
        (tmp_path / "no-check").touch()
        result = shop.release("deploy", "version-1")
        assert (result.code, "check --into production" in result.err) == (1, True)
    finally:
        shop.done("down")
    until(lambda: not shop.left())


def test_a_checkout_decides_neither_about_settings_nor_about_the_gate(shop: Shop) -> None:
    shop.done("up", "version-1")
    settings = shop.root / "release.toml"
    good = settings.read_text()
    settings.write_text(good.replace('"true"', '"no-such-gate"').replace("watch = 0.5", "watch = 0.7"))
    assert "is live" in shop.done("deploy", "version-1"), "what a checkout says counts only for `up`"
    assert "the gate command stays `true`" in shop.done("up")
    assert "watch = 0.7" in (shop.home / "release.toml").read_text()
    # The administrator of the machine can.
    judge = shop.home / "gate.json"
    judge.write_text(judge.read_text().replace("true", "no-such-gate"))
    result = shop.release("deploy", "version-3")
    assert (result.code, "without gate nothing is released" in result.err, shop.live()) == (
        1,
        True,
        "Version 1",
    )
    state = shop.home / "production" / "state.json"
    for path, damaged, command in (
        (judge, "[]", ("deploy", "version-3")),
        (judge, "{", ("deploy", "version-3")),
        (state, "{", ("rollback",)),
    ):
        text = path.read_text()
        path.write_text(damaged)
        result = shop.release(*command)
        assert (result.code, f"{path} is damaged" in result.err) == (3, True), result.text
        path.write_text(text)


def test_what_is_missing_or_taken_is_named(shop: Shop) -> None:
    settings = shop.root / "release.toml"
    good = settings.read_text()
    shop.done("down")
    elsewhere = shop.root.parent / "elsewhere"
    for command in (("status",), ("rollback",), ("deploy", "version-1")):
        for home, words in ((shop.home, ()), (elsewhere, ("--home", str(elsewhere)))):
            result = shop.release(*words, *command)
            assert (result.code, f"nothing was ever up in {home}" in result.err) == (3, True), result.text
            assert not home.exists()
    result = shop.release("--home", "/dev/null/x", "up")
    assert (result.code, "Not a directory" in result.err) == (3, True)
    for revision in ("no-such-version", "HEAD..version-1", "HEAD:gate.yaml"):
        result = shop.release("up", revision)
        assert (result.code, f"{revision}: there is no such revision" in result.err) == (2, True)
    assert shop.release("deploy", "version-1", "--into", "nowhere").code == 2
    shop.done("down")
    taken = shop.release("status", "--json")
    assert json.loads(taken.out)["production"]["up"] is False
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings.write_text(
            good.replace("[environments.staging]\nport = 0", f"[environments.staging]\nport = {port}")
        )
        result = shop.release("up", "version-1")
    assert (result.code, f"port {port} is taken" in result.err) == (3, True)
    settings.write_text(good)
    environ = {"PATH": "/nowhere", "HOME": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "release", "up"],
        cwd=shop.root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "as root: apt-get install" in done.stderr
