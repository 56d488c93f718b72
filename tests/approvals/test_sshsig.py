"""Signatures verified without ssh-keygen are compared with what ssh-keygen says about the same ones."""

from __future__ import annotations

import base64
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gate.ssh
from gate.approvals.sshsig import certain_validity
from gate.policy.keys import PublicKey, parse_key
from gate.ssh import Claim, find_key, sign, verify

DATA = b'{"v":1}\n'
KINDS = {
    "ed25519": ("-t", "ed25519"),
    "rsa-2048": ("-t", "rsa", "-b", "2048"),
    "rsa-3072": ("-t", "rsa", "-b", "3072"),
    "p256": ("-t", "ecdsa", "-b", "256"),
    "p384": ("-t", "ecdsa", "-b", "384"),
    "p521": ("-t", "ecdsa", "-b", "521"),
}


def make(folder: Path, *options: str) -> str:
    path = folder / "key"
    subprocess.run(["ssh-keygen", "-q", *options, "-N", "", "-f", str(path)], check=True)
    return str(path)


def armour(raw: bytes) -> bytes:
    text = base64.b64encode(raw).decode()
    lines = "\n".join(re.findall(".{1,70}", text))
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n".encode()


def raw_of(signature: bytes) -> bytes:
    return base64.b64decode(b"".join(signature.splitlines()[1:-1]))


def by_ssh_keygen(claims: list[Claim]) -> list[bool | None]:
    """A few at a time are always verified this way."""
    found: list[bool | None] = []
    for start in range(0, len(claims), gate.ssh.FEW):
        found += verify(claims[start : start + gate.ssh.FEW])
    return found


def certain(claim: Claim) -> bool | None:
    return certain_validity(claim.data, claim.signature, claim.key.blob)


def tampered(claim: Claim, other: PublicKey, chance: random.Random) -> list[Claim]:
    """The claim, changed in one way each."""
    data, raw, key = claim.data, raw_of(claim.signature), claim.key
    found = [Claim(data + b" ", claim.signature, key), Claim(b"", claim.signature, key)]
    found += [Claim(data, claim.signature, other), Claim(data, armour(raw + b"\0"), key)]
    found += [Claim(data, armour(raw[:-cut]), key) for cut in (1, 4, 20)]
    for _ in range(24):
        place, bit = chance.randrange(len(raw)), 1 << chance.randrange(8)
        changed = raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]
        found.append(Claim(data, armour(changed), key))
    for old, new in (
        (b"sha512", b"sha256"),
        (b"gate@v1", b"gate@v2"),
        (b"SSHSIG\0\0\0\1", b"SSHSIG\0\0\0\2"),
    ):
        found.append(Claim(data, armour(raw.replace(old, new)), key))
    # The reserved field, which ssh-keygen leaves out of what it verifies.
    found.append(Claim(data, armour(raw.replace(b"gate@v1\0\0\0\0", b"gate@v1\0\0\0\1x")), key))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_both_say_the_same(tmp_path: Path, kind: str) -> None:
    key = find_key(make(tmp_path, *KINDS[kind]), "", ())
    (tmp_path / "other").mkdir()
    other = find_key(make(tmp_path / "other", *KINDS[kind]), "", ()).public
    valid = [Claim(data, sign(data, key), key.public) for data in (DATA, b"", b"\0" * 9000)]
    assert [certain(claim) for claim in valid] == by_ssh_keygen(valid) == [True] * 3
    chance = random.Random(kind)  # noqa: S311 - which bits are turned
    wrong = tampered(valid[0], other, chance)
    verified = by_ssh_keygen(wrong)
    for claim, valid_after_all in zip(wrong, verified, strict=True):
        # To be in doubt is allowed, and to take for valid what ssh-keygen refuses is not.
        assert certain(claim) in {None, valid_after_all}, base64.b64encode(raw_of(claim.signature))
    assert not all(verified)


def test_many_at_once_are_distinguished(tmp_path: Path) -> None:
    key = find_key(make(tmp_path, "-t", "ed25519"), "", ())
    signature = sign(DATA, key)
    good, bad = Claim(DATA, signature, key.public), Claim(b"x", signature, key.public)
    claims = [good, bad, good, good] * gate.ssh.FEW
    assert verify(claims) == [True, False, True, True] * gate.ssh.FEW


def test_without_the_library_the_answers_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)
    test_many_at_once_are_distinguished(tmp_path)


def test_a_short_rsa_key_is_left_to_ssh_keygen(tmp_path: Path) -> None:
    key = find_key(make(tmp_path, "-t", "rsa", "-b", "1024"), "", ())
    claim = Claim(DATA, sign(DATA, key), key.public)
    assert not certain(claim)


def test_a_signature_for_another_purpose_is_not_certain(tmp_path: Path) -> None:
    path = make(tmp_path, "-t", "ed25519")
    key = parse_key(Path(f"{path}.pub").read_text())
    argv = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", path]
    signature = subprocess.run(argv, input=DATA, capture_output=True, check=True).stdout
    assert not certain(Claim(DATA, signature, key))


def test_a_hardware_key_is_left_to_ssh_keygen() -> None:
    kind = b"sk-ssh-ed25519@openssh.com"

    def text(raw: bytes) -> bytes:
        return len(raw).to_bytes(4, "big") + raw

    blob = text(kind) + text(b"k" * 32) + text(b"ssh:")
    made = text(kind) + text(b"s" * 64) + b"\1\0\0\0\1"
    raw = b"SSHSIG\0\0\0\1" + b"".join(map(text, (blob, b"gate@v1", b"", b"sha512", made)))
    assert not certain_validity(DATA, armour(raw), base64.b64encode(blob).decode())
