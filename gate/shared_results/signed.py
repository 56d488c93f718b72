"""Sign results, and accept only what a bot signed for exactly this result."""

from __future__ import annotations

import http.client
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from gate.errors import CannotDecide
from gate.json_input import parse_json
from gate.policy.keys import PublicKey, parse_key
from gate.reports.words import visible
from gate.result_cache import key_of
from gate.shared_results import stores
from gate.shared_results.stores import Store
from gate.ssh import Claim, SigningKey, sign, verify

NAMESPACE = "gate-result@v1"
LARGEST = 32 * 1024 * 1024
"""The maximum size of a result that is read or written, in bytes."""
LARGEST_STATEMENT = 64 * 1024
CLOSING = 70.0
"""The maximum duration of finishing all writes, in seconds."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger(__name__)


class SignedResults:
    """Results in a store, each signed by a bot. `trusted` are the accepted keys, by their base64 text."""

    def __init__(
        self, store: Store, repository: str, trusted: Mapping[str, PublicKey], key: SigningKey | None
    ) -> None:
        """Use this store. `key` signs what is written; without a key, nothing is written."""
        self._store, self._repository = store, repository
        self._trusted, self._key = trusted, key
        self._off = False
        self.problem = ""
        """Why the store is no longer used."""
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the result that a bot stored under `key` for this repository, or None."""
        return self._within(lambda: self._get(key))

    def put(self, key: str, body: bytes) -> None:
        """Sign and store a result, if this process has a key."""
        signing_key = self._key
        if signing_key is None or len(body) > LARGEST:
            return

        def write() -> None:
            self._put(key, body, signing_key)

        self._within(write)

    def close(self) -> None:
        """Finish writing."""

        def close() -> None:
            self._store.close()

        self._within(close, CLOSING)

    def _get(self, key: str) -> bytes | None:
        data = self._store.read(name_of(self._repository, key), LARGEST_STATEMENT)
        digest = self._verified(data, key) if data is not None else ""
        body = self._store.read(f"cas/{digest}", LARGEST) if digest else None
        if data is None or body is None or sha256(body).hexdigest() != digest:
            return None
        if self._key is not None and not self._store.lasting:
            self._write(key, data, digest, body)
        return body

    def _verified(self, data: bytes, key: str) -> str:
        """Return the digest of the result from a valid statement about this key and repository, or ""."""
        statement = parse_statement(data, self._repository)
        if statement is None or statement.key != key or statement.claim.key.blob not in self._trusted:
            logger.debug("shared result: an entry that is not valid for this result")
            return ""
        return statement.result if verify([statement.claim]) == [True] else ""

    def _put(self, key: str, body: bytes, signing_key: SigningKey) -> None:
        digest = sha256(body).hexdigest()
        fields = {"v": 1, "repository": self._repository, "key": key, "result": digest}
        statement = json.dumps(fields, sort_keys=True)
        signature = sign(statement.encode("ascii"), signing_key, NAMESPACE).decode("ascii")
        entry = {"statement": statement, "key": signing_key.public.line, "signature": signature}
        self._write(key, json.dumps(entry).encode("ascii"), digest, body)

    def _write(self, key: str, statement: bytes, digest: str, body: bytes) -> None:
        self._store.write(f"cas/{digest}", body)
        self._store.write(name_of(self._repository, key), statement)

    def _within(self, action: Callable[[], bytes | None], seconds: float = 0.0) -> bytes | None:
        """Call `action`, and return None if it fails or takes too long. In that case, no more requests are made."""
        with self._lock:
            if self._off:
                return None
            answers: list[bytes | None] = []
            reasons: list[str] = []
            # A server can send a byte now and then forever; only another thread can stop waiting.
            thread = threading.Thread(target=_attempt, args=(action, answers, reasons), daemon=True)
            thread.start()
            thread.join(seconds or stores.SECONDS)
            if answers:
                return answers[0]
            self._off = True
            self.problem = visible("; ".join(reasons)) or f"no answer within {seconds or stores.SECONDS:g} s"
            logger.warning("the shared cache failed, and is not used again in this run: %s", self.problem)
            return None


def _attempt(action: Callable[[], bytes | None], answers: list[bytes | None], reasons: list[str]) -> None:
    try:
        answers.append(action())
    except (OSError, ValueError, CannotDecide, http.client.HTTPException) as error:
        reasons.append(str(error))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that `key` has the result with the digest `result`, with its signature, which isn't verified yet."""

    key: str
    result: str
    claim: Claim


def name_of(repository: str, key: str) -> str:
    """Return the name of the statement about a result."""
    return f"ac/{key_of('shared result', repository, key)}"


def parse_statement(data: bytes, repository: str) -> Statement | None:
    """Return the statement in a file, or None if it isn't one about this repository."""
    try:
        entry = parse_json(data)
        statement, line, signature = (str(entry[name]) for name in ("statement", "key", "signature"))
        fields = parse_json(statement)
        key, digest = fields["key"], fields["result"]
        signer = parse_key(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    about = {"v": 1, "repository": repository, "key": key, "result": digest}
    if (
        fields != about
        or not isinstance(key, str)
        or not isinstance(digest, str)
        or not _DIGEST.fullmatch(digest)
    ):
        return None
    claim = Claim(
        statement.encode("utf-8", "replace"), signature.encode("utf-8", "replace"), signer, NAMESPACE
    )
    return Statement(key, digest, claim)
