"""gunicorn's settings: `gunicorn --config python:shortener.serving`.

A deployment says what it wants by gunicorn's own options and `GUNICORN_CMD_ARGS`, which come after these.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

wsgi_app = "shortener.web:create_app()"
bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 30
graceful_timeout = 10
# Every visitor comes through a proxy on this machine: none of them says by a header where the service lies.
forwarder_headers = ""

# In memory: a worker is killed when it writes to a file that is mapped, and the disk is full.
_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  a folder with a name of its own is made in it
worker_tmp_dir = _memory

# Where the workers add up what they measure. It has to be there before the first of them imports anything.
_own = ""
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # What a service left behind that was killed.
    for _left in Path(_memory or tempfile.gettempdir()).glob("shortener-metrics-*-*"):
        if not Path("/proc", _left.name.split("-")[2]).exists():
            shutil.rmtree(_left, ignore_errors=True)
    _own = tempfile.mkdtemp(prefix=f"shortener-metrics-{os.getpid()}-", dir=_memory)
if _own:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _own


def child_exit(_server: object, worker: object) -> None:
    """A worker has ended: what it counted stays, what it alone stood for goes."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(getattr(worker, "pid", 0))


def on_exit(_server: object) -> None:
    """The service has ended: leave nothing behind."""
    if _own:
        shutil.rmtree(_own, ignore_errors=True)
