from __future__ import annotations

import pytest

from shortener.codes import ALPHABET, LENGTH, check_alias, is_reserved, new_code
from shortener.problems import InvalidRequest


@pytest.mark.parametrize("alias", ["abc", "Spring-Sale_24", "9to5", "a" * 32, "apis"])
def test_an_alias_can_be_chosen(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias",
    [
        pytest.param("", id="empty"),
        pytest.param("ab", id="short"),
        pytest.param("a" * 33, id="long"),
        pytest.param("-abc", id="dash first"),
        pytest.param("_abc", id="underscore first"),
        pytest.param("a/b", id="slash"),
        pytest.param("../x", id="up"),
        pytest.param("a b", id="blank"),
        pytest.param("abc\n", id="newline"),
        pytest.param("a.b", id="dot"),
        pytest.param("ümlaut", id="umlaut"),
        pytest.param("\u0430bc", id="cyrillic"),
    ],
)
def test_an_alias_that_would_not_work_in_a_path_is_refused(alias: str) -> None:
    with pytest.raises(InvalidRequest):
        check_alias(alias)


@pytest.mark.parametrize("alias", ["api", "healthz", "readyz", "metrics", "static", "Admin", "API"])
def test_a_reserved_word_is_refused_in_any_case(alias: str) -> None:
    with pytest.raises(InvalidRequest, match="reserved"):
        check_alias(alias)


def test_new_codes_are_of_the_alphabet_and_differ() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == LENGTH and set(code) <= set(ALPHABET) for code in codes)
    assert all(check_alias(code) == code for code in codes)


def test_a_reserved_word_that_comes_up_by_chance_is_drawn_again() -> None:
    letters = iter("metrics" + "abcdefg")
    assert is_reserved("metrics")
    assert new_code(lambda _alphabet: next(letters)) == "abcdefg"
