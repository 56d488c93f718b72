"""Find attributes that nothing in reach of a file defines."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from gate.names.hints.usage import TypeHint
from gate.names.resolve.installed import STDLIB
from gate.names.spelling.similarity import candidates, is_common_typo, parts, plain, snake, suggestions
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.syntax.facts import COLUMNS, Use

if TYPE_CHECKING:
    from gate.names.spelling.vocabulary import ProjectVocabulary

# What frameworks make of the names of fields, and clients of the names of services.
_MADE = re.compile(r"get_\w+_display$|get_(?:next|previous)_by_\w+$|\w+_(?:set|id|ptr|list|path|url)$|_\w+$")
_MOST = 3
# What the standard library has as well, and where.
_ALSO_HERE = {"push": {"contextlib", "asynchat", "code"}, "to_bytes": {"ipaddress"}}
_PLAIN = frozenset(name for kind in (str, list, dict) for name in dir(kind)) | {
    "read",
    "write",
    "close",
    "open",
}
_BUILTIN = frozenset(
    name for kind in (str, bytes, int, float, list, dict, set, tuple, BaseException) for name in dir(kind)
)
_TAKES = {"append": (1, 1), "extend": (1, 1), "insert": (2, 2), "items": (0, 0), "keys": (0, 0), "values": (0, 0),
          "lower": (0, 0), "upper": (0, 0), "strip": (0, 1), "rstrip": (0, 1), "lstrip": (0, 1), "splitlines": (0, 1),
          "encode": (0, 2), "decode": (0, 2), "setdefault": (1, 2), "replace": (2, 3), "startswith": (1, 3),
          "endswith": (1, 3), "isdigit": (0, 0), "isalpha": (0, 0), "isspace": (0, 0), "title": (0, 0), "join": (1, 1),
          "split": (0, 2), "index": (1, 3), "sort": (0, 0), "exists": (0, 0), "mkdir": (0, 3), "update": (0, 1),
          "put": (1, 3), "add": (1, 1), "zfill": (1, 1), "rjust": (1, 2), "ljust": (1, 2)}  # fmt: skip
# Names that many libraries have, and that are no mistake if the type of the object is unknown.
_COMMON = frozenset(
    """
    add remove insert delete erase contains includes find fetch lookup length size count slice select merge assign
    put clone duplicate copy_of at empty execute send parse read write save list dir ls test exec match matches poll
    shift dequeue enqueue to_string to_json to_str as_string as_str text value values name filename directory wait
    pause delay quit terminate request get_or_create subscribe on generate create new_v4 random current now uuid all
    when_all pick choose output logger scan has each pairs concat err info information is_empty get_all get_value
    first last arguments args shell spawn system popen run stop start register map reduce fold flat filter flatten
    escape unescape exist_ok add_all epoch clock unix hex v4 guid int rand next_int power all_of any_of from_file
    read_file write_file load_file parse_file read_csv write_csv to_hex from_string from_json from_iso update_all
    bytes lines len Values
    """.split()  # noqa: SIM905  a table that is read as one
)


def words_in_reach(
    use: Use, hint: TypeHint, vocabulary: ProjectVocabulary, tops: AbstractSet[str]
) -> list[str]:
    """Return what is meant by a name that neither the project nor the imported packages define. Usually empty.

    `tops` are the packages that the file imports.
    """
    name = use.name
    if use.owner or len(name) < 3 or name.startswith("_") or "__" in name or use.receiver in COLUMNS:
        return []
    if use.root and vocabulary.modules.origin(use.root) != "project":
        return []
    if vocabulary.is_of_fixture(use.receiver, name):
        return []
    if vocabulary.has(name, is_called=hint.is_called) or vocabulary.is_habit(name):
        return []
    if _is_foreign(use, hint, vocabulary, tops) or _is_nowhere(use, vocabulary, tops):
        # What resembles nothing may be made by something that cannot be read.
        return _right(name, vocabulary)
    return _stray(use, vocabulary, tops)[:1]


def _is_foreign(use: Use, hint: TypeHint, vocabulary: ProjectVocabulary, tops: AbstractSet[str]) -> bool:
    """Return whether a method belongs to other languages, and nothing that this file imports has it."""
    name = use.name
    if name not in SYNONYMS or name in _COMMON or not hint.is_called:
        return False
    if name == "to_bytes" and hint.is_of_whole:
        return False
    if name in _ALSO_HERE:
        if tops & _ALSO_HERE[name]:
            return False
    elif vocabulary.packages.defines(STDLIB, name) or name in _BUILTIN:
        return False
    if not any(vocabulary.is_defined(word) and _fits(word, hint.given) for word in SYNONYMS[name]):
        return False
    if any(
        vocabulary.modules.origin(top) == "site" and not vocabulary.packages.knows(top) for top in tops if top
    ):
        # A package of which nothing is known may have it.
        return False
    return not any(vocabulary.packages.reaches(top, name) for top in tops)


def _is_nowhere(use: Use, vocabulary: ProjectVocabulary, tops: AbstractSet[str]) -> bool:
    """Return whether nothing at all defines or mentions a name, in a file whose packages are all installed."""
    name = use.name
    if (
        not vocabulary.is_strange(name)
        or name in vocabulary.outside.said
        or vocabulary.used.get(name, 0) > _MOST
    ):
        return False
    if _MADE.match(name) or name[0].isupper() or not vocabulary.installed:
        return False
    return all(
        vocabulary.modules.origin(top) != "site" or top in vocabulary.packages.names for top in tops if top
    )


def _stray(use: Use, vocabulary: ProjectVocabulary, tops: AbstractSet[str]) -> list[str]:
    """Return what is meant by a name that only packages unrelated to the file define.

    Such a name is written once, and is a typo of a name that the project looks up often. If only the case differs, it
    is the name of a class, which values don't have.
    """
    name, packages = use.name, vocabulary.packages
    is_case = name[0].isupper() and not use.receiver[:1].isupper()
    if vocabulary.used.get(name, 0) > 1 or name.isupper() or _MADE.match(name):
        return []
    if name in vocabulary.project or (not is_case and (packages.defines(STDLIB, name) or name in _BUILTIN)):
        return []
    suggested = [
        word
        for word in candidates(name, vocabulary.usual)
        if is_common_typo(name, word)
        and vocabulary.used.get(word, 0) > 2
        and word[0].islower()
        and (vocabulary.is_defined(word) or word in vocabulary.attributes)
        and name.rstrip("s") != word.rstrip("s")
    ]
    if not suggested or (is_case and suggested[0] != name[0].lower() + name[1:]):
        return []
    if is_case:
        return suggested[:1] if vocabulary.capitals[use.receiver] == 1 else []
    if any(vocabulary.modules.origin(top) == "site" and not packages.knows(top) for top in tops if top):
        return []
    return (
        []
        if any(packages.defines(top, name) for top in vocabulary.tops)
        else vocabulary.ordered(name, suggested)
    )


def _fits(word: str, count: int) -> bool:
    """Return whether the intended method takes this number of arguments. -1 fits any method."""
    least, most = _TAKES.get(word, (0, 9))
    return count < 0 or least <= count <= most


def _right(name: str, vocabulary: ProjectVocabulary) -> list[str]:
    """Return what may be meant: synonyms, typos, or similar names in use here."""
    suggested = [word for word in SYNONYMS.get(name, ()) if vocabulary.is_defined(word)]
    suggested = suggested or [
        word for word in (name.replace("_", ""), snake(name)) if word != name and vocabulary.is_defined(word)
    ]
    suggested = suggested or [
        word for word in candidates(name, vocabulary.usual) if is_common_typo(name, word)
    ]
    suggested = suggested or [part for part in parts(name) if len(part) > 3 and part in _PLAIN]
    if suggested or vocabulary.used.get(name, 0) > 1:
        # A name that is written twice, and is no likely typo, is meant.
        return suggested
    close = suggestions(name, {word for word in vocabulary.usual.words if vocabulary.used.get(word, 0) > 1})
    # What is only a part of it says nothing.
    return [word for word in close if plain(word) not in plain(name)]
