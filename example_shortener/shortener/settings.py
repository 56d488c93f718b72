"""What differs from one installation to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` is a file; `base_url` is what short addresses start with, if not with the request's host."""

    database: Path
    base_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read `SHORTENER_DATABASE` and `SHORTENER_BASE_URL`; raises ValueError if one makes no sense."""
        base_url = environ.get("SHORTENER_BASE_URL", "").rstrip("/")
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ValueError(f"SHORTENER_BASE_URL: expected http:// or https://, got {base_url!r}")
        return cls(Path(environ.get("SHORTENER_DATABASE", "shortener.db")), base_url)
