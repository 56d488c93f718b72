"""Supervise one program, and leave nothing of it running.

`python -I -S supervisor.py STATUS MEMORY PROGRAM ARGUMENT…` starts PROGRAM in its own session. STATUS is the number of
a file descriptor to which the result is written: `pid N`, then `exit N`, `signal N`, or `error N`, one per line.

MEMORY is the number of bytes that the program and everything it starts may use; 0 means a SHARE of the free memory.
Beyond that, `memory N` is reported and all of it is ended, before the system runs out of memory and ends some process
of its own choice. Memory is only measured if there is a /proc.

Standard input is a lifeline. When its other end closes, because gate wants the program to end or because gate itself
was killed, the program is asked to end, and after GRACE it is killed. Anything that is left when the program has ended
is ended too. On Linux nothing can escape: the supervisor is the reaper of every orphan below it, no matter in which
session or environment. Elsewhere the process group is ended.

This needs a separate process, because only a process can outlive gate, and only one with a single thread may fork.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

assert sys.platform != "win32"  # noqa: S101  read by type checkers: the rest needs POSIX

GRACE = 2.0
"""Seconds between asking a program to end and killing it."""
LEFT_OVER = 5.0
"""Seconds after which the supervisor gives up on a process that even the system can't end."""
LOOK = 0.25
"""Seconds between two measurements of memory; longer if measuring is slow, so that it takes at most 5% of the time."""
SHARE = 0.8
"""The share of the free memory at the start that a program may use if there's no explicit limit."""
CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container finds its memory limit, usually lower than the machine's memory."""
DEAF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that the supervisor ignores: only the lifeline ends it."""
NEVER = float("inf")
PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl, if available."""
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def become(argv: list[str], errors: int) -> None:
    """Replace the new process with the program, or report on `errors` why that failed."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (*DEAF, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # If memory runs out, the kernel should kill the check, not the user's programs.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
        os.execvp(argv[0], argv)  # noqa: S606  this is a supervisor's job
    except OSError as error:
        os.write(errors, str(error.errno).encode())
    finally:
        os._exit(127)


def start(argv: list[str]) -> tuple[int, str]:
    """Start the program. Return its process id, and why it could not be started, or ""."""
    answer, errors = os.pipe()  # closed automatically when the program starts
    pid = os.fork()
    if pid == 0:
        become(argv, errors)
    os.close(errors)
    problem = os.read(answer, 32).decode()
    os.close(answer)
    return pid, problem


def watch(pid: int, ended: int, limit: float) -> tuple[int, int]:
    """Wait until the program has ended: by itself, because the lifeline closed, or because it used too much memory.

    Returns the status of `waitpid`, and the number of bytes it used if that was more than `limit`, else 0. `ended`
    becomes readable when any child has ended. Orphans are reaped as they come, as `init` would: a test may wait for a
    daemon's process to be gone.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(ended, select.POLLIN)
    deadline, greedy = NEVER, 0
    look = NEVER if limit == NEVER else time.monotonic() + LOOK
    while True:
        left = min(deadline, look) - time.monotonic()
        happened = {number for number, _ in poll.poll(None if left == NEVER else max(left, 0) * 1000)}
        if ended in happened:
            os.read(ended, 4096)
        reaped, status = reap(pid)
        if reaped:
            return status, greedy
        if 0 in happened and not os.read(0, 1):
            poll.unregister(0)
            signal_group(pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
        elif time.monotonic() >= deadline:
            signal_group(pid, signal.SIGKILL)
        began = time.monotonic()
        if began >= look:
            held = memory_held(limit)
            if held > limit:
                greedy = held
                signal_group(pid, signal.SIGKILL)
            now = time.monotonic()
            look = NEVER if greedy else now + max(LOOK, 20 * (now - began))


def reap(wanted: int) -> tuple[bool, int]:
    """Reap every child that has ended. Return whether `wanted` was among them, and its status."""
    reaped, result = False, 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == wanted:
                reaped, result = True, status
    return reaped, result


def end_all(group: int) -> None:
    """End the program's process group and, where the supervisor reaps orphans, everything left below it."""
    signal_group(group, signal.SIGKILL)
    deadline = time.monotonic() + LEFT_OVER
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                for child in children():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(child, signal.SIGKILL)
                time.sleep(0.002)


def children() -> list[int]:
    """Return the supervisor's own children, according to /proc."""
    own = os.getpid()
    return [pid for pid, (parent, _) in processes().items() if parent == own]


def processes() -> dict[int, tuple[int, int]]:
    """Return the parent of every process in /proc, and the bytes of memory it uses, including shared memory."""
    by_pid = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                fields = content(f"/proc/{name}/stat").rpartition(b")")[2].split()
                by_pid[int(name)] = int(fields[1]), int(fields[21]) * PAGE
    return by_pid


def memory_held(enough: float) -> int:
    """Return the bytes that everything below the supervisor uses together.

    Shared memory is counted for each process, unless the sum exceeds `enough`: only then is it worth querying the share
    of each process, which is slow.
    """
    by_pid = processes()
    below: set[int] = set()
    family = {os.getpid()}
    while family:
        family = {pid for pid, (parent, _) in by_pid.items() if parent in family} - below
        below |= family
    held = sum(by_pid[pid][1] for pid in below)
    return held if held <= enough else sum(fair_share(pid, by_pid[pid][1]) for pid in below)


def fair_share(pid: int, held: int) -> int:
    """Return the bytes of a process with shared memory divided among its users, or `held` if unknown."""
    with contextlib.suppress(OSError):
        for line in content(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return held


def allowance() -> float:
    """Return a SHARE of the memory now free on the machine and in the container, or NEVER if unknown."""
    free = NEVER
    with contextlib.suppress(OSError):
        for line in content("/proc/meminfo").splitlines():
            if line.startswith(b"MemAvailable:"):
                free = int(line.split()[1]) * 1024
    for path in CONTAINER:
        with contextlib.suppress(OSError, ValueError):  # without a limit, a cgroup says `max`
            free = min(free, int(content(path)))
    return free * SHARE


def content(path: str) -> bytes:
    """Return the content of a system file."""
    with open(path, "rb") as file:
        return file.read()


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, which may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def main() -> None:
    """Supervise the program in the arguments. Never returns."""
    reports, memory, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(reports, False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    limit = memory or allowance()
    pid, problem = start(argv)
    os.write(reports, f"pid {pid}\n".encode())
    if problem:
        os.write(reports, f"error {problem}\n".encode())
        os._exit(0)
    status, greedy = watch(pid, ended, limit)
    if greedy:
        os.write(reports, f"memory {greedy}\n".encode())
    end_all(pid)
    code = os.waitstatus_to_exitcode(status)
    os.write(reports, (f"exit {code}\n" if code >= 0 else f"signal {-code}\n").encode())
    os._exit(0)


if __name__ == "__main__":
    main()
