"""Shared results in an object store: S3 and what is compatible with it, Google Cloud Storage, or Azure.

The library `obstore` talks to it, with credentials where the tools of each cloud look for them.
"""

from __future__ import annotations

from gate.errors import UsageError
from gate.shared_results import stores

SCHEMES = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""The schemes of URLs, and the extra of gate that each needs."""
_NO_BUCKET = "NoSuchBucket"


class ObjectStore:
    """A store below a prefix of a bucket, such as `s3://bucket/prefix`."""

    lasting = True

    def __init__(self, url: str) -> None:
        """Open the store. No request is made yet. Raises UsageError if the library is missing or the URL is invalid."""
        scheme = url.partition("://")[0]
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError:
            extra = SCHEMES[scheme]
            raise UsageError(
                f"GATE_CACHE: {scheme}:// needs a library that isn't installed",
                f"pip install 'merge-gate[{extra}]'",
            ) from None
        self._library = obstore
        seconds = f"{stores.SECONDS:g}s"
        try:
            self._store = from_url(
                url,
                client_options={"timeout": seconds, "connect_timeout": seconds, "allow_http": True},
                retry_config={"max_retries": 1},
            )
        except (BaseError, ValueError) as error:
            expected = f"expected {scheme}://BUCKET/PREFIX"
            raise UsageError(f"GATE_CACHE: {url}: {_first_line(error)}", expected) from None

    def read(self, name: str, most: int) -> bytes | None:
        """See Store."""
        from obstore.exceptions import BaseError

        try:
            found = self._library.get(self._store, name)
            if found.meta["size"] > most:
                raise ValueError(f"larger than {most} bytes")
            return bytes(found.bytes())
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise _failure(error) from None
            return None
        except (BaseError, OSError) as error:
            raise _failure(error) from None

    def write(self, name: str, content: bytes) -> None:
        """See Store."""
        from obstore.exceptions import BaseError

        try:
            self._library.put(self._store, name, content)
        except (BaseError, OSError) as error:
            raise _failure(error) from None

    def close(self) -> None:
        """See Store. There is nothing left to do."""


def _failure(error: Exception) -> OSError:
    return OSError("there is no such bucket" if _NO_BUCKET in str(error) else _first_line(error))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
