"""gunicorn's settings: `gunicorn --config python:shortener.serving`.

A deployment overrides them with gunicorn's own options and `GUNICORN_CMD_ARGS`, which are read after these.
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
# All visitors come through a proxy on this machine, so no header may set the path of the service.
forwarder_headers = ""
# Its socket would be the same file for all of a user's services.
control_socket_disable = True

# In memory, since a worker that writes to a memory-mapped file is killed when the disk is full.
_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  a uniquely named folder is created in it
worker_tmp_dir = _memory

# The folder for the workers' metrics. It has to exist before the first worker imports anything.
_own = ""
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Remove what a killed service left behind.
    for _left in Path(_memory or tempfile.gettempdir()).glob("shortener-metrics-*-*"):
        if not Path("/proc", _left.name.split("-")[2]).exists():
            shutil.rmtree(_left, ignore_errors=True)
    _own = tempfile.mkdtemp(prefix=f"shortener-metrics-{os.getpid()}-", dir=_memory)
if _own:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _own


def child_exit(_server: object, worker: object) -> None:
    """Clean up after a worker: its counters stay, its live gauges are removed."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(getattr(worker, "pid", 0))


def on_exit(_server: object) -> None:
    """Remove the service's folder of metrics when it ends."""
    if _own:
        shutil.rmtree(_own, ignore_errors=True)
