"""Where a short link may lead. Pure: a target is looked at, and never fetched.

Browsers and libraries disagree about addresses that break the rules: some drop a tab in the middle of
`java\\tscript:`, some read a backslash as a slash, and in `https://bank.example@evil.example/` people see the
bank. So an address is taken only if it has no character but those of RFC 3986, names http or https, and has a
host and no user name. Whoever has a more unusual address can percent-encode it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from shortener.problems import InvalidRequest

LONGEST = 2048
"""Longer addresses do not survive all browsers, mail programs and proxies."""

_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_HOST = re.compile(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]")


def check_target(url: str, *, own_host: str = "") -> str:
    """`url`, if a link may lead there; raises InvalidRequest if not. `own_host` is the shortener's own."""
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
    if own_host and host.rstrip(".").lower() == own_host.lower():
        raise InvalidRequest("url: a link to the shortener itself could lead in circles")
    return url
