"""Files are written whole or not at all, and an entry of a cache is read whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.store import key_of_entry, read_entry, write_atomically, write_entry


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "below" / "file"
    write_atomically(path, b"first")
    path.chmod(0o640)
    write_atomically(path, b"second", durable=True, expected=b"first", modified=1000.0)
    assert (path.read_bytes(), mode_of(path), path.stat().st_mtime) == (b"second", 0o640, 1000)
    write_atomically(path, b"third", mode=0o700)
    assert (path.read_bytes(), mode_of(path)) == (b"third", 0o700)
    assert names_in(path.parent) == ["file"]


def test_a_file_that_has_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"edited")
    with pytest.raises(OSError, match="it has just been changed"):
        write_atomically(path, b"new", expected=b"as it was")
    assert (path.read_bytes(), names_in(tmp_path)) == (b"edited", ["file"])


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"content")
    assert not write_entry(tmp_path / "folder", "key", b"body")
    assert names_in(tmp_path) == ["folder"]


def test_a_link_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / "link").symlink_to(outside)
    write_atomically(tmp_path / "link", b"content")
    assert (outside.read_bytes(), (tmp_path / "link").read_bytes()) == (b"mine", b"content")


@given(st.text(st.characters(blacklist_characters="\n")), st.binary(max_size=50))
def test_an_entry_is_read_for_its_own_key_only(
    tmp_path_factory: pytest.TempPathFactory, key: str, body: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "entry"
    assert write_entry(path, key, body)
    assert (read_entry(path, key), key_of_entry(path)) == (body, key)
    assert read_entry(path, key + "x") is None


@pytest.mark.parametrize("damage", [*range(40), "cut"])
def test_a_damaged_entry_is_not_there(tmp_path: Path, damage: int | str) -> None:
    path = tmp_path / "entry"
    write_entry(path, "the key", b"the body, which is longer")
    data = bytearray(path.read_bytes())
    if isinstance(damage, int):
        data[damage] ^= 1
    else:
        del data[-1]
    path.write_bytes(data)
    assert read_entry(path, "the key") is None


def test_an_entry_of_another_version_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    write_entry(path, "key", b"body")
    path.write_bytes(path.read_bytes().replace(b"store 1", b"store 0"))
    assert (read_entry(path, "key"), key_of_entry(path)) == (None, "")
