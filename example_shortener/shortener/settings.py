"""Settings that differ between installations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` is a file; `base_url` is the prefix of short URLs, by default the request's host.

    If there are `api_keys`, creating, showing, or disabling a link requires one of them. With `private_targets`, a link
    may lead to a private address.
    """

    database: Path
    base_url: str = ""
    api_keys: frozenset[str] = frozenset()
    private_targets: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables `SHORTENER_…`. Raises ValueError for invalid ones, OSError for an unreadable key file."""
        base_url = environ.get("SHORTENER_BASE_URL", "").rstrip("/")
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ValueError(f"SHORTENER_BASE_URL: expected http:// or https://, got {base_url!r}")
        keys = environ.get("SHORTENER_API_KEYS", "")
        api_keys = frozenset(Path(keys).read_text("utf-8").split()) if keys else frozenset[str]()
        if keys and not api_keys:
            raise ValueError(f"SHORTENER_API_KEYS: {keys} has no key in it")
        private = environ.get("SHORTENER_PRIVATE_TARGETS", "")
        if private not in {"", "0", "1"}:
            raise ValueError(f"SHORTENER_PRIVATE_TARGETS: expected 0 or 1, got {private!r}")
        return cls(
            Path(environ.get("SHORTENER_DATABASE", "shortener.db")), base_url, api_keys, private == "1"
        )
