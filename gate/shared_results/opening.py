"""Find the shared results that `GATE_CACHE` and `GATE_COMMIT_CACHE` name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gate.errors import UsageError
from gate.git.repository import Repository
from gate.policy.keys import PublicKey
from gate.result_cache import SHARED_MOST, ResultCache, Shared
from gate.shared_results.in_git import REF, ResultsRef
from gate.shared_results.layers import InOrder
from gate.shared_results.objects import SCHEMES, ObjectStore
from gate.shared_results.signed import SignedResults
from gate.shared_results.stores import Folder, Server, Store
from gate.ssh import find_key

EXPECTED = f"expected {REF}, file:///ABSOLUTE/PATH, https://HOST/PATH, or s3://BUCKET/PREFIX"


def open_shared(
    name: str,
    trusted: Mapping[str, PublicKey],
    repository: Repository,
    remote: str,
    environ: Mapping[str, str] = os.environ,
) -> ResultCache | SignedResults | None:
    """Open the shared results at the place in `GATE_CACHE`. Returns None if it isn't set.

    `name` is the repository's name in statements, and `remote` the one through which it shares refs. If the policy
    lists bots (`trusted`), every entry is signed: `GATE_CACHE_KEY` is the key file where results are written. Otherwise
    a folder is trusted as it is, like `.git/gate` itself: anyone who can write to it can make gate believe that a check
    passed. Any other place without bots is an error. Raises UsageError.
    """
    url = environ.get("GATE_CACHE", "")
    if not url:
        return None
    folder = _folder(url)
    if not trusted and folder is None:
        _store(url, repository, remote, environ)
        raise UsageError(
            f"GATE_CACHE: results at {url} must be signed, but the policy lists no bot with a key",
            'add one under `people` in gate.yaml: `"@ci": {role: bot, keys: ["ssh-ed25519 …"]}`',
        )
    if not trusted and folder is not None:
        return ResultCache(folder / "results", SHARED_MOST)
    store = Folder(folder / "signed") if folder is not None else _store(url, repository, remote, environ)
    file = environ.get("GATE_CACHE_KEY", "")
    key = find_key(file, "", ()) if file else None
    if key is not None and key.public.blob not in trusted:
        raise UsageError(f"GATE_CACHE_KEY: {key.public.fingerprint} is not the key of a bot in the policy")
    return SignedResults(store, name, trusted, key)


def with_results_of_commit(
    shared: Shared | None, head: str, environ: Mapping[str, str] = os.environ
) -> Shared | None:
    """Return `shared`, preceded by the results of earlier runs for the commit `head` if GATE_COMMIT_CACHE is set.

    These aren't signed, and are trusted like `.git/gate`: the code of `head` may have written them. That is sound for
    this commit only, since its code runs in its checks in any case, so each commit has a folder. Raises UsageError.
    """
    path = environ.get("GATE_COMMIT_CACHE", "")
    if not path or not head:
        return shared
    if not path.startswith("/"):
        raise UsageError(f"GATE_COMMIT_CACHE: expected an absolute path, got {path!r}")
    own = ResultCache(Path(path) / head)
    return InOrder((own, shared)) if shared is not None else own


def _folder(url: str) -> Path | None:
    scheme, _, rest = url.partition("://")
    return Path(rest) if scheme == "file" and rest.startswith("/") else None


def _store(url: str, repository: Repository, remote: str, environ: Mapping[str, str]) -> Store:
    if url == REF:
        return ResultsRef(repository, remote)
    scheme, _, rest = url.partition("://")
    if scheme in {"http", "https"} and rest:
        return Server(url, environ.get("GATE_CACHE_TOKEN", ""))
    if scheme in SCHEMES:
        return ObjectStore(url)
    raise UsageError(f"GATE_CACHE: {EXPECTED}, got {url!r}")
