"""Check and draw short codes: which aliases are allowed, which are reserved, and how a new code is drawn. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from shortener.problems import InvalidRequest

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""No 0, O, 1, l or I, since a code may be read aloud, or typed from paper."""

LENGTH = 7
"""57 ** 7 codes, about two trillion, so the next one can't be guessed."""

RESERVED = frozenset({
    "about", "abuse", "account", "accounts", "admin", "administrator", "api", "app", "apple-touch-icon",
    "assets", "auth", "billing", "blog", "cdn", "contact", "css", "dashboard", "disable", "docs",
    "download", "email", "favicon", "fonts", "health", "healthz", "help", "home", "images", "img", "index",
    "info", "js", "legal", "link", "links", "live", "login", "logout", "mail", "metrics", "mobile", "new",
    "oauth", "pay", "payment", "payments", "ping", "policy", "pricing", "privacy", "ready", "readyz",
    "register", "report", "reset", "robots", "root", "security", "settings", "shop", "signin", "signout",
    "signup", "sitemap", "static", "status", "stats", "support", "system", "terms", "test", "token",
    "tokens", "update", "upload", "user", "users", "verify", "webhook", "well-known", "www",
})  # fmt: skip
"""The service's own paths, paths that browsers and crawlers request, and paths that would mislead visitors."""

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,31}")


def check_alias(alias: str) -> str:
    """Return `alias` if it is allowed. Raises InvalidRequest if not."""
    if not _ALIAS.fullmatch(alias):
        raise InvalidRequest(
            "alias: expected 3 to 32 letters, digits, dashes and underscores, the first a letter or digit"
        )
    if is_reserved(alias):
        raise InvalidRequest("alias: this word is reserved")
    return alias


def is_reserved(code: str) -> bool:
    """Return whether `code` is reserved, ignoring case."""
    return code.lower() in RESERVED


def new_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """Return an unpredictable code. If a reserved word comes up by chance, it is drawn again."""
    while True:
        code = "".join(choose(ALPHABET) for _ in range(LENGTH))
        if not is_reserved(code):
            return code
