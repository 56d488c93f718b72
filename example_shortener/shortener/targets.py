r"""Check where a short link may lead. Pure: a target is examined, and never fetched.

Browsers and libraries disagree about malformed addresses: some drop a tab in the middle of `java\tscript:`, some read a
backslash as a slash, and in `https://bank.example@evil.example/` people read the name of the bank. So an address is
accepted only if all its characters are allowed by RFC 3986, its scheme is http or https, and it has a host and no user
name. More unusual addresses can be percent-encoded.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from shortener.problems import InvalidRequest

LONGEST = 2048
"""Some browsers, mail programs, and proxies can't handle longer addresses."""

_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_INTERNAL = re.compile(
    r"(.*\.)?(internal|intranet|lan|local|localhost|localdomain|home|home\.arpa|corp|private)"
)
_ALIKE = frozenset(
    # Cyrillic, then Greek.
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u04cf\u043e\u0440\u051b\u0455\u051d\u0445\u0443\u044a\u044c\u04bd\u043f"
    "\u0433\u0475\u0461"
    "\u03b1\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03c9"
)
"""Letters that look like Latin ones: a name made up of only these can be mistaken for another."""
_PHONETIC = frozenset(
    "\u0251\u0261\u1d00\u1d04\u1d05\u1d07\u1d0a\u1d0b\u1d0d\u1d0f\u1d18\u1d1b\u1d1c\u1d20\u1d21\u1d22"
)
"""Latin letters that no language uses, and that look like others."""
_TOGETHER = frozenset(
    ["CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"]
)
"""Scripts that are mixed with each other, and with Latin."""
_UNICAST = ipaddress.IPv6Network("2000::/3")
_HOST = re.compile(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]")


def check_target(url: str, *, own_host: str = "", private: bool = False) -> str:
    """Return `url` if a link may lead there. Raises InvalidRequest if not. `own_host` is the shortener's own host.

    An address in a private network is accepted only with `private`.
    """
    if not url or len(url) > LONGEST:
        raise InvalidRequest(f"url: expected 1 to {LONGEST} characters")
    if not _CHARACTERS.fullmatch(url):
        raise InvalidRequest("url: has characters that an address cannot have; percent-encode them")
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in {"http", "https"} or not rest.startswith("//"):
        raise InvalidRequest("url: expected an address that starts with http:// or https://")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidRequest("url: the host or the port is not written as it should be") from None
    if "@" in parts.netloc:
        raise InvalidRequest("url: an address with a user name in it can deceive people, and is not taken")
    shown = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(shown) or port == 0 or parts.netloc.endswith(":"):
        raise InvalidRequest("url: the host or the port is not written as it should be")
    _check_host(host, private=private)
    if own_host and host.rstrip(".").lower() == own_host.lower():
        raise InvalidRequest("url: a link to the shortener itself could lead in circles")
    return url


def _check_host(host: str, *, private: bool) -> None:
    """Raise InvalidRequest if the host is malformed, can be mistaken for another, or is in a private network."""
    wrong = InvalidRequest("url: the host or the port is not written as it should be")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().removesuffix(".")
        labels = name.split(".")
        if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            raise wrong from None
        # Browsers read 0x7f.1 and 2130706433 as addresses.
        if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
            raise wrong from None
        if any(label.startswith("xn--") and _deceives(label) for label in labels):
            message = "url: the host has letters that look like others, and can deceive people"
            raise InvalidRequest(message) from None
        if not private and (_INTERNAL.fullmatch(name) or len(labels) == 1):
            raise InvalidRequest("url: the host is in a private network") from None
        return
    if not private and not _is_public(address):
        raise InvalidRequest("url: the host is in a private network")


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address, and any address that it tunnels to, belongs to a single machine on the internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _UNICAST:
            return False
        inner = address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


def _deceives(label: str) -> bool:
    """Return whether a punycode label is invalid, mixes scripts, or has only letters that look like Latin ones."""
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return True
    # IDNA 2008 allows letters, marks, and digits, each in one form only.
    if text.isascii() or unicodedata.normalize("NFKC", text.lower()) != text:
        return True
    if any(unicodedata.category(sign)[0] not in "LMN" and sign not in "-\u00b7" for sign in text):
        return True
    letters = {letter for letter in text if letter.isalpha()}
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
    return len(scripts - _TOGETHER) > 1 or letters <= _ALIKE or bool(letters & _PHONETIC)
