"""The form of a record, of a key and of a signature: what is read, and that nothing else is."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.company import Company

from gate.approvals.content import alike, parse_contents
from gate.approvals.record import LARGEST, Record, Refused, parse, serialise
from gate.approvals.sshsig import signing_key
from gate.log.trailers import read_trailers
from gate.policy.keys import parse_key
from gate.ssh import Claim, find_key, sign, verify

RECORD = Record(
    kind="approve",
    repository="acme/x",
    into="refs/heads/main",
    base="a" * 40,
    head="b" * 40,
    change="c" * 64,
    by="@someone",
    at=1_800_000_000,
    nonce="d" * 32,
    reason="fine",
)
FIELDS = asdict(RECORD)


def dumped(fields: object) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def test_the_canonical_form() -> None:
    data = serialise(RECORD)
    assert data == dumped(FIELDS)
    assert data.startswith(b'{"at":1800000000,"base":"aaaa')
    assert parse(data) == RECORD


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 15000, "not JSON"),
        (b"9" * 15000, "not JSON"),
        (b"[]\n", "not a JSON object"),
        (b"x" * (LARGEST + 1), "larger than"),
        (dumped({**FIELDS, "v": 2}), "of another version"),
        (dumped({**FIELDS, "v": True}), "of another version"),
        (dumped({**FIELDS, "v": 1.0}), "of another version"),
        (serialise(RECORD)[:-1], "canonical"),
        (serialise(RECORD) + b"\n", "canonical"),
        (b" " + serialise(RECORD), "canonical"),
        (b"\xef\xbb\xbf" + serialise(RECORD), "not JSON"),
        (json.dumps(FIELDS, sort_keys=True).encode() + b"\n", "canonical"),
        (dumped(FIELDS).replace(b'"fine"', b'"f\\u0069ne"'), "canonical"),
        (dumped(FIELDS).replace(b'{"at"', b'{"at":1,"at"'), "canonical"),
        (dumped({**FIELDS, "extra": "x"}), "unknown field 'extra'"),
        (dumped({k: v for k, v in FIELDS.items() if k != "nonce"}), "no field 'nonce'"),
        (dumped({**FIELDS, "at": "1"}), "'at' must be a whole number"),
        (dumped({**FIELDS, "at": True}), "'at' must be a whole number"),
        (dumped({**FIELDS, "at": None}), "'at' must be a whole number"),
        (dumped({**FIELDS, "at": -1}), "'at' must be"),
        (dumped({**FIELDS, "by": ["@a"]}), "'by' must be text"),
        (dumped({**FIELDS, "base": "main"}), "'base' must be an object ID, not 'main'"),
        (dumped({**FIELDS, "of": "x"}), "'of' must be empty, not 'x'"),
        (dumped({**FIELDS, "reason": "x" * 4001}), "at most 4000 characters"),
        (dumped({**FIELDS, "by": "someone"}), "'by' must be"),
        (dumped({**FIELDS, "kind": "admin"}), "'kind' must be"),
        (dumped({**FIELDS, "into": "main"}), "'into' must be"),
        (dumped({**FIELDS, "head": "HEAD"}), "'head' must be"),
        (dumped({**FIELDS, "change": "C" * 64}), "'change' must be"),
        (dumped({**FIELDS, "of": "e" * 64}), "'of' must be"),
        (dumped({**FIELDS, "kind": "revoke"}), "'of' must be"),
        (dumped({**FIELDS, "kind": "waive", "reason": " "}), "'reason' must be"),
        (dumped({**FIELDS, "source": "github"}), "'source' must be"),
        (dumped({**FIELDS, "reason": "x" * 5000}), "'reason' must be"),
    ],
)
def test_anything_else_is_refused(data: bytes, reason: str) -> None:
    found = parse(data)
    assert isinstance(found, Refused)
    assert reason in found.reason


@pytest.mark.slow
@given(
    st.binary(max_size=300)
    | st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text() | st.integers()).map(dumped)
)
def test_parsing_never_raises_and_only_takes_what_is_canonical(data: bytes) -> None:
    found = parse(data)
    assert isinstance(found, Refused) or serialise(found) == data


@given(st.text(max_size=200), st.text(min_size=1, max_size=50), st.integers(0, 2**53 - 1))
def test_every_record_is_read_as_it_was_written(reason: str, name: str, at: int) -> None:
    record = replace(RECORD, reason=reason, by=f"@{name}", at=at)
    try:
        data = serialise(record)
    except ValueError:
        return
    assert parse(data) == record


LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9ueo4aOAWofe6acRX4W/TclXEjmlPlYtAYBtSXEdm8"


@pytest.mark.parametrize(
    ("line", "after", "before"),
    [
        (LINE, None, None),
        (f"{LINE} a comment of words", None, None),
        (f'valid-before="20300101" {LINE}', None, 1_893_456_000),
        (f'valid-after="203001011200Z",valid-before="20300102" {LINE}', 1_893_499_200, 1_893_542_400),
        (f'namespaces="git,gate@v1" {LINE}', None, None),
    ],
    ids=["plain", "comment", "before", "both", "namespaces"],
)
def test_keys_of_the_policy(line: str, after: int | None, before: int | None) -> None:
    key = parse_key(line)
    assert (key.line, key.after, key.before) == (LINE, after, before)
    assert key.fingerprint == "SHA256:" + key.fingerprint.removeprefix("SHA256:")
    assert len(key.fingerprint) == 50


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "expected a public key"),
        ("ssh-ed25519", "expected a public key"),
        (LINE[:-8], "truncated"),
        (LINE.replace("ssh-ed25519", "ssh-rsa", 1), "contains 'ssh-ed25519'"),
        ("ssh-ed25519 AAAA", "truncated"),
        ("ssh-ed25519 !!!!", "truncated"),
        (f"cert-authority {LINE}", "got `cert-authority`"),
        (f'valid-before="tomorrow" {LINE}', "expected YYYYMMDD"),
        (f'verify-required="x" {LINE}', "expected valid-after"),
        (f'namespaces="git" {LINE}', "namespaces do not include"),
        (f'valid-before="20300101"x {LINE}', "expected a comma"),
    ],
)
def test_keys_that_are_none(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_key(line)


@given(st.text(max_size=120))
def test_reading_a_key_raises_nothing_else(line: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_key(line).blob in line


@given(st.binary(max_size=400))
def test_reading_a_signature_never_raises(data: bytes) -> None:
    assert signing_key(data) is None
    armoured = b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH" + data + b"\n-----END SSH SIGNATURE-----\n"
    assert signing_key(armoured) is None


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_signing_and_verifying(tmp_path: Any, kind: str) -> None:
    import subprocess

    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    key = find_key(str(path), "", ())
    signature = sign(b"hello\n", key)
    assert signing_key(signature) == key.public.blob
    good = Claim(b"hello\n", signature, key.public)
    bad = Claim(b"hello", signature, key.public)
    assert verify([good, bad, good]) == [True, False, True]
    assert verify([]) == []


def test_a_signature_by_another_key_is_not_valid(company: Company) -> None:
    key, other = (find_key(str(company.keys / name), "", ()) for name in ("ada", "bob"))
    assert verify([Claim(b"x", sign(b"x", key), other.public)]) == [False]


@given(st.binary(max_size=200))
def test_a_list_of_changes_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert len(parse_contents(data)) <= data.count(b"\0")


def test_changes_are_alike_if_they_share_half_of_the_files_of_the_smaller_one() -> None:
    def of(*paths: str) -> dict[str, tuple[str, str, str, str]]:
        return dict.fromkeys(paths, ("", "", "", ""))

    assert alike(of("a"), of("a", "b", "c", "d"))
    assert alike(of("a", "b"), of("b", "c"))
    assert not alike(of("a", "b", "c"), of("c", "d", "e"))
    assert not alike(of(), of("a"))


@pytest.mark.parametrize(
    "message",
    ["", "title", f"title\n\nGate-Verdict: {'a' * 64}\n\na paragraph after it", "t\n\nGate-Log: nonsense"],
)
def test_messages_without_trailers(message: str) -> None:
    assert read_trailers(message).verdict == ""
    assert read_trailers(message).log == ""
