"""Shared results: only what a bot of the policy has signed for just this result counts, whatever the store does."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.company import Clone, give_environment

from gate.errors import UsageError
from gate.git.repository import Repository
from gate.policy.keys import PublicKey, parse_key
from gate.result_cache import ResultCache, key_of
from gate.shared_results import stores
from gate.shared_results.in_git import REF
from gate.shared_results.opening import open_shared, with_results_of_commit
from gate.shared_results.signed import LARGEST, SignedResults
from gate.shared_results.stores import Folder, Server
from gate.ssh import SigningKey, find_key

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    """The key of the bot, and one of somebody else."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ci", "other"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(argv, check=True)
    return {name: find_key(str(folder / name), "", ()) for name in ("ci", "other")}


def trusted(keys: dict[str, SigningKey]) -> dict[str, PublicKey]:
    return {keys["ci"].public.blob: keys["ci"].public}


def results(
    folder: Path, keys: dict[str, SigningKey], *, signer: str = "ci", repository: str = "acme/shortener"
) -> SignedResults:
    return SignedResults(Folder(folder), repository, trusted(keys), keys.get(signer))


def files(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / kind).iterdir())


def test_what_a_bot_has_stored_is_read_by_all(tmp_path: Path, keys: dict[str, SigningKey]) -> None:
    results(tmp_path, keys).put(KEY, b"passed")
    assert results(tmp_path, keys, signer="").get(KEY) == b"passed"
    assert results(tmp_path, keys, signer="").get(OTHER) is None


def test_nobody_writes_without_the_key(tmp_path: Path, keys: dict[str, SigningKey]) -> None:
    results(tmp_path, keys, signer="").put(KEY, b"passed")
    assert list(tmp_path.iterdir()) == []


def move(folder: Path, _keys: dict[str, SigningKey]) -> None:
    """The statement about one result in place of another's."""
    results(folder, _keys).put(OTHER, b"passed")
    places = {key_of("shared result", "acme/shortener", key): key for key in (KEY, OTHER)}
    (other,) = (path for path in files(folder, "ac") if places[path.name] == OTHER)
    (mine,) = (path for path in files(folder, "ac") if places[path.name] == KEY)
    mine.write_bytes(other.read_bytes())


def foreign(folder: Path, _keys: dict[str, SigningKey]) -> None:
    """The statement of another repository."""
    elsewhere = results(folder / "elsewhere", _keys, repository="evil/shortener")
    elsewhere.put(KEY, b"forged")
    (mine,) = files(folder, "ac")
    (theirs,) = files(folder / "elsewhere", "ac")
    mine.write_bytes(theirs.read_bytes())
    for path in files(folder / "elsewhere", "cas"):
        (folder / "cas" / path.name).write_bytes(path.read_bytes())


def signed_by_another(folder: Path, _keys: dict[str, SigningKey]) -> None:
    results(folder, _keys, signer="other").put(KEY, b"forged")


def with_the_name_of_the_bot(folder: Path, _keys: dict[str, SigningKey]) -> None:
    signed_by_another(folder, _keys)
    edit(folder, lambda entry: {**entry, "key": _keys["ci"].public.line})


def without_signature(folder: Path, _keys: dict[str, SigningKey]) -> None:
    edit(folder, lambda entry: {**entry, "signature": ""})


def other_result(folder: Path, _keys: dict[str, SigningKey]) -> None:
    (folder / "cas" / sha256(b"forged").hexdigest()).write_bytes(b"forged")
    edit(
        folder,
        lambda entry: {
            **entry,
            "statement": entry["statement"].replace(
                sha256(b"passed").hexdigest(), sha256(b"forged").hexdigest()
            ),
        },
    )


def outside(folder: Path, _keys: dict[str, SigningKey]) -> None:
    edit(
        folder,
        lambda entry: {
            **entry,
            "statement": entry["statement"].replace(sha256(b"passed").hexdigest(), "../x"),
        },
    )


def altered(folder: Path, _keys: dict[str, SigningKey]) -> None:
    files(folder, "cas")[0].write_bytes(b"forged")


def cut_off(folder: Path, _keys: dict[str, SigningKey]) -> None:
    files(folder, "ac")[0].write_bytes(files(folder, "ac")[0].read_bytes()[:-20])


def nested(folder: Path, _keys: dict[str, SigningKey]) -> None:
    files(folder, "ac")[0].write_bytes(b"[" * 50_000)


def huge(folder: Path, _keys: dict[str, SigningKey]) -> None:
    with files(folder, "cas")[0].open("wb") as file:
        file.truncate(LARGEST + 1)


def huge_statement(folder: Path, _keys: dict[str, SigningKey]) -> None:
    with files(folder, "ac")[0].open("ab") as file:
        file.truncate(LARGEST)


def edit(folder: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    (path,) = files(folder, "ac")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


ATTACKS = (
    move, foreign, signed_by_another, with_the_name_of_the_bot, without_signature, other_result, outside, altered,
    cut_off, nested, huge, huge_statement,
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_entry_that_is_not_exactly_right_is_none(
    tmp_path: Path, keys: dict[str, SigningKey], attack: Callable[[Path, dict[str, SigningKey]], None]
) -> None:
    results(tmp_path, keys).put(KEY, b"passed")
    assert results(tmp_path, keys).get(KEY) == b"passed"
    attack(tmp_path, keys)
    assert results(tmp_path, keys).get(KEY) is None


def test_the_key_of_somebody_who_is_no_bot_any_more_does_not_count(
    tmp_path: Path, keys: dict[str, SigningKey]
) -> None:
    results(tmp_path, keys).put(KEY, b"passed")
    only_other = {keys["other"].public.blob: keys["other"].public}
    assert SignedResults(Folder(tmp_path), "acme/shortener", only_other, None).get(KEY) is None


class Handler(BaseHTTPRequestHandler):
    """GET and PUT of files in memory, or something worse."""

    stored: dict[str, bytes] = {}  # noqa: RUF012  one server at a time
    mood = "well"

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.mood == "read-only":
            self.send_error(403)
            return
        self.stored[self.path] = body
        self.send_response(201)
        self.send_header("ETag", '"any"')
        self.end_headers()

    def do_GET(self) -> None:
        body = self.stored.get(self.path)
        if self.mood == "broken":
            self.send_error(500)
        elif self.mood == "closes":
            self.connection.close()
        elif body is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"any"')
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.end_headers()
            if self.mood == "cuts off":
                body = body[: len(body) // 2]
            elif self.mood == "drips":
                for number in range(len(body)):
                    self.wfile.write(body[number : number + 1])
                    self.wfile.flush()
                    time.sleep(0.1)
            self.wfile.write(body)


@contextmanager
def serving(mood: str = "well") -> Iterator[str]:
    Handler.stored, Handler.mood = {}, mood
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/cache"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_has_the_layout_of_bazel_remote(keys: dict[str, SigningKey]) -> None:
    with serving() as url:
        SignedResults(Server(url), "a/b", trusted(keys), keys["ci"]).put(KEY, b"passed")
        assert sorted(path.rpartition("/")[0] for path in Handler.stored) == ["/cache/ac", "/cache/cas"]
        assert f"/cache/cas/{sha256(b'passed').hexdigest()}" in Handler.stored
        assert SignedResults(Server(url), "a/b", trusted(keys), None).get(KEY) == b"passed"
        assert SignedResults(Server(url), "a/b", trusted(keys), None).get(OTHER) is None


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["broken", "closes", "cuts off", "drips"])
def test_a_bad_server_costs_a_little_time_once(
    keys: dict[str, SigningKey], mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SECONDS", 1.0)
    with serving() as url:
        SignedResults(Server(url), "a/b", trusted(keys), keys["ci"]).put(KEY, b"passed")
        Handler.mood = mood
        reader = SignedResults(Server(url), "a/b", trusted(keys), None)
        assert reader.get(KEY) is None
        if mood != "cuts off":
            Handler.mood = "well"
            assert reader.get(KEY) is None, "it is asked no more in this run"


def test_a_server_that_cannot_be_written_or_reached_is_no_failure(keys: dict[str, SigningKey]) -> None:
    with serving("read-only") as url:
        SignedResults(Server(url), "a/b", trusted(keys), keys["ci"]).put(KEY, b"passed")
    gone = SignedResults(Server(url), "a/b", trusted(keys), keys["ci"])
    gone.put(KEY, b"passed")
    assert gone.get(KEY) is None


def test_what_gate_cache_may_be(project: Clone, tmp_path: Path, keys: dict[str, SigningKey]) -> None:
    bots, repository = trusted(keys), Repository.find(project.path)
    assert open_shared("a/b", bots, repository, "origin", {}) is None
    assert isinstance(
        open_shared("a/b", {}, repository, "origin", {"GATE_CACHE": f"file://{tmp_path}"}), ResultCache
    )
    for url in (f"file://{tmp_path}", "http://127.0.0.1:1/x", "https://cache.example", REF):
        assert isinstance(open_shared("a/b", bots, repository, "origin", {"GATE_CACHE": url}), SignedResults)
    for url in ("/srv/cache", "file://srv/cache", "file:", "ftp://bucket", "http://", "refs/x"):
        with pytest.raises(UsageError, match="GATE_CACHE: expected refs/gate/results, file:///ABSOLUTE/PATH"):
            open_shared("a/b", bots, repository, "origin", {"GATE_CACHE": url})
    with pytest.raises(UsageError, match="the policy lists no bot with a key"):
        open_shared("a/b", {}, repository, "origin", {"GATE_CACHE": "https://cache.example"})
    with pytest.raises(UsageError, match="is not the key of a bot"):
        open_shared(
            "a/b",
            bots,
            repository,
            "origin",
            {"GATE_CACHE": "https://cache.example", "GATE_CACHE_KEY": keys["other"].path},
        )
    assert parse_key(keys["ci"].public.line).blob in bots


@pytest.mark.slow
def test_a_second_clone_reuses_what_ci_has_signed_and_nothing_else(
    project: Clone, tmp_path: Path, keys: dict[str, SigningKey]
) -> None:
    people = f'people:\n  "@ci": {{role: bot, keys: ["{keys["ci"].public.line}"]}}\n'
    rules = f"version: 1\nrepository: a/b\nprotect:\n  main:\n    require:\n      checks: [tests]\n{people}"
    give_environment(project.path.parent / "home")
    project.write({"gate.yaml": rules, "tests/test_a.py": "def test_it():\n    pass\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "start")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"a.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "change")
    environ = {"GATE_CACHE": f"file://{tmp_path}/shared"}

    def check(**more: str) -> bool:
        """Whether the result came from the cache, in a clone that has none of its own."""
        subprocess.run(["rm", "-rf", str(project.path / ".git" / "gate")], check=True)
        asked = ("check", "--into", "main", "--only", "tests", "--format", "json")
        result = project.gate(*asked, env={**environ, **more})
        (found,) = json.loads(result.out)["checks"]
        return bool(found["cached"])

    assert not check()
    assert not check()
    assert not check(GATE_CACHE_KEY=keys["ci"].path, CI="true")
    assert check(CI="true")
    assert check(), "no test reads the variable that differs"
    for path in files(tmp_path / "shared" / "signed", "cas"):
        path.write_bytes(path.read_bytes().replace(b"passed", b"PASSED"))
    assert not check()


def test_results_of_a_commit_are_for_that_commit_at_an_absolute_path(tmp_path: Path) -> None:
    environ = {"GATE_COMMIT_CACHE": str(tmp_path)}
    first, second = (with_results_of_commit(None, head, environ) for head in ("1" * 40, "2" * 40))
    assert first is not None
    assert second is not None
    first.put("a" * 64, b"{}")
    assert (first.get("a" * 64), second.get("a" * 64)) == (b"{}", None)
    with pytest.raises(UsageError, match="expected an absolute path"):
        with_results_of_commit(None, "1" * 40, {"GATE_COMMIT_CACHE": "results"})
