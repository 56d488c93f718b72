from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shortener.links import TRIES, Links
from shortener.problems import AliasTaken, Expired, NoFreeCode, UnknownCode
from tests.conftest import Clock

TARGET = "https://example.com/a"


def test_a_link_leads_to_its_target_and_counts(links: Links) -> None:
    code = links.add(TARGET).code
    assert [links.follow(code) for _ in range(3)] == [TARGET] * 3
    assert links.find(code).clicks == 3


def test_looking_is_not_counted(links: Links) -> None:
    code = links.add(TARGET).code
    assert links.target(code) == TARGET
    assert links.find(code).clicks == 0


def test_an_alias_is_the_code(links: Links) -> None:
    assert links.add(TARGET, alias="spring").code == "spring"
    assert links.follow("spring") == TARGET


def test_case_matters(links: Links) -> None:
    links.add(TARGET, alias="Spring")
    with pytest.raises(UnknownCode):
        links.follow("spring")


def test_an_alias_is_given_once(links: Links) -> None:
    links.add(TARGET, alias="spring")
    with pytest.raises(AliasTaken):
        links.add("https://example.com/b", alias="spring")
    assert links.target("spring") == TARGET


def test_an_expired_link_is_gone_and_its_alias_stays_taken(links: Links, clock: Clock) -> None:
    links.add(TARGET, alias="spring", lifetime=60)
    clock.advance(59)
    assert links.follow("spring") == TARGET
    clock.advance(1)
    with pytest.raises(Expired):
        links.follow("spring")
    with pytest.raises(Expired):
        links.target("spring")
    with pytest.raises(AliasTaken):
        links.add(TARGET, alias="spring")
    assert links.find("spring").clicks == 1


@pytest.mark.parametrize("code", ["nothing", "", "%", "' OR 1=1 --", "\x00"])
def test_an_unknown_code_is_unknown(links: Links, code: str) -> None:
    links.add(TARGET)
    with pytest.raises(UnknownCode):
        links.follow(code)


def test_a_collision_is_tried_again(database: Path) -> None:
    drawn = iter(["aaaaaaa", "aaaaaaa", "aaaaaaa", "bbbbbbb"])
    links = Links(database, codes=lambda: next(drawn))
    assert [links.add(TARGET).code, links.add(TARGET).code] == ["aaaaaaa", "bbbbbbb"]


def test_it_gives_up_when_every_code_is_taken(database: Path) -> None:
    tried: list[str] = []

    def same() -> str:
        tried.append("aaaaaaa")
        return tried[-1]

    links = Links(database, codes=same)
    links.add(TARGET)
    with pytest.raises(NoFreeCode):
        links.add(TARGET)
    assert len(tried) == 1 + TRIES


def test_no_click_is_lost_when_many_come_at_once(links: Links) -> None:
    code = links.add(TARGET).code
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: links.follow(code), range(200)))
    assert links.find(code).clicks == 200


def test_of_many_who_want_an_alias_at_once_one_gets_it(links: Links) -> None:
    def attempt(number: int) -> str:
        try:
            return links.add(f"https://example.com/{number}", alias="spring").target
        except AliasTaken:
            return ""

    with ThreadPoolExecutor(8) as pool:
        got = [target for target in pool.map(attempt, range(32)) if target]
    assert got == [links.target("spring")]
