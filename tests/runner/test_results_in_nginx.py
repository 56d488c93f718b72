"""Shared results in nginx with WebDAV, also when it is killed in the middle of an upload."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gate.policy.keys import PublicKey
from gate.shared_results import stores
from gate.shared_results.signed import SignedResults
from gate.shared_results.stores import Server
from gate.ssh import SigningKey, find_key

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIG = """\
daemon off;
worker_processes 1;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER/uploads;
  proxy_temp_path FOLDER/t1; fastcgi_temp_path FOLDER/t2; uwsgi_temp_path FOLDER/t3; scgi_temp_path FOLDER/t4;
  client_body_buffer_size 1k;
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:PORT;
    root FOLDER/files;
    location / { dav_methods PUT; create_full_put_path on; }
  }
}
"""
AS_ROOT = ["-g", "user root;"] if os.getuid() == 0 else []
KEY, OTHER = "a" * 64, "b" * 64

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    path = tmp_path_factory.mktemp("keys") / "ci"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return find_key(str(path), "", ())


@contextmanager
def nginx(folder: Path, listening: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A running server that takes over the listening socket, so that no other program can get its port."""
    (folder / "files").mkdir(exist_ok=True)
    port = str(listening.getsockname()[1])
    (folder / "nginx.conf").write_text(CONFIG.replace("FOLDER", str(folder)).replace("PORT", port))
    number = listening.fileno()
    with subprocess.Popen(
        [str(NGINX), "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf"), *AS_ROOT],
        env={**os.environ, "NGINX": f"{number};"},
        pass_fds=[number],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            kill(process)


def kill(server: subprocess.Popen[bytes]) -> None:
    """Kill the server with its worker, unless that has happened already."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def results(port: int, key: SigningKey, *, writes: bool = True) -> SignedResults:
    trusted: dict[str, PublicKey] = {key.public.blob: key.public}
    return SignedResults(Server(f"http://127.0.0.1:{port}"), "a/b", trusted, key if writes else None)


@pytest.mark.slow
def test_nginx_keeps_what_a_bot_has_signed_and_nothing_of_an_upload_that_ended(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SECONDS", 60.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = int(listening.getsockname()[1])
        with nginx(tmp_path, listening) as server:
            results(port, key).put(KEY, b"passed")
            assert results(port, key, writes=False).get(KEY) == b"passed"
            assert results(port, key, writes=False).get(OTHER) is None
            with socket.create_connection(("127.0.0.1", port)) as upload:
                upload.sendall(
                    f"PUT /ac/{OTHER} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n".encode()
                    + b"x" * 50_000
                )
                wait_for_file(tmp_path / "uploads")
                kill(server)
        # The port is still taken by the socket of this test, but nobody answers.
        assert not (tmp_path / "files" / "ac" / OTHER).exists()
        with nginx(tmp_path, listening):
            assert results(port, key, writes=False).get(OTHER) is None
            assert results(port, key, writes=False).get(KEY) == b"passed"
            results(port, key).put(OTHER, b"passed, too")
            assert results(port, key, writes=False).get(OTHER) == b"passed, too"


def wait_for_file(folder: Path) -> None:
    """Wait until something is in a folder, or below it."""
    while not (folder.is_dir() and any(path.is_file() and path.stat().st_size for path in folder.rglob("*"))):
        time.sleep(0.01)
