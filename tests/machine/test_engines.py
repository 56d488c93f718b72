"""What counts as a running service."""

from __future__ import annotations

import subprocess
from pathlib import Path

from machine.engines import Service


def test_a_process_that_got_the_id_of_a_service_is_none(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "home-2"
    for folder in (home / "services", elsewhere):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(home)
    service = Service(tmp_path / "link", "haproxy")
    assert service.pid is None
    for folder, leads, runs in ((home, True, True), (elsewhere, True, False), (home, False, False)):
        process = subprocess.Popen(["sleep", "600"], cwd=folder, start_new_session=leads)
        service.log.with_suffix(".pid").write_text(f"{process.pid}\n")
        try:
            assert service.pid == (process.pid if runs else None)
        finally:
            process.kill()
            process.wait()
        assert service.pid is None
