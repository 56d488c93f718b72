"""What the release tool runs itself, and where it may listen."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from incident.stage import SAMPLE
from machine import builds
from machine.builds import interpreter, resolve
from machine.client import ask
from machine.configuration import render
from machine.environments import Environment, Running, State
from machine.problems import CannotGo, Refused, WrongUsage
from machine.settings import Settings
from machine.system import free_port, must_be_free, replace, run, visible
from support.company import isolated
from support.shop import PATH, needs
from support.waiting import alive, until


def test_what_waits_for_somebody_silent_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script, group = "sleep 600 & echo $$ > group; sleep 600", tmp_path / "group"
    for seconds in (0.5, 5, 50):
        code, output = run(["sh", "-c", script], cwd=tmp_path, seconds=seconds)
        assert (code, output) == (124, f"sh -c {script} … did not end in {seconds:g} s")
        # On a busy machine, the shell may have been ended before it came to that.
        if group.exists() and group.read_text():
            break
    # A signal to a group is on its way to each of its processes for a moment.
    until(lambda: not alive(int(group.read_text())))


def test_a_file_has_its_content_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure leaves the old file or the new one: it is on the disk before the name is, and then the name."""
    path, done = tmp_path / "state.json", list[str]()
    sync, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        of = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append(f"wrote {of.read_text()}" if of.is_file() else f"wrote {of.name}/")
        sync(descriptor)

    def renaming(one: Path, other: Path) -> Path:
        done.append(f"named {other.name}")
        return rename(one, other)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renaming)
    for text in ("a long state", "short"):
        done.clear()
        assert replace(path, text)
        assert done == [f"wrote {text}", "named state.json", f"wrote {tmp_path.name}/"]
        assert path.read_text() == text
    assert not replace(path, "short"), "nothing has changed"


@pytest.mark.slow
def test_who_is_killed_while_it_writes_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    program = (
        "import itertools, json, pathlib, sys; from machine.system import replace\n"
        "for n in itertools.count(): replace(pathlib.Path(sys.argv[1]), json.dumps([n] * (n % 7 * 5000)))"
    )
    for _ in range(5):
        path.unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=SAMPLE)
        until(path.exists)
        for _ in range(200):
            json.loads(path.read_text())
        writer.kill()
        writer.wait()
        json.loads(path.read_text())


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert run(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=tmp_path) == (3, "out\nerr")
    with pytest.raises(CannotGo, match="no-such-program is not installed"):
        run(["no-such-program"], cwd=tmp_path)


def test_a_port_that_was_chosen_is_given_to_nobody_else() -> None:
    ports = {free_port() for _ in range(200)}
    assert len(ports) == 200
    for port in ports:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        # An engine, as any server does it.
        with socket.create_server(("127.0.0.1", port)), pytest.raises(CannotGo):
            must_be_free(port)


def test_a_port_that_is_taken_is_not_shared() -> None:
    must_be_free(free_port())
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotGo, match=f"port {port} is taken"):
            must_be_free(port)


def test_the_units_are_valid_for_systemd(tmp_path: Path) -> None:
    needs("systemd-analyze")
    units, tool = tmp_path / "units", tmp_path / "release" / "tool" / "bin" / "shortener-release"
    shutil.copytree(SAMPLE / "systemd", units)
    names = sorted(path.name for path in units.iterdir())
    assert names == ["release.service", "release.timer", "shortener.service"]

    def verify() -> subprocess.CompletedProcess[str]:
        # It runs nothing, but looks for the programs.
        return subprocess.run(
            ["systemd-analyze", "--user", "--man=no", "verify", *(str(units / name) for name in names)],
            env={"PATH": PATH, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert "shortener-release is not executable" in verify().stderr
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    done = verify()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[project]\ndependencies = ["evil @ file:///tmp/evil"]\n', "file:///tmp/evil is an address"),
        ('[project]\ndependencies = ["flask", "--index-url=x"]\n', "does not say what the release needs"),
        ("[project]\ndependencies = [1]\n", "does not say what the release needs"),
        ("[project\n", "does not say what the release needs"),
        ("", "does not say what the release needs"),
    ],
)
def test_only_packages_are_installed_for_a_release(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(Refused, match=reason):
        interpreter(Environment(Settings(tmp_path), "production"), tmp_path)
    assert not (tmp_path / ".release" / "pythons").exists()


@pytest.mark.slow
def test_who_answers_a_byte_at_a_time_is_hung_up_on() -> None:
    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            for byte in b"HTTP/1.1 302 FOUND\r\n" + b"a" * 1000:
                connection.send(bytes([byte]))
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=[server], daemon=True).start()
        began = time.monotonic()
        assert ask(server.getsockname()[1], "HEAD", "/probe", timeout=0.5)[0] == 0
        assert time.monotonic() - began < 20


def test_what_a_commit_says_moves_no_cursor() -> None:
    assert visible("fix\r\x1b[2K\u202eit  now\n::stop-commands::x") == "fix �[2K�it now ::stop-commands::x"


def test_a_name_that_somebody_made_ambiguous_is_refused(tmp_path: Path) -> None:
    """Anyone who can push can add a tag with the name of the branch, and with it choose an old release."""

    def git(*words: str) -> str:
        env = isolated(tmp_path)
        done = subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@acme.example", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=Old")
    old = git("rev-parse", "HEAD")
    git("commit", "--quiet", "--allow-empty", "--message=New")
    new = git("rev-parse", "HEAD")
    main = "refs/remotes/origin/main"
    git("update-ref", main, new)
    assert resolve(tmp_path, "origin/main").revision == new
    for name in ("origin/main", main, new, new[:9]):
        git("update-ref", f"refs/tags/{name}", old)
    assert resolve(tmp_path, main).revision == resolve(tmp_path, new).revision == new
    for name in ("origin/main", new[:9]):
        with pytest.raises(WrongUsage, match="is ambiguous"):
            resolve(tmp_path, name)


def test_what_is_no_longer_used_is_removed_at_last(tmp_path: Path) -> None:
    settings, kinds = Settings(tmp_path), {"releases": 0, "pythons": 100}

    def path(kind: str, number: int) -> Path:
        return settings.folder / kind / (f"{kinds[kind] + number:02x}" * 20)

    for kind in kinds:
        for number in range(builds.KEPT + 3):
            (path(kind, number) / "bin").mkdir(parents=True)
            os.utime(path(kind, number), (number, number))
    command = f"exec {path('pythons', 1)}/bin/python -m gunicorn"
    used = Running("blue", path("releases", 1).name, "", "", command=command)
    Environment(settings, "production").records.write(State(spare=used))
    builds.remove_old(settings)
    for kind in kinds:
        left = {path(kind, number) for number in (1, *range(3, builds.KEPT + 3))}
        assert set((settings.folder / kind).iterdir()) == left


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{{ values.__class__.__base__.__subclasses__() }}", "unsafe"),
        ("{% for one in values %}", "endfor"),
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ values | time }}", "cannot be interpreted"),
    ],
)
def test_a_template_of_a_checkout_runs_nothing(tmp_path: Path, text: str, mistake: str) -> None:
    template = tmp_path / "prometheus.yml"
    template.write_text(text)
    with pytest.raises(WrongUsage, match=f"prometheus.yml: .*{mistake}"):
        render(template, values=[])
