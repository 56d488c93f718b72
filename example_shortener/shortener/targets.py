"""Where a short link may lead. Pure: a target is looked at, and never fetched.

Browsers and libraries disagree about addresses that break the rules: some drop a tab in the middle of
`java\\tscript:`, some read a backslash as a slash, and in `https://bank.example@evil.example/` people see the
bank. So an address is taken only if it has no character but those of RFC 3986, names http or https, and has a
host and no user name. Whoever has a more unusual address can percent-encode it.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from shortener.problems import InvalidRequest

LONGEST = 2048
"""Longer addresses do not survive all browsers, mail programs and proxies."""

_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_INTERNAL = frozenset(
    {"internal", "intranet", "lan", "local", "localhost", "localdomain", "home", "corp", "private"}
)
_ALIKE = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u03bf\u03bd\u03b1"
)
"""Cyrillic and Greek letters that look like Latin ones."""
_HOST = re.compile(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]")


def check_target(url: str, *, own_host: str = "", private: bool = False) -> str:
    """`url`, if a link may lead there; raises InvalidRequest if not. `own_host` is the shortener's own.

    An address in a private network is taken only with `private`.
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
    """Raise InvalidRequest for a host that is no name, that reads like another, or that is in a private network."""
    wrong = InvalidRequest("url: the host or the port is not written as it should be")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.rstrip(".").lower().split(".")
        if host.endswith("..") or not all(_LABEL.fullmatch(label) for label in labels):
            raise wrong from None
        # Browsers read 0x7f.1 and 2130706433 as addresses.
        if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
            raise wrong from None
        if any(label.startswith("xn--") and _deceives(label) for label in labels):
            raise InvalidRequest(
                "url: the host mixes letters of several scripts, and can deceive people"
            ) from None
        if not private and (labels[-1] in _INTERNAL or len(labels) == 1):
            raise InvalidRequest("url: the host is in a private network") from None
        return
    if not private and not address.is_global:
        raise InvalidRequest("url: the host is in a private network")


def _deceives(label: str) -> bool:
    """Whether a label in punycode is invalid, or has letters of several scripts, or none that differ from Latin."""
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return True
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()}
    return (
        len(scripts) > 1
        or text.isascii()
        or bool(scripts & {"CYRILLIC", "GREEK", "?"} and set(text) & _ALIKE)
    )
