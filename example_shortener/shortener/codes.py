"""Short codes: which ones may be chosen, which are reserved, and how a new one is drawn. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from shortener.problems import InvalidRequest

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""No 0, O, 1, l or I: a code may be read aloud, or typed from paper."""

LENGTH = 7
"""57 ** 7 codes, about two million millions: nobody finds the next one by guessing."""

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
"""The service's own paths, those that browsers and crawlers ask for, and those that would fool a visitor."""

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,31}")


def check_alias(alias: str) -> str:
    """`alias`, if somebody may choose it; raises InvalidRequest if not."""
    if not _ALIAS.fullmatch(alias):
        raise InvalidRequest(
            "alias: expected 3 to 32 letters, digits, dashes and underscores, the first a letter or digit"
        )
    if is_reserved(alias):
        raise InvalidRequest("alias: this word is reserved")
    return alias


def is_reserved(code: str) -> bool:
    """Whether `code` is reserved, in whatever case it is written."""
    return code.lower() in RESERVED


def new_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """A code that nobody can foresee. A reserved word may come up by chance, and is then drawn again."""
    while True:
        code = "".join(choose(ALPHABET) for _ in range(LENGTH))
        if not is_reserved(code):
            return code
