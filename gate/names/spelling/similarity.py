"""Which known word a misspelt one stands for."""

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
"""With more new words than these it is quicker to look for everything anew than to compare."""


def single_edits(word: str) -> list[str]:
    """Every word that one slip of the finger away from `word`: a letter swapped, dropped, added or wrong."""
    letters = LETTERS + (ascii_uppercase if any(char.isupper() for char in word) else "") + digits
    pairs = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    inside = [(left, right[0], right[1:]) for left, right in pairs[:-1]]
    return [
        *[left + rest[0] + one + rest[1:] for left, one, rest in inside if rest and rest[0] != one],
        *[left + rest for left, _, rest in inside],
        *[left + letter + right for left, right in pairs for letter in letters],
        *[left + letter + rest for left, one, rest in inside for letter in letters if letter != one],
    ]


def closest_match(word: str, known: Collection[str]) -> str:
    """The word of `known` that `word` most likely stands for, or nothing.

    Another case or another placing of underscores comes first, then swapped letters, then one letter too
    many, missing, or wrong. A word shorter than three letters stands for itself.
    """
    found = candidates(word, known)
    return found[0] if found else ""


def candidates(word: str, known: Collection[str] | Vocabulary, shortest: int = SHORTEST) -> list[str]:
    """Every word of `known` that `word` may stand for, the most likely first."""
    if len(word) < shortest:
        return []
    if isinstance(known, Vocabulary):
        return list(known.near(word))
    return list(_within(word, known) if isinstance(known, frozenset) else _found(word, known))


def _found(word: str, known: Collection[str]) -> list[str]:
    # Whatever is added here, `may_stand_for` has to know.
    forms = [form for form in (word.lower(), word.upper(), word.capitalize(), snake(word)) if form != word]
    forms += single_edits(word)
    if isinstance(known, WordList):
        known = known.all
    if isinstance(known, set | frozenset):
        # Most words are near nothing, which is told fastest like this.
        known = known.intersection(forms)
    return list(dict.fromkeys(form for form in forms if form in known))


@lru_cache(maxsize=8192)
def _within(word: str, known: frozenset[str]) -> tuple[str, ...]:
    """The same word is looked for in the same words once for every place where it is used."""
    return tuple(_found(word, known))


class Vocabulary:
    """Words that are asked for again and again, from one run to the next: what was found among them is kept."""

    def __init__(self, words: AbstractSet[str]) -> None:
        """Nothing has been found yet."""
        self.words = words
        self.found: dict[str, tuple[str, ...]] = {}

    def near(self, word: str) -> tuple[str, ...]:
        """Every word that `word` may stand for, the most likely first."""
        if word not in self.found:
            self.found[word] = tuple(_found(word, self.words))
        return self.found[word]

    def recall(self, words: AbstractSet[str], found: Mapping[str, tuple[str, ...]]) -> None:
        """Take over what was found among other `words`, as far as these would give the same."""
        if not found:
            return
        added, removed = self.words - words, words - self.words
        if len(added) > MOST_ADDED:
            return
        for word, there in found.items():
            if not any(may_be_candidate(word, one) for one in added):
                self.found[word] = tuple(one for one in there if one not in removed)


def is_plausible_typo(word: str, found: str) -> bool:
    """Whether `found` may be meant by `word`.

    A constant is no slip of a function, nor a private name of a public one.
    """
    if word.isupper() != found.isupper() and word.casefold() == found.casefold():
        return False
    return word.startswith("_") == found.startswith("_") and len(found) > 2


def may_be_candidate(word: str, right: str) -> bool:
    """Whether `candidates` could find `right` for `word`; it need not."""
    if abs(len(word) - len(right)) > 1:
        return plain(word) == plain(right)
    same = 0
    for one, other in zip(word, right, strict=False):
        if one != other:
            break
        same += 1
    one, other = word[same:], right[same:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or one == other[1:2] + other[:1] + other[2:]
        or plain(word) == plain(right)
    )


def is_sole(word: str, right: str, known: Collection[str]) -> bool:
    """Whether `right` is the only word of `known` that `word` may stand for.

    `known` is all that there is in its place. Another case may be another thing: `task` is none of `Task`.
    """
    return candidates(word, known) == [right] and word.casefold() != right.casefold()


def is_transposition_or_doubling(word: str, right: str) -> bool:
    """Whether only fingers make `word` of `right`: two letters swapped, one doubled, or a double one typed once.

    Another letter more, less or in its place makes other words that people mean: `rows`, `set_many`.
    """
    if len(word) == len(right):
        apart = [number for number in range(len(word)) if word[number] != right[number]]
        return (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and word[apart[0]] == right[apart[1]] != word[apart[1]]
        )
    longer, shorter = sorted((word, right), key=len, reverse=True)
    doubled = (number for number in range(1, len(longer)) if longer[number] == longer[number - 1])
    return any(longer[:number] + longer[number + 1 :] == shorter for number in doubled)


def snake(word: str) -> str:
    """`readText` as `read_text`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in word).lstrip("_")


def plain(word: str) -> str:
    """A word without what separates words in it."""
    return word.replace("_", "").casefold()


def parts(word: str) -> list[str]:
    """The words that a name is made of: `get_logger`, `getLogger`."""
    return [part.casefold() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", word)]


def is_common_typo(word: str, right: str) -> bool:
    """Whether the slip is of the kinds that fingers make: two letters swapped, one lost, doubled, or in wrong case."""
    if word.casefold() == right.casefold():
        return is_case_typo(word, right)
    if len(word) == len(right):
        wrong = [number for number, pair in enumerate(zip(word, right, strict=True)) if pair[0] != pair[1]]
        return len(wrong) == 2 and wrong[1] == wrong[0] + 1
    if len(word) + 1 == len(right):
        return any(right[:number] + right[number + 1 :] == word for number in range(len(right)))
    return any(
        word[:number] + word[number + 1 :] == right and word[number] == word[number - 1]
        for number in range(1, len(word))
    )


def is_case_typo(word: str, right: str) -> bool:
    """Whether just one letter has the wrong case."""
    return len(word) == len(right) and sum(one != other for one, other in zip(word, right, strict=True)) == 1


def suggestions(word: str, known: Collection[str]) -> list[str]:
    """Which of the names that something has `word` may stand for, the most likely first.

    One slip of the finger, then another way to write the same words, then what it is called elsewhere, then
    what looks like it most; for lists small enough to look at each.
    """
    return list(_meant(word, known if isinstance(known, frozenset) else frozenset(known)))


@lru_cache(maxsize=8192)
def _meant(word: str, known: frozenset[str]) -> tuple[str, ...]:
    found = candidates(word, known)
    if found:
        return tuple(dict.fromkeys([*found, *synonyms_of(word, known)]))
    names = _indexed(known, is_special=word.startswith("__") and word.endswith("__"))
    same = names.same_words(word)
    if same:
        return tuple(same)
    elsewhere = synonyms_of(word, known)
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
    """Names by the words that they are made of, taken apart once for all questions about them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.all = sorted(names)
        self.public = [name for name in self.all if not name.startswith("_")]
        self._same: dict[str, list[str]] = {}
        for name in self.all:
            for key in {plain(name), _sorted_parts(name)}:
                self._same.setdefault(key, []).append(name)

    def same_words(self, word: str) -> list[str]:
        """The names that are made of the same words as `word`, in any order and case."""
        keys = {plain(word), _sorted_parts(word)}
        return sorted({name for key in keys for name in self._same.get(key, ())})


def _sorted_parts(word: str) -> str:
    return " ".join(sorted(parts(word)))


@lru_cache(maxsize=512)
def _indexed(known: frozenset[str], *, is_special: bool) -> _Names:
    return _Names(name for name in known if is_special or not name.startswith("__"))


def closest(word: str, known: Iterable[str]) -> str:
    """The nearest of a short list; nothing where none is near."""
    return next(iter(suggestions(word, set(known))), "")


def sole_fix(word: str, right: list[str], among: Collection[str]) -> tuple[str, str] | None:
    """`word` and the first of `right`, if that is the only word of `among` that it may stand for."""
    return (word, right[0]) if right and is_sole(word, right[0], among) else None
