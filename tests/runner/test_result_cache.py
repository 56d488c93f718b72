"""Cached results: read back whole, or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.result_cache import ResultCache, key_of

KEY = key_of("a")


def entry(folder: Path) -> Path:
    (path,) = folder.glob("*/*")
    return path


def test_what_was_put_is_got(tmp_path: Path) -> None:
    results = ResultCache(tmp_path / "kept")
    assert results.get(KEY) is None
    results.put(KEY, b"one\ntwo\0")
    assert results.get(KEY) == b"one\ntwo\0"
    results.put(KEY, b"")
    assert results.get(KEY) == b""


@given(st.lists(st.text()), st.lists(st.text()))
def test_other_parts_make_another_key(one: list[str], other: list[str]) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)


@pytest.mark.parametrize("cut", range(0, 76, 5))
def test_an_entry_that_was_cut_short_is_not_there(tmp_path: Path, cut: int) -> None:
    results = ResultCache(tmp_path)
    results.put(KEY, b"some result")
    path = entry(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    assert results.get(KEY) is None


@pytest.mark.parametrize("place", [0, 30, 63, 64, 65, 75])
def test_an_entry_with_a_changed_byte_is_not_there(tmp_path: Path, place: int) -> None:
    results = ResultCache(tmp_path)
    results.put(KEY, b"some result")
    path = entry(tmp_path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert results.get(KEY) is None


def test_an_entry_under_anothers_name_is_not_there(tmp_path: Path) -> None:
    results = ResultCache(tmp_path)
    results.put(KEY, b"some result")
    other = key_of("b")
    (tmp_path / other[:2]).mkdir(exist_ok=True)
    entry(tmp_path).rename(tmp_path / other[:2] / other[2:])
    assert results.get(other) is None


def test_a_folder_in_the_place_of_an_entry_does_no_harm(tmp_path: Path) -> None:
    results = ResultCache(tmp_path)
    (tmp_path / KEY[:2] / KEY[2:]).mkdir(parents=True)
    results.put(KEY, b"x")
    assert results.get(KEY) is None


def test_what_cannot_be_written_is_not_cached(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    results = ResultCache(tmp_path / "file" / "below")
    results.put(KEY, b"x")
    assert results.get(KEY) is None


def test_nothing_half_written_is_left_over(tmp_path: Path) -> None:
    ResultCache(tmp_path).put(KEY, b"x")
    assert len(list(tmp_path.glob("*/*"))) == 1


def test_the_oldest_of_too_many_are_forgotten_and_the_unused(tmp_path: Path) -> None:
    results = ResultCache(tmp_path, 5)
    keys = [f"ab{number}" for number in range(8)]
    now = time.time()
    for number, key in enumerate(keys):
        results.put(key, b"x")
        used = 1 if number == 0 else now - number
        os.utime(tmp_path / "ab" / str(number), (used, used))
    results.put("00x", b"x")
    assert [number for number, key in enumerate(keys) if results.get(key)] == [1, 2, 3, 4]
    assert results.get("00x") == b"x"


def test_to_use_an_entry_is_to_keep_it(tmp_path: Path) -> None:
    results = ResultCache(tmp_path)
    results.put(KEY, b"x")
    os.utime(entry(tmp_path), (1, 1))
    assert results.get(KEY) == b"x"
    results.prune()
    assert results.get(KEY) == b"x"


def test_a_shared_folder_gives_what_another_clone_has_found(tmp_path: Path) -> None:
    shared = ResultCache(tmp_path / "shared")
    first, second = (ResultCache(tmp_path / name, shared=shared) for name in ("one", "two"))
    first.put("a" * 64, b"found")
    first.put("b" * 64, b"a failure", share=False)
    assert second.get("b" * 64) is None
    assert second.get("a" * 64) == b"found"
    assert ResultCache(tmp_path / "two").get("a" * 64) == b"found"
