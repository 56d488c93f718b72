from __future__ import annotations

import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from shortener.database import MIGRATIONS, connect, is_ready, migrate
from shortener.links import Links
from shortener.migrations import steps
from shortener.settings import Settings


def test_migrating_again_keeps_everything(database: Path) -> None:
    code = Links(database).add("https://example.com/").code
    migrate(database)
    assert Links(database).find(code).target == "https://example.com/"


def test_many_workers_may_start_at_once(tmp_path: Path) -> None:
    start = Barrier(8)

    def worker(database: Path) -> int:
        start.wait()
        return migrate(database)

    with ThreadPoolExecutor(8) as pool:
        # Repeat it, since sqlite refuses one of them only occasionally.
        for round_ in range(30):
            database = tmp_path / f"{round_}.db"
            assert set(pool.map(worker, [database] * 8)) == {len(MIGRATIONS)}
            assert is_ready(database)


def test_a_database_of_a_later_release_keeps_its_version(database: Path) -> None:
    later = len(MIGRATIONS) + 1
    with closing(connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {later}")
    migrate(database)
    with closing(connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (later,)
    assert is_ready(database)


def test_a_database_that_is_replaced_or_gone_is_noticed(database: Path, tmp_path: Path) -> None:
    links = Links(database)
    links.add("https://example.com/", alias="old")
    other = tmp_path / "other.db"
    migrate(other)
    Links(other).add("https://example.com/", alias="new")
    links.find("old")
    with closing(connect(other)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.replace(database)
    assert links.find("new").code == "new"
    database.unlink()
    with pytest.raises(sqlite3.OperationalError):
        links.find("new")


def test_steps_go_forward_and_back(database: Path) -> None:
    assert migrate(database, 0) == 0
    assert not is_ready(database)
    assert migrate(database, len(MIGRATIONS)) == len(MIGRATIONS)
    assert is_ready(database)


def test_a_step_that_this_release_does_not_know_is_left_alone(database: Path) -> None:
    with closing(connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(ValueError, match="does not know"):
        migrate(database, len(MIGRATIONS))
    assert is_ready(database)


def test_a_step_without_a_way_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001-links.forward.sql").write_text("CREATE TABLE links (code TEXT)")
    with pytest.raises(ValueError, match=r"0001-links\.back\.sql"):
        steps(tmp_path)
    (tmp_path / "0001-links.forward.sql").rename(tmp_path / "0002-links.forward.sql")
    with pytest.raises(ValueError, match="0001-"):
        steps(tmp_path)


def test_a_lost_database_is_not_ready_and_not_replaced(database: Path) -> None:
    assert is_ready(database)
    database.unlink()
    assert not is_ready(database)
    with pytest.raises(sqlite3.OperationalError):
        Links(database).find("anything")
    assert not database.exists()


def test_an_empty_or_damaged_database_is_not_ready(tmp_path: Path) -> None:
    database = tmp_path / "links.db"
    database.write_bytes(b"")
    assert not is_ready(database)
    database.write_bytes(b"this is no database" * 100)
    assert not is_ready(database)


@pytest.mark.skipif(sys.platform == "win32", reason="such a name cannot exist there")
def test_the_name_of_the_file_may_be_odd(tmp_path: Path) -> None:
    database = tmp_path / "a?mode=memory#%41 .db"
    migrate(database)
    assert database.is_file()
    assert is_ready(database)


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment(
        {"SHORTENER_DATABASE": "/var/lib/links.db", "SHORTENER_BASE_URL": "https://sho.rt/"}
    )
    assert settings == Settings(Path("/var/lib/links.db"), "https://sho.rt")
    assert Settings.from_environment({}) == Settings(Path("shortener.db"))
    with pytest.raises(ValueError, match="SHORTENER_BASE_URL"):
        Settings.from_environment({"SHORTENER_BASE_URL": "sho.rt"})
