"""Results in S3: a real server, the real library, and what goes wrong with both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from runner.test_shared_results import KEY, OTHER, Handler, keys, serving, trusted

from gate.errors import UsageError
from gate.shared_results import stores
from gate.shared_results.objects import ObjectStore
from gate.shared_results.signed import SignedResults
from gate.ssh import SigningKey

pytestmark = pytest.mark.slow
__all__ = ["keys"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with the bucket `results`."""
    from moto.server import ThreadedMotoServer

    s3 = ThreadedMotoServer("127.0.0.1", port=0)
    s3.start()
    try:
        address = "http://{}:{}".format(*s3.get_host_and_port())
        connection = HTTPConnection(address.removeprefix("http://"))
        connection.request("PUT", "/results")
        assert connection.getresponse().status == 200
        connection.close()
        yield address
    finally:
        s3.stop()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "us-east-1"}
    for name, value in names.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    # However slow the machine is.
    monkeypatch.setattr(stores, "SECONDS", 60.0)


def opened(url: str, keys: dict[str, SigningKey], signer: str = "") -> SignedResults:
    return SignedResults(ObjectStore(url), "acme/shortener", trusted(keys), keys.get(signer))


def test_others_read_what_ci_has_stored(
    server: str, keys: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    writer = opened("s3://results/some/prefix", keys, "ci")
    writer.put(KEY, b"passed")
    assert not writer.problem
    reader = opened("s3://results/some/prefix", keys)
    assert [reader.get(KEY), reader.get(OTHER), reader.problem] == [b"passed", None, ""]
    assert opened("s3://results/another", keys).get(KEY) is None
    store = ObjectStore("s3://results/some/prefix")
    store.write("cas/large", b"x" * 100)
    with pytest.raises(ValueError, match="larger than 99 bytes"):
        store.read("cas/large", 99)


def test_a_bucket_that_does_not_exist(
    server: str, keys: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    for signer in ("", "ci"):
        results = opened("s3://nothing/prefix", keys, signer)
        results.put(KEY, b"passed")
        assert results.get(KEY) is None
        assert results.problem == "there is no such bucket"


@pytest.mark.parametrize("mood", ["broken", "closes", "cuts off", "drips", "read-only"])
def test_a_bad_server_costs_a_little_time_once(
    keys: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    """Among them one that refuses the credentials (403)."""
    monkeypatch.setattr(stores, "SECONDS", 1.0)
    with serving() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        opened("s3://results/x", keys, "ci").put(KEY, b"passed")
        assert opened("s3://results/x", keys).get(KEY) == b"passed"
        Handler.mood = mood
        results = opened("s3://results/x", keys, "ci")
        if mood == "read-only":
            results.put(KEY, b"passed")
        assert results.get(KEY) is None
        assert results.problem
        assert ("privileges" in results.problem) == (mood == "read-only")


def test_a_server_that_is_gone(keys: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as address:
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    results = opened("s3://results/x", keys)
    assert results.get(KEY) is None
    assert results.problem


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "az://container"])
def test_an_address_without_a_bucket_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="GATE_CACHE: "):
        ObjectStore(url)


def test_without_the_library_one_sentence_says_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['obstore'] = None\n"
        "from gate.errors import UsageError\n"
        "from gate.shared_results.objects import ObjectStore\n"
        "try:\n    ObjectStore(sys.argv[1])\n"
        "except UsageError as error:\n    print(error.message, error.hint, sep='; ')\n"
    )
    for scheme, extra in (("s3", "s3"), ("gs", "gcs"), ("az", "azure")):
        done = subprocess.run(
            [sys.executable, "-c", program, f"{scheme}://bucket"], capture_output=True, text=True, check=True
        )
        expected = (
            f"GATE_CACHE: {scheme}:// needs a library that isn't installed; pip install 'merge-gate[{extra}]'"
        )
        assert done.stdout.strip() == expected
