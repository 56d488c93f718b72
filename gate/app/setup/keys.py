"""Find the user's public SSH key, or read the one in a given file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gate.errors import UsageError
from gate.policy.keys import parse_key

KEYS = ("id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_rsa.pub")


def own_key(signing_key: str) -> str:
    """Return the key that git signs with (`user.signingKey`), else the first of the usual ones, or "" without any."""
    literal = signing_key.removeprefix("key::")
    with contextlib.suppress(ValueError):
        parse_key(literal)
        return literal
    configured = [Path(signing_key).expanduser()] if signing_key else []
    home = Path(os.environ.get("HOME", "~")).expanduser() / ".ssh"
    for path in [*configured, *(home / key for key in KEYS)]:
        with contextlib.suppress(UsageError):
            return read_key(path)
    return ""


def read_key(path: Path) -> str:
    """Return the public key in the file, or in the `.pub` file next to it. Raises UsageError if there is none."""
    beside = path.with_name(f"{path.name}.pub")
    path = beside if path.suffix != ".pub" and beside.is_file() else path
    hint = "give the `.pub` file of an SSH key"
    try:
        key = path.read_text("utf-8").strip()
        if "PRIVATE KEY" in key:
            raise UsageError(f"{path} is a private key, which must not be in a policy", hint)
        if "\n" in key:
            raise UsageError(f"{path} has more than one line", hint)
        parse_key(key)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a public SSH key: {error}", hint) from error
    return key
