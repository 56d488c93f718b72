"""Shared results in the repository itself, below `refs/gate/results/`, with no server but git's.

A CI run adds its results as one *bundle*: a commit without parents, at `refs/gate/results/ID`, where ID is its object
ID. `refs/gate/results/index` is another commit without parents. Its only file lists the bundles, with their age, size,
and the names of what they contain. So a reader fetches the small index, and then usually one bundle. Both are refs,
which every server and every version of git's protocol can send, and a deleted bundle leaves no history.

A writer adds its bundle and replaces the index in one atomic push, which succeeds only if the index is still the one
that it read. Otherwise, the writer reads the new index and tries again, so concurrent writers lose nothing. The same
push deletes bundles that are too old or too many, and refs that the index doesn't list. A bundle also gets the results
that its run used from other bundles. So results in use don't expire, and readers find what a run needs in one place.

Nothing here is trusted: every result is signed, and the index only says where to look.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from gate.git.repository import Repository, stderr_line
from gate.git.scratch import Scratch
from gate.json_input import parse_json
from gate.shared_results import stores

REF = "refs/gate/results"
INDEX = f"{REF}/index"
LIFETIME = 14 * 24 * 3600
"""Seconds after which a bundle is deleted."""
MOST_BUNDLES = 64
MOST_BYTES = 64 * 1024 * 1024
"""The maximum size of all bundles, before compression."""
LARGEST_BUNDLE = 8 * 1024 * 1024
LARGEST_INDEX = 2 * 1024 * 1024
PUBLISHING = 60.0
"""Seconds for adding a bundle, with all attempts."""
SHORT = 16
"""How many digits of a name the index has."""

_ABSENT = "couldn't find remote ref"
_TALK = ("--quiet", "--no-recurse-submodules")
_FETCH = (*_TALK, "--no-tags", "--no-filter", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap=")
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_NAME = re.compile(rf"[0-9a-f]{{{SHORT}}}")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one run has added: its object id, when, its size in bytes, and the beginnings of the names in `ac/`."""

    id: str
    at: int
    size: int
    names: tuple[str, ...]


@dataclass(slots=True)
class _Adding:
    """What the next bundle will have, by name. `new` are the names that no bundle has."""

    files: dict[str, bytes] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))


class ResultsRef:
    """A store below `refs/gate/results/` of a remote, or of the repository itself if `remote` is empty."""

    lasting = False

    def __init__(self, repository: Repository, remote: str) -> None:
        """Prepare the store. Nothing is fetched before something is read."""
        self._repository, self._remote = repository, remote or str(repository.common_dir)
        self._scratch: Scratch | None = None
        self._index: list[Bundle] | None = None
        self._fetched: dict[str, Bundle] = {}
        self._read: dict[str, str] = {}
        """The digest of what was read, by name."""
        self._adding = _Adding()

    def read(self, name: str, most: int) -> bytes | None:
        """See Store. Fetches the index, and each bundle that lists `name`, newest first, until one has it."""
        for bundle in self._with(name):
            content = self._content(f"refs/bundles/{bundle.id}:{name}", most)
            if content is not None:
                self._read[name] = sha256(content).hexdigest()
                return content
        return None

    def write(self, name: str, content: bytes) -> None:
        """See Store. It is stored by `close`, with everything else that was written."""
        if self._adding.size + len(content) > LARGEST_BUNDLE:
            logger.debug(
                "shared results: more than %s bytes in one run: %s is left out", LARGEST_BUNDLE, name
            )
            return
        self._adding.files[name] = content
        if self._read.get(name) != sha256(content).hexdigest():
            self._adding.new.add(name)

    def close(self) -> None:
        """See Store. Adds the bundle if there is anything new, or if what was used is old or in several bundles."""
        try:
            if self._adding.new or (self._adding.files and self._scattered()):
                self._publish()
        finally:
            if self._scratch is not None:
                self._scratch.close()

    def bundles(self) -> Sequence[Bundle]:
        """Return the bundles that the index lists, newest first. Fetches it once."""
        if self._index is None:
            self._fetch_index()
        return self._index or ()

    def _scattered(self) -> bool:
        oldest = min((bundle.at for bundle in self._fetched.values()), default=0)
        return len(self._fetched) > 1 or time.time() - oldest > LIFETIME / 4

    def _with(self, name: str) -> Iterator[Bundle]:
        """Yield the fetched bundles that may have `name`. For a statement, fetch those that list it, too."""
        kind, _, digest = name.partition("/")
        if kind != "ac":
            yield from self._fetched.values()
            return
        for bundle in self.bundles():
            if digest[:SHORT] in bundle.names and (bundle.id in self._fetched or self._fetch(bundle)):
                yield bundle

    def _fetch(self, bundle: Bundle) -> bool:
        """Fetch a bundle, and return whether the remote still has it."""
        done = self._git.talk(
            "fetch",
            *_FETCH,
            self._remote,
            f"+{REF}/{bundle.id}:refs/bundles/{bundle.id}",
            seconds=stores.SECONDS,
        )
        stderr = done.stderr.decode("utf-8", "replace")
        if done.returncode and _ABSENT not in stderr:
            raise OSError(f"{REF}: {stderr_line(done)}")
        if done.returncode == 0:
            self._fetched[bundle.id] = bundle
        return done.returncode == 0

    def _fetch_index(self) -> str:
        """Fetch and parse the index, and return its object id, or "" if there is none. Raises OSError or ValueError."""
        self._index = []
        done = self._git.talk("fetch", *_FETCH, self._remote, f"+{INDEX}:refs/index", seconds=stores.SECONDS)
        if done.returncode:
            if _ABSENT in done.stderr.decode("utf-8", "replace"):
                return ""
            raise OSError(f"{INDEX}: {stderr_line(done)}")
        self._index = parse_index(self._content("refs/index:index", LARGEST_INDEX) or b"")
        return self._git.run("rev-parse", "refs/index").decode("ascii").strip()

    def _content(self, path: str, most: int) -> bytes | None:
        """Return the content of a fetched file. Raises ValueError if it is larger than `most` bytes."""
        request = f"{path}\n".encode("ascii")
        kind, _, size = self._git.run(
            "cat-file", "--batch-check=%(objecttype) %(objectsize)", stdin=request
        ).partition(b" ")
        if kind != b"blob":
            return None
        if int(size) > most:
            raise ValueError(f"larger than {most} bytes")
        return self._git.run("cat-file", "blob", path)

    def _publish(self) -> None:
        deadline = time.monotonic() + PUBLISHING
        now = int(time.time())
        bundle = Bundle(
            self._commit("refs/bundles/new", self._adding.files), now, self._adding.size, self._names()
        )
        for number in range(1000):
            old = self._index_to_replace()
            listed = remaining([bundle, *(self._index or ())], now)
            specs = [f"{bundle.id}:{REF}/{bundle.id}"]
            specs.append(f"{self._commit('refs/new-index', {'index': dump_index(listed)})}:{INDEX}")
            specs += [f":{ref}" for ref in self._unlisted(listed)]
            options = (
                "--atomic",
                "--no-verify",
                "--no-follow-tags",
                "--no-signed",
                f"--force-with-lease={INDEX}:{old}",
            )
            left = max(deadline - time.monotonic(), 1.0)
            done = self._git.talk("push", *_TALK, *options, self._remote, *specs, seconds=left)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline or (number > 1 and self._index_to_replace() == old):
                raise OSError(f"{REF} can't be pushed to {self._remote}: {_reason(done.stderr)}")
            # Writers that lost the race wait for a moment, each for a different time.
            time.sleep(random.uniform(0.0, 0.1 * min(number + 1, 20)))  # noqa: S311 - spreads retries

    def _index_to_replace(self) -> str:
        """Return the object id of the current index, or "". One that can't be read is replaced by a new one."""
        try:
            return self._fetch_index()
        except ValueError:
            return self._git.run("rev-parse", "refs/index").decode("ascii").strip()

    def _unlisted(self, listed: Sequence[Bundle]) -> list[str]:
        """Return the refs below `REF` on the remote that belong to no listed bundle."""
        done = self._git.talk("ls-remote", "--quiet", self._remote, f"{REF}/*", seconds=stores.SECONDS)
        expected = {INDEX, *(f"{REF}/{bundle.id}" for bundle in listed)}
        refs = [
            line.partition("\t")[2] for line in done.stdout.decode("utf-8", "surrogateescape").splitlines()
        ]
        return [ref for ref in refs if ref.startswith(f"{REF}/") and ref not in expected]

    def _names(self) -> tuple[str, ...]:
        pairs = (name.partition("/") for name in self._adding.files)
        return tuple(sorted(digest[:SHORT] for kind, _, digest in pairs if kind == "ac"))

    def _commit(self, ref: str, files: Mapping[str, bytes]) -> str:
        """Create a commit without parents, and return its object id."""
        stream = b"commit %s\nmark :1\ncommitter gate <gate@localhost> %d +0000\ndata 0\n" % (
            ref.encode("ascii"),
            int(time.time()),
        )
        stream += b"".join(
            b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode("ascii"), len(data), data)
            for name, data in sorted(files.items())
        )
        made = self._git.run(
            "fast-import", "--quiet", "--force", "--done", stdin=stream + b"get-mark :1\ndone\n"
        )
        return made.decode("ascii").strip()

    @property
    def _git(self) -> Scratch:
        if self._scratch is None:
            self._scratch = Scratch(self._repository)
        return self._scratch


def _reason(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    messages = [line for line in lines if line.startswith(("remote:", "fatal:", "!"))]
    return "; ".join(messages or lines[-1:]) or "no reason given"


def parse_index(data: bytes) -> list[Bundle]:
    """Return the bundles of an index, newest first. Raises ValueError if it isn't one."""
    try:
        root = parse_json(data)
        rows = root["bundles"] if root["v"] == 1 else None
        if not isinstance(rows, list) or len(rows) > MOST_BUNDLES:
            raise ValueError(f"expected at most {MOST_BUNDLES} bundles")
        return sorted(map(_bundle, rows), key=lambda bundle: -bundle.at)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an index of shared results") from error


def _bundle(row: Mapping[str, object]) -> Bundle:
    name, at, size, names = (row[key] for key in ("id", "at", "size", "names"))
    if not (isinstance(name, str) and _ID.fullmatch(name) and type(at) is int and type(size) is int):
        raise ValueError("not a bundle of shared results")
    if size < 0 or not isinstance(names, list) or not all(isinstance(text, str) for text in names):
        raise ValueError("not a bundle of shared results")
    if not all(_SHORT_NAME.fullmatch(text) for text in names):
        raise ValueError("not a bundle of shared results")
    return Bundle(name, at, size, tuple(names))


def dump_index(bundles: Sequence[Bundle]) -> bytes:
    """Return the file that lists these bundles."""
    rows = [{"id": item.id, "at": item.at, "size": item.size, "names": item.names} for item in bundles]
    return json.dumps({"v": 1, "bundles": rows}, separators=(",", ":")).encode("ascii")


def remaining(bundles: Sequence[Bundle], now: int) -> list[Bundle]:
    """Return the bundles to preserve, of these from newest to oldest: neither too old, nor too many, nor too large.

    A bundle whose results are all in newer ones isn't needed either.
    """
    chosen: list[Bundle] = []
    size, names = 0, set[str]()
    for bundle in bundles:
        size += bundle.size
        if len(chosen) == MOST_BUNDLES or size > MOST_BYTES:
            break
        if bundle.at > now - LIFETIME and not names.issuperset(bundle.names):
            chosen.append(bundle)
            names.update(bundle.names)
    return chosen
