"""Find the known word that a misspelled one is meant to be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits

from gate.names.resolve.package_words import WordList
from gate.names.spelling.synonyms import synonyms_of

LETTERS = f"{ascii_lowercase}_"
SHORTEST = 3
MOST_ADDED = 20
"""With more new words than this, a full search is faster than comparing them."""


def single_edits(word: str) -> list[str]:
    """Return every word that is one typo away from `word`: a letter swapped, dropped, added, or wrong."""
    letters = LETTERS + (ascii_uppercase if any(char.isupper() for char in word) else "") + digits
    pairs = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    inside = [(left, right[0], right[1:]) for left, right in pairs[:-1]]
    return [
        *[left + rest[0] + item + rest[1:] for left, item, rest in inside if rest and rest[0] != item],
        *[left + rest for left, _, rest in inside],
        *[left + letter + right for left, right in pairs for letter in letters],
        *[left + letter + rest for left, item, rest in inside for letter in letters if letter != item],
    ]


def closest_match(word: str, words: Collection[str]) -> str:
    """Return the word in `words` that `word` is most likely meant to be, or "".

    Different case or underscores come first, then swapped letters, then one letter too many, missing, or wrong. A word
    shorter than three letters is never a typo.
    """
    matches = candidates(word, words)
    return matches[0] if matches else ""


def candidates(word: str, words: Collection[str] | Vocabulary, shortest: int = SHORTEST) -> list[str]:
    """Return every word in `words` that `word` may be meant to be, most likely first."""
    if len(word) < shortest:
        return []
    if isinstance(words, Vocabulary):
        return list(words.near(word))
    return list(_within(word, words) if isinstance(words, frozenset) else _found(word, words))


def _found(word: str, words: Collection[str]) -> list[str]:
    # `may_stand_for` has to handle every form added here.
    forms = [form for form in (word.lower(), word.upper(), word.capitalize(), snake(word)) if form != word]
    forms += single_edits(word)
    if isinstance(words, WordList):
        words = words.all
    if isinstance(words, set | frozenset):
        # Most words have no similar one, and this is the fastest way to rule them out.
        words = words.intersection(forms)
    return list(dict.fromkeys(form for form in forms if form in words))


@lru_cache(maxsize=8192)
def _within(word: str, words: frozenset[str]) -> tuple[str, ...]:
    """Search once for each word and set of words, because a name is looked up wherever it is used."""
    return tuple(_found(word, words))


class Vocabulary:
    """Words that are searched again and again, also from one run to the next. The matches are cached."""

    def __init__(self, words: AbstractSet[str]) -> None:
        """Start without any matches."""
        self.words = words
        self.matches: dict[str, tuple[str, ...]] = {}

    def near(self, word: str) -> tuple[str, ...]:
        """Return every word that `word` may be meant to be, most likely first."""
        if word not in self.matches:
            self.matches[word] = tuple(_found(word, self.words))
        return self.matches[word]

    def recall(self, words: AbstractSet[str], matches: Mapping[str, tuple[str, ...]]) -> None:
        """Reuse matches found among other `words`, as far as the result would be the same."""
        if not matches:
            return
        added, removed = self.words - words, words - self.words
        if len(added) > MOST_ADDED:
            return
        for word, previous in matches.items():
            if not any(may_be_candidate(word, item) for item in added):
                self.matches[word] = tuple(item for item in previous if item not in removed)


def is_plausible_typo(word: str, intended: str) -> bool:
    """Return whether `word` may be a typo of `intended`.

    A constant isn't a typo of a function, nor a private name of a public one.
    """
    if word.isupper() != intended.isupper() and word.casefold() == intended.casefold():
        return False
    return word.startswith("_") == intended.startswith("_") and len(intended) > 2


def may_be_candidate(word: str, intended: str) -> bool:
    """Return whether `candidates` could find `intended` for `word`. It need not."""
    if abs(len(word) - len(intended)) > 1:
        return plain(word) == plain(intended)
    same = 0
    for item, counterpart in zip(word, intended, strict=False):
        if item != counterpart:
            break
        same += 1
    item, counterpart = word[same:], intended[same:]
    return (
        item[1:] == counterpart[1:]
        or item[1:] == counterpart
        or item == counterpart[1:]
        or item == counterpart[1:2] + counterpart[:1] + counterpart[2:]
        or plain(word) == plain(intended)
    )


def is_sole(word: str, intended: str, words: Collection[str]) -> bool:
    """Return whether `intended` is the only word in `words` that `word` may be meant to be.

    `words` is everything that is valid in its place. A different case may be a different thing: `task` isn't `Task`.
    """
    return candidates(word, words) == [intended] and word.casefold() != intended.casefold()


def is_transposition_or_doubling(word: str, intended: str) -> bool:
    """Return whether `word` is mistyped: two letters are swapped, one is doubled, or a double one is single.

    A letter added, dropped, or replaced can make other words that people mean: `rows`, `set_many`.
    """
    if len(word) == len(intended):
        apart = [number for number in range(len(word)) if word[number] != intended[number]]
        return (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and word[apart[0]] == intended[apart[1]] != word[apart[1]]
        )
    longer, shorter = sorted((word, intended), key=len, reverse=True)
    doubled = (number for number in range(1, len(longer)) if longer[number] == longer[number - 1])
    return any(longer[:number] + longer[number + 1 :] == shorter for number in doubled)


def snake(word: str) -> str:
    """Convert a name to snake case: `readText` becomes `read_text`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in word).lstrip("_")


def plain(word: str) -> str:
    """Return a word case-folded and without underscores."""
    return word.replace("_", "").casefold()


def parts(word: str) -> list[str]:
    """Split a name such as `get_logger` or `getLogger` into case-folded words."""
    return [part.casefold() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", word)]


def is_common_typo(word: str, intended: str) -> bool:
    """Return whether the difference is typical: two letters swapped, or one lost, doubled, or in the wrong case."""
    if word.casefold() == intended.casefold():
        return is_case_typo(word, intended)
    if len(word) == len(intended):
        differing = [
            number for number, pair in enumerate(zip(word, intended, strict=True)) if pair[0] != pair[1]
        ]
        return len(differing) == 2 and differing[1] == differing[0] + 1
    if len(word) + 1 == len(intended):
        return any(intended[:number] + intended[number + 1 :] == word for number in range(len(intended)))
    return any(
        word[:number] + word[number + 1 :] == intended and word[number] == word[number - 1]
        for number in range(1, len(word))
    )


def is_case_typo(word: str, intended: str) -> bool:
    """Return whether exactly one letter has the wrong case."""
    return (
        len(word) == len(intended)
        and sum(item != counterpart for item, counterpart in zip(word, intended, strict=True)) == 1
    )


def suggestions(word: str, words: Collection[str]) -> list[str]:
    """Return the names in `words` that `word` may be meant to be, most likely first.

    The order is: typos of one letter, the same words written differently, synonyms, similar names. Use it only for
    lists that are small enough to look at each name.
    """
    return list(_meant(word, words if isinstance(words, frozenset) else frozenset(words)))


@lru_cache(maxsize=8192)
def _meant(word: str, words: frozenset[str]) -> tuple[str, ...]:
    matches = candidates(word, words)
    if matches:
        return tuple(dict.fromkeys([*matches, *synonyms_of(word, words)]))
    names = _indexed(words, is_special=word.startswith("__") and word.endswith("__"))
    same = names.same_words(word)
    if same:
        return tuple(same)
    elsewhere = synonyms_of(word, words)
    if elsewhere:
        return tuple(elsewhere)
    shown = names.all if word.startswith("_") else names.public
    close = get_close_matches(word, shown, 2, 0.75)
    if close:
        return tuple(close)
    flat = plain(word)
    joined = "".join(sorted(flat))
    anagram = [name for name in shown if "".join(sorted(plain(name))) == joined]
    return tuple(
        anagram
        or sorted((name for name in shown if len(plain(name)) > 3 and plain(name) in flat), key=len)[-1:]
    )


class _Names:
    """Names indexed by the words they consist of, split once for all queries."""

    def __init__(self, names: Iterable[str]) -> None:
        self.all = sorted(names)
        self.public = [name for name in self.all if not name.startswith("_")]
        self._same: dict[str, list[str]] = {}
        for name in self.all:
            for key in {plain(name), _sorted_parts(name)}:
                self._same.setdefault(key, []).append(name)

    def same_words(self, word: str) -> list[str]:
        """Return the names that consist of the same words as `word`, in any order and case."""
        keys = {plain(word), _sorted_parts(word)}
        return sorted({name for key in keys for name in self._same.get(key, ())})


def _sorted_parts(word: str) -> str:
    return " ".join(sorted(parts(word)))


@lru_cache(maxsize=512)
def _indexed(words: frozenset[str], *, is_special: bool) -> _Names:
    return _Names(name for name in words if is_special or not name.startswith("__"))


def closest(word: str, words: Iterable[str]) -> str:
    """Return the closest name in a short list, or "" if none is close."""
    return next(iter(suggestions(word, set(words))), "")


def sole_fix(word: str, intended: list[str], among: Collection[str]) -> tuple[str, str] | None:
    """Return `word` and the first of `intended` if `word` can't mean any other word in `among`, else None."""
    return (word, intended[0]) if intended and is_sole(word, intended[0], among) else None
