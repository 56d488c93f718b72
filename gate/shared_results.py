"""Results shared among clones and machines: read by everyone, written only with the key of a bot of the policy.

An entry is two files in the layout of bazel-remote: `ac/NAME`, a signed statement, and `cas/DIGEST`, the result. The
statement binds the result to the repository and to the key of the result, which is made of the check, its settings, and
everything that decides it; NAME is made of these two as well. So an entry holds for nothing else, even if it is moved.

A store is not trusted with anything: it may be gone, slow, full, or lie. An entry that is not exactly right is as if it
were not there, every request has to be answered within SECONDS, and after one that is not, no more are made.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gate.errors import CannotDecide, UsageError
from gate.json_input import parse_json
from gate.policy.keys import PublicKey, parse_key
from gate.result_cache import SHARED_MOST, ResultCache, key_of
from gate.ssh import Claim, SigningKey, find_key, sign, verify
from gate.store import write_atomically

NAMESPACE = "gate-result@v1"
LARGEST = 32 * 1024 * 1024
"""The maximum size of a result that is read or written, in bytes."""
LARGEST_STATEMENT = 64 * 1024
SECONDS = 5.0
"""The maximum duration of a request, from its start to its last byte."""

logger = logging.getLogger(__name__)


class Store(Protocol):
    """Stores files by name. Both methods raise OSError or ValueError on failure."""

    def read(self, name: str, most: int) -> bytes | None:
        """Return the file with this name, or None. Raises ValueError if it is larger than `most` bytes."""

    def write(self, name: str, content: bytes) -> None:
        """Create or replace the file with this name."""


class Folder:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        """Use this folder, which is created on the first write."""
        self._folder = folder

    def read(self, name: str, most: int) -> bytes | None:
        """See Store."""
        try:
            with (self._folder / name).open("rb") as file:
                return _limited(file.read(most + 1), most)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """See Store."""
        write_atomically(self._folder / name, content)


class Server:
    """A store on an HTTP server with GET and PUT, such as bazel-remote or WebDAV."""

    def __init__(self, url: str, token: str = "") -> None:
        """Use this server. `token`, if any, is sent as a bearer token."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def read(self, name: str, most: int) -> bytes | None:
        """See Store."""
        try:
            with self._request("GET", name, None) as response:
                return _limited(response.read(most + 1), most)
        except urllib.error.HTTPError as error:
            if error.code in {404, 410}:
                return None
            raise

    def write(self, name: str, content: bytes) -> None:
        """See Store."""
        with self._request("PUT", name, content):
            pass

    def _request(self, method: str, name: str, content: bytes | None) -> http.client.HTTPResponse:
        request = urllib.request.Request(  # noqa: S310  `open_shared` rejects other schemes
            f"{self._url}/{name}", content, self._headers, method=method
        )
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=SECONDS)  # noqa: S310  `open_shared` rejects other schemes
        return response


def _limited(content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise ValueError(f"larger than {most} bytes")
    return content


class SignedResults:
    """Results in a store, each signed by a bot. `trusted` are the accepted keys, by their base64 text."""

    def __init__(
        self, store: Store, repository: str, trusted: Mapping[str, PublicKey], key: SigningKey | None
    ) -> None:
        """Use this store. `key` signs what is written; without a key, nothing is written."""
        self._store, self._repository = store, repository
        self._trusted, self._key = trusted, key
        self._off = False
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the result that a bot stored under `key` for this repository, or None."""
        return self._within(lambda: self._get(key))

    def put(self, key: str, body: bytes) -> None:
        """Sign and store a result, if this process has a key."""

        def write() -> None:
            self._put(key, body)

        if self._key is not None and len(body) <= LARGEST:
            self._within(write)

    def _name(self, key: str) -> str:
        return f"ac/{key_of('shared result', self._repository, key)}"

    def _get(self, key: str) -> bytes | None:
        data = self._store.read(self._name(key), LARGEST_STATEMENT)
        digest = self._verified(data, key) if data is not None else ""
        body = self._store.read(f"cas/{digest}", LARGEST) if digest else None
        return body if body is not None and sha256(body).hexdigest() == digest else None

    def _verified(self, data: bytes, key: str) -> str:
        """Return the digest of the result from a valid statement about this key and repository, or ""."""
        try:
            entry = parse_json(data)
            statement, line, signature = (str(entry[name]) for name in ("statement", "key", "signature"))
            fields = parse_json(statement)
            about = {"v": 1, "repository": self._repository, "key": key, "result": fields["result"]}
            signer = parse_key(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        digest = str(about["result"])
        if fields != about or signer.blob not in self._trusted or not _is_digest(digest):
            logger.debug("shared result: an entry that is not valid for this result")
            return ""
        claim = Claim(
            statement.encode("utf-8", "replace"), signature.encode("utf-8", "replace"), signer, NAMESPACE
        )
        return digest if verify([claim]) == [True] else ""

    def _put(self, key: str, body: bytes) -> None:
        assert self._key is not None  # noqa: S101  the caller has checked
        digest = sha256(body).hexdigest()
        fields = {"v": 1, "repository": self._repository, "key": key, "result": digest}
        statement = json.dumps(fields, sort_keys=True)
        signature = sign(statement.encode("ascii"), self._key, NAMESPACE).decode("ascii")
        entry = {"statement": statement, "key": self._key.public.line, "signature": signature}
        self._store.write(f"cas/{digest}", body)
        self._store.write(self._name(key), json.dumps(entry).encode("ascii"))

    def _within(self, action: Callable[[], bytes | None]) -> bytes | None:
        """Call `action`, and return None if it fails or takes too long. In that case, no more requests are made."""
        with self._lock:
            if self._off:
                return None
            answers: list[bytes | None] = []
            # A server can send a byte now and then forever; only another thread can stop waiting.
            thread = threading.Thread(target=lambda: answers.append(_attempt(action)), daemon=True)
            thread.start()
            thread.join(SECONDS)
            self._off = not answers or answers[0] == FAILED
            if self._off:
                logger.warning("the shared cache does not work, and is not asked any more in this run")
                return None
            return answers[0]


FAILED = b"\0failed"


def _attempt(action: Callable[[], bytes | None]) -> bytes | None:
    try:
        return action()
    except (OSError, ValueError, CannotDecide, http.client.HTTPException) as error:
        logger.debug("shared cache: %s", error)
        return FAILED


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def open_shared(
    repository: str, trusted: Mapping[str, PublicKey], environ: Mapping[str, str] = os.environ
) -> ResultCache | SignedResults | None:
    """Open the shared results at the URL in `GATE_CACHE`. Returns None if it isn't set.

    If the policy lists bots (`trusted`), every entry is signed: `GATE_CACHE_KEY` is the key file where results are
    written. Otherwise a folder is trusted as it is, like `.git/gate` itself: anyone who can write to it can make gate
    believe that a check passed. A server without bots is an error. Raises UsageError.
    """
    url = environ.get("GATE_CACHE", "")
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    if scheme not in {"file", "http", "https"} or not rest or (scheme == "file" and not rest.startswith("/")):
        raise UsageError(f"GATE_CACHE: expected file:///ABSOLUTE/PATH or https://HOST/PATH, got {url!r}")
    if not trusted:
        if scheme != "file":
            raise UsageError(
                f"GATE_CACHE: results on a server are signed, and the policy has no bot with a key: {url}",
                'add one under `people` in gate.yaml: `"@ci": {role: bot, keys: ["ssh-ed25519 …"]}`',
            )
        return ResultCache(Path(rest) / "results", SHARED_MOST)
    store = (
        Folder(Path(rest) / "signed")
        if scheme == "file"
        else Server(url, environ.get("GATE_CACHE_TOKEN", ""))
    )
    file = environ.get("GATE_CACHE_KEY", "")
    key = find_key(file, "", ()) if file else None
    if key is not None and key.public.blob not in trusted:
        raise UsageError(f"GATE_CACHE_KEY: {key.public.fingerprint} is not the key of a bot of the policy")
    return SignedResults(store, repository, trusted, key)
