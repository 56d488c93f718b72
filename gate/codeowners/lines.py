"""Line handling shared by all dialects: decoding, and splitting at unescaped whitespace."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

WORD = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL)
ODD_SPACE = re.compile(r"[^\S \t\r\n]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
LINE_END = re.compile(r"\r(?!\n|\Z)|[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Line ends that an editor may show but no forge recognizes: what follows would be part of the same line."""
COMMENT = re.compile(r"(?:^|\s)#")
UNDECODED = re.compile("[\udc80-\udcff]+")
ODD_BYTES = (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\r")
ADDRESS = re.compile(r"[^\s@/*?]+@[A-Za-z][\w-]*(?:\.[\w-]+)*\.[A-Za-z]{2,}")
"""An email address, but not a file name such as `icon@2x.png`."""
SYNTAX = "*?/\\@#[]!.,"
"""Characters with a special meaning in a pattern; lookalikes have none."""
UNMEANT = tuple(
    (re.compile(expression), sentence)
    for expression, sentence in (
        (
            r"(?:^|(?<=/))\.{1,2}(?=/|$)",
            "`.` and `..` are not supported: a path starts at the top of the repository",
        ),
        ("(?<=/)/", "an empty folder name: remove one of the slashes"),
        (r"(?<!\\)\\(?=[A-Za-z0-9])", "`\\` does not separate folders: write `/`"),
        (r"^([\"'`]).*\1$", "quotes are part of the name here: remove them, and put `\\` before a space"),
        (r"(?<!\\)[,;:]$", "only spaces separate the pattern from its owners"),
        (
            r"^\^|(?<!\\)\$$",
            "this is not a regular expression: `*` matches anything, and a leading `/` anchors at the top",
        ),
        (
            r"(?<!\\)\{[^{},]*,[^{}]*\}",
            "`{ }` does not list alternatives here: write a line for each, or `\\{` for the character itself",
        ),
    )
)
SAVE_AS = "save the file as UTF-8 (PowerShell: `Set-Content -Encoding utf8`)"
ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}


def encoding_mistake(data: bytes) -> tuple[int, str] | None:
    """Return the line at which a file turns out not to be UTF-8 text, and why, or None if it is text.

    Read in the wrong encoding, every line would change or vanish, and a file with rules must never count as one
    without.
    """
    for mark, name in ENCODINGS.items():
        if data.startswith(mark):
            return 1, f"expected UTF-8 text, got {name}: {SAVE_AS}"
    nul = data.find(b"\0")
    if nul >= 0:
        return data.count(b"\n", 0, nul) + 1, f"expected UTF-8 text, got a NUL byte: {SAVE_AS}"
    return None


def text_of(data: bytes) -> str:
    """Decode a file without losing anything except a byte order mark."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, without line endings or a byte order mark."""
    for number, line in enumerate(text_of(data).split("\n"), 1):
        yield number, line.removesuffix("\r")


def words_of(line: str) -> list[str]:
    """Split a line into words, with escapes intact. A comment ends the line."""
    if "\\" not in line:
        words = line.split()
        if "#" not in line:
            return words
    else:
        words = WORD.findall(line)
    for number, word in enumerate(words):
        if word[0] == "#":
            return words[:number]
    return words


def odd_characters(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield line, column, and a message for each character that people read differently from a forge.

    Unusual blanks, invisible characters, and bytes that aren't UTF-8 are harmless in comments. Characters that look
    like line endings are reported there too, because a rule may seem to follow them.
    """
    if data.isascii() and not any(byte in data for byte in ODD_BYTES):
        return
    for number, line in enumerate(text_of(data).split("\n"), 1):
        if line.isascii() and line.isprintable():
            continue
        for match in LINE_END.finditer(line):
            yield (
                number,
                match.start() + 1,
                f"expected a line feed, got {match[0]!r}, which does not end a line",
            )
        comment = COMMENT.search(line)
        end = comment.end() if comment else len(line)
        for expression in (ODD_SPACE, UNDECODED):
            for match in expression.finditer(line, 0, end):
                if not LINE_END.match(match[0]):
                    yield number, match.start() + 1, _odd(match[0])


def _odd(text: str) -> str:
    if UNDECODED.match(text):
        raw = text.encode("utf-8", "surrogateescape")
        return (
            f"expected UTF-8 text, got the bytes {raw!r}; in a path that is not UTF-8, put `?` for each byte"
        )
    return f"expected a space, got {text!r}, which the forge does not treat as one"


def without_pattern(words: Sequence[str], owner: re.Pattern[str], example: str) -> str:
    """Return the message for a line that begins with owners and has no pattern, or "" for any other line.

    A forge would read it as a rule for files of that name, which hardly ever exist. `owner` matches an owner in the
    dialect, and `example` shows how to write such a path on purpose.
    """
    first = words[0]
    is_email = ADDRESS.fullmatch(first) is not None
    is_owner = first.startswith("@") and not first.endswith("/") and owner.fullmatch(first)
    if not is_email and not is_owner:
        return ""
    return f"expected a pattern before the owners, such as `* {first}`; for a path of that name write `{example}`"


def unmeant(pattern: str) -> tuple[int, str] | None:
    """Return the position of something no file name contains, and what was probably meant, or None.

    Such a pattern never matches anything, although its author believes that the files have owners.
    """
    for expression, sentence in UNMEANT:
        if match := expression.search(pattern):
            return match.start(), sentence
    for position, char in enumerate(pattern):
        plain = "" if char.isascii() else unicodedata.normalize("NFKC", char)
        if plain and plain in SYNTAX:
            return position, f"expected `{plain}`, got {char!r}, which is a different character"
    return None


def column_of(line: str, number: int) -> int:
    """Return the column, starting at 1, of the word with this number in the line."""
    for position, match in enumerate(WORD.finditer(line)):
        if position == number:
            return match.start() + 1
    return 1
