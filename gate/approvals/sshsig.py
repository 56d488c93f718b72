"""Parse SSH signatures, and verify ordinary ones without ssh-keygen. Pure.

The format is OpenSSH's `PROTOCOL.sshsig`. ssh-keygen is authoritative, but takes milliseconds per signature. For
ordinary signatures in canonical form, `certain_validity` is as reliable. Anything unusual (hardware keys, certificates,
short RSA keys) is left to ssh-keygen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

from gate.policy.keys import NAMESPACE

_ARMOUR = re.compile(rb"\s*-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\s*")
_MAGIC = b"SSHSIG"
_HASHES = {b"sha256", b"sha512"}
_SHORTEST_RSA = 2048
"""In bits. ssh-keygen's own minimum depends on its build, but no build rejects this size as too short."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """The fields of a signature. `rest` is unexpected trailing data."""

    key: bytes
    namespace: bytes
    reserved: bytes
    hash: bytes
    signature: bytes
    rest: bytes


def signing_key(signature: bytes, namespace: str = NAMESPACE) -> str | None:
    """Return the base64 text of the key that a signature names, if it was made for this namespace.

    This is a claim until the signature has been verified.
    """
    fields = _read(signature)
    if fields is None or fields.namespace != namespace.encode():
        return None
    return base64.b64encode(fields.key).decode("ascii")


def can_verify() -> bool:
    """Return whether the library for `certain_validity` is installed. Otherwise ssh-keygen verifies everything."""
    try:
        import cryptography.hazmat.primitives.serialization  # noqa: F401  tests whether it is installed
    except ImportError:
        return False
    return True


def certain_validity(data: bytes, signature: bytes, key: str, namespace: str = NAMESPACE) -> bool | None:
    """Return whether the key (base64 text) signed `data` for this namespace, or None if only ssh-keygen can decide."""
    fields = _read(signature)
    if fields is None or fields.rest or fields.reserved or fields.hash not in _HASHES:
        return None
    if fields.namespace != namespace.encode() or fields.key != base64.b64decode(key):
        return None
    digest = hashlib.new(fields.hash.decode(), data).digest()
    signed = _MAGIC + b"".join(map(_string, (fields.namespace, b"", fields.hash, digest)))
    try:
        algorithm, raw = _strings(fields.signature, 2)
        return _verify(fields.key, algorithm, raw, signed)
    except ValueError:
        return None


def _read(signature: bytes) -> _Signature | None:
    armour = _ARMOUR.fullmatch(signature)
    if not armour:
        return None
    try:
        raw = base64.b64decode(armour[1])
        if not raw.startswith(_MAGIC + b"\0\0\0\1"):
            return None
        key, rest = _first(raw[len(_MAGIC) + 4 :])
        namespace, rest = _first(rest)
        reserved, rest = _first(rest)
        hash_name, rest = _first(rest)
        made, rest = _first(rest)
    except (ValueError, binascii.Error):
        return None
    return _Signature(key, namespace, reserved, hash_name, made, rest)


def _verify(key: bytes, algorithm: bytes, raw: bytes, signed: bytes) -> bool | None:
    """Return whether the signature is valid, or None for other kinds. Raises ValueError for unusual forms."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    kind, _ = _first(key)
    try:
        if kind == b"ssh-ed25519" and algorithm == kind:
            _verify_ed25519(key, raw, signed)
        elif kind == b"ssh-rsa" and algorithm in {b"rsa-sha2-256", b"rsa-sha2-512"}:
            _verify_rsa(key, algorithm, raw, signed)
        elif kind.startswith(b"ecdsa-sha2-") and algorithm == kind:
            _verify_ecdsa(key, raw, signed)
        else:
            return None
    except UnsupportedAlgorithm:
        return None
    except InvalidSignature:
        return False
    return True


def _verify_ed25519(key: bytes, raw: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    _, point = _strings(key, 2)
    Ed25519PublicKey.from_public_bytes(point).verify(raw, signed)


def _verify_rsa(key: bytes, algorithm: bytes, raw: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    _, exponent, modulus = _strings(key, 3)
    public = RSAPublicNumbers(_number(exponent), _number(modulus)).public_key()
    if public.key_size < _SHORTEST_RSA:
        raise ValueError("a short key")
    public.verify(raw, signed, PKCS1v15(), hashes.SHA512() if algorithm.endswith(b"512") else hashes.SHA256())


def _verify_ecdsa(key: bytes, raw: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    kinds: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
        b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
        b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
        b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
    }
    kind, name, point = _strings(key, 3)
    if name not in kinds or kind != b"ecdsa-sha2-" + name:
        raise ValueError("a curve of another kind")
    curve, sha2 = kinds[name]
    r, s = map(_number, _strings(raw, 2))
    ec.EllipticCurvePublicKey.from_encoded_point(curve, point).verify(
        encode_dss_signature(r, s), signed, ec.ECDSA(sha2)
    )


def _first(raw: bytes) -> tuple[bytes, bytes]:
    """Return the first length-prefixed string, and the rest. Raises ValueError if it is truncated."""
    if len(raw) < 4:
        raise ValueError("cut short")
    (length,) = struct.unpack(">I", raw[:4])
    value, rest = raw[4 : 4 + length], raw[4 + length :]
    if len(value) != length:
        raise ValueError("cut short")
    return value, rest


def _strings(raw: bytes, count: int) -> list[bytes]:
    """Return exactly this many strings. Raises ValueError for trailing data."""
    values = []
    for _ in range(count):
        value, raw = _first(raw)
        values.append(value)
    if raw:
        raise ValueError("more than expected")
    return values


def _string(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def _number(raw: bytes) -> int:
    """Parse an SSH integer, which must be positive and minimal."""
    number = int.from_bytes(raw, "big")
    if not raw or raw[0] & 0x80 or number.to_bytes(number.bit_length() // 8 + 1, "big") != raw:
        raise ValueError("not in canonical form")
    return number
