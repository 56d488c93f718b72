"""Programs that gate starts: whatever they do, they end, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.waiting import STAY, WAIT_FOR_NOTE, has_started, is_running, until, written_pid

from gate.process import Cancel, Finished, run, supervise

PYTHON = sys.executable
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux brings orphans back to their supervisor"
)


def supervised(
    *argv: str,
    cwd: Path,
    timeout: float = 300.0,
    limit: int = 100_000,
    cancel: Cancel | None = None,
    env: dict[str, str] | None = None,
) -> Finished:
    return supervise(
        argv,
        cwd=str(cwd),
        env={"PATH": os.environ["PATH"], **(env or {})},
        timeout=timeout,
        limit=limit,
        cancel=cancel or Cancel(),
    )


def script(cwd: Path, text: str, **options: float) -> Finished:
    (cwd / "script.py").write_text(text)
    return supervised(PYTHON, "script.py", cwd=cwd, **options)  # type: ignore[arg-type]  # the options' own types


def test_what_a_program_leaves_is_returned(tmp_path: Path) -> None:
    done = supervised("sh", "-c", "pwd; echo oops >&2; exit 3", cwd=tmp_path)
    assert (done.returncode, done.stderr, done.ended) == (3, b"oops\n", "exit")
    assert done.stdout.decode().strip() == str(tmp_path)


def test_it_gets_the_environment_it_is_given_and_no_other(tmp_path: Path) -> None:
    done = supervised("env", cwd=tmp_path, env={"ONLY": "this"})
    names = {line.partition("=")[0] for line in done.stdout.decode().splitlines()}
    assert names <= {"PATH", "ONLY", "PWD", "SHLVL", "_", "LC_CTYPE"}
    assert b"ONLY=this" in done.stdout


def test_it_gets_no_input(tmp_path: Path) -> None:
    assert supervised("cat", cwd=tmp_path).ended == "exit"


def test_arguments_of_any_bytes_arrive(tmp_path: Path) -> None:
    odd = "a\nb '\" \udcff -x"
    done = supervised(PYTHON, "-c", "import os,sys; os.write(1, os.fsencode(sys.argv[1]))", odd, cwd=tmp_path)
    assert done.stdout == os.fsencode(odd)


def test_a_signal_shows_in_the_exit_code(tmp_path: Path) -> None:
    assert supervised("sh", "-c", "kill -SEGV $$", cwd=tmp_path).returncode == -signal.SIGSEGV


@pytest.mark.parametrize("name", ["/no/such/program", "no-such-program"])
def test_what_is_not_there_cannot_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        supervised(name, cwd=tmp_path)
    assert caught.value.filename == name


def test_what_may_not_be_run_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    with pytest.raises(PermissionError):
        supervised(str(tmp_path / "plain"), cwd=tmp_path)


def timed_out(cwd: Path, text: str, note: Path) -> Finished:
    """Run a script for longer and longer, until it has come to write its note before the time was up."""
    for timeout in (1.0, 5.0, 25.0, 125.0):
        done = script(cwd, text, timeout=timeout)
        if has_started(note):
            return done
    pytest.fail("it never started")


@pytest.mark.slow
def test_a_program_that_hangs_is_ended_though_it_does_not_want_to(tmp_path: Path) -> None:
    note = tmp_path / "note"
    text = f"import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{STAY.format(note=str(note))}"
    done = timed_out(tmp_path, text, note)
    assert done.ended == "timeout"
    assert not is_running(written_pid(note))


@pytest.mark.slow
def test_a_program_is_asked_before_it_is_made_to_end(tmp_path: Path) -> None:
    note = tmp_path / "note"
    text = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'tidied up'), os._exit(0)))\n"
        f"{STAY.format(note=str(note))}\n"
    )
    done = timed_out(tmp_path, text, note)
    assert (done.ended, done.stdout) == ("timeout", b"tidied up")


def test_a_flood_is_ended_and_its_end_is_reported(tmp_path: Path) -> None:
    text = "import sys\nn = 0\nwhile True:\n    n += 1\n    print(n)\n"
    done = script(tmp_path, text, limit=10_000)
    assert done.ended == "overflow"
    assert len(done.stdout) == 10_000
    assert not done.stdout.startswith(b"1\n")


def test_a_long_output_within_the_limit_is_whole(tmp_path: Path) -> None:
    done = script(tmp_path, "print('x' * 99_998)")
    assert (done.ended, len(done.stdout)) == ("exit", 99_999)


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    cancel, note = Cancel(), tmp_path / "note"

    def cancel_when_it_runs() -> None:
        written_pid(note)
        cancel.set()

    threading.Thread(target=cancel_when_it_runs).start()
    (tmp_path / "script.py").write_text(f"import os, time\n{STAY.format(note=str(note))}")
    done = supervised(PYTHON, "script.py", cwd=tmp_path, cancel=cancel)
    assert done.ended == "cancelled"
    assert not is_running(written_pid(note))


FORKS = {
    "in its group": "os.fork() or stay()",
    "in a session of its own": "os.fork() or (os.setsid(), stay())",
    "twice removed": "os.fork() or (os.setsid(), os.fork() or stay(), os._exit(0))",
    "with another environment": "subprocess.Popen([sys.executable, '-c', STAY], env={}, start_new_session=True)",
    "deaf": "os.fork() or (os.setsid(), [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)], stay())",
}


@LINUX
@pytest.mark.parametrize("how", FORKS)
def test_what_stays_behind_is_ended(tmp_path: Path, how: str) -> None:
    note = tmp_path / "note"
    code = f"import os, time; {STAY.format(note=str(note))}"
    text = f"""
import os, signal, subprocess, sys, time
STAY = {code!r}
def stay():
    exec(STAY)
{FORKS[how]}
{WAIT_FOR_NOTE.format(note=str(note))}
print("done")
"""
    done = script(tmp_path, text)
    assert (done.ended, done.returncode, done.stdout) == ("exit", 0, b"done\n")
    assert not is_running(written_pid(note))


@LINUX
def test_a_test_may_wait_for_its_daemon_to_be_gone(tmp_path: Path) -> None:
    # An orphan that has ended must be taken leave of at once, as `init` does it.
    text = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        os.write(write, b"%d" % os.getpid())
        time.sleep(0.2)
    os._exit(0)
os.wait()
daemon = int(os.read(read, 20))
while True:
    try:
        os.kill(daemon, 0)
    except ProcessLookupError:
        print("gone")
        break
    time.sleep(0.02)
"""
    assert script(tmp_path, text).stdout == b"gone\n"


@LINUX
def test_nothing_is_left_when_gate_itself_is_killed(tmp_path: Path) -> None:
    notes = [tmp_path / "inside", tmp_path / "away"]
    inside, away = (f"import os, time; {STAY.format(note=str(note))}" for note in notes)
    (tmp_path / "check.py").write_text(
        f"import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {away!r}], env={{}}, start_new_session=True)\n"
        f"exec({inside!r})\n"
    )
    gate = (
        "import os, sys\nfrom gate.process import Cancel, supervise\n"
        f"supervise([sys.executable, 'check.py'], cwd={str(tmp_path)!r}, env=dict(os.environ), timeout=600, "
        "limit=1000, cancel=Cancel())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([PYTHON, "-c", gate], env=env)
    try:
        pids = [written_pid(note) for note in notes]
        assert all(map(is_running, pids))
    finally:
        process.kill()
        process.wait()
    until(lambda: not any(map(is_running, pids)))


@LINUX
def test_a_program_that_ends_its_supervisor_has_not_ended_well(tmp_path: Path) -> None:
    note = tmp_path / "note"
    text = f"import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\n{STAY.format(note=str(note))}"
    done = script(tmp_path, text)
    assert done.returncode == -signal.SIGKILL
    result = note.read_text() if note.exists() else ""  # it may have been ended while it wrote that
    until(lambda: not result or not is_running(int(result)))


@LINUX
@pytest.mark.parametrize("share", [True, False])
def test_memory_that_processes_share_is_counted_once(tmp_path: Path, share: bool) -> None:
    """Three children with the same 64 MB, or with 64 MB each, as the supervisor sees them that is their parent."""
    text = f"""
import os
from gate.plugins.supervisor import PAGE, allowance, memory_held
mine = bytearray(b"x" * 2**26) if {share} else None
ready, report = os.pipe()
held, hold = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        os.close(hold)
        mine = mine or bytearray(b"x" * 2**26)
        os.write(report, b"r")
        os.read(held, 1)
        os._exit(0)
for _ in range(3):
    os.read(ready, 1)
print(memory_held(2**27) // 2**20, 0 < allowance() < os.sysconf("SC_PHYS_PAGES") * PAGE)
"""
    (tmp_path / "script.py").write_text(text)
    root = str(Path(__file__).parents[2])
    result = supervised(PYTHON, "script.py", cwd=tmp_path, env={"PYTHONPATH": root}).stdout.decode().split()
    assert result[1] == "True"
    assert int(result[0]) < 100 if share else int(result[0]) >= 192


@LINUX
def test_it_is_the_first_to_go_when_memory_runs_out(tmp_path: Path) -> None:
    done = supervised("cat", "/proc/self/oom_score_adj", cwd=tmp_path)
    assert int(done.stdout) > int(Path("/proc/self/oom_score_adj").read_text())


def test_no_descriptor_of_gates_is_handed_on(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), False)
        done = script(tmp_path, "import os\nprint(sorted(map(int, os.listdir('/dev/fd')))[:-1])")
    assert done.stdout == b"[0, 1, 2]\n"


def test_a_trusted_program_is_given_its_input() -> None:
    done = run(["cat"], stdin=b"in")
    assert (done.returncode, done.stdout) == (0, b"in")
