"""Sign with a person's SSH key, and verify signatures, both through ssh-keygen."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.approvals.sshsig import can_verify, certain_validity, signing_key
from gate.errors import CannotDecide, UsageError
from gate.policy.keys import NAMESPACE, PublicKey, parse_key
from gate.process import Finished
from gate.process import run as run_process

KEY_FILES = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_NOT_DONE = re.compile(
    rb"Unable to open|Couldn't read|No space left|Cannot allocate|out of memory", re.IGNORECASE
)
FEW = 16
"""Up to this many signatures, ssh-keygen is faster than loading the faster library."""
# The only name in the list of allowed signers. Holders are looked up by the key itself, so that no name from a
# policy can act as a pattern in that file.
PRINCIPAL = "signer"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that can sign: its public half, and the file that ssh-keygen uses.

    `path` is empty if the key is only in the agent.
    """

    public: PublicKey
    path: str = ""
    program: str = "ssh-keygen"


@dataclass(frozen=True, slots=True)
class Claim:
    """Data, its signature, the key that allegedly signed it, and the namespace."""

    data: bytes
    signature: bytes
    key: PublicKey
    namespace: str = NAMESPACE


def find_key(
    key_file: str | None,
    configured: str,
    listed_keys: Collection[str],
    *,
    program: str = "",
    strict: bool = True,
) -> SigningKey:
    """Return the key to sign with: the file `key_file`, else the `configured` key, else one of the user's own.

    `listed_keys` are the base64 texts of the keys in the policy, by which one is chosen from the agent and `~/.ssh`.
    `strict` means that a configured key must be an SSH key. Raises UsageError.
    """
    program = program or "ssh-keygen"
    if key_file:
        return _read_key(key_file, program)
    if configured and (strict or configured.startswith(("key::", "ssh-")) or _expand(configured).exists()):
        return _read_key(configured, program)
    own = list(_own_keys(program))
    for key in own:
        if key.public.blob in listed_keys:
            return key
    if own:
        return own[0]
    but = f": user.signingkey is {configured}, and there is no such file" if configured else ""
    raise UsageError(
        f"there is no SSH key to sign with{but}",
        "name one with `--key FILE` or `git config user.signingkey FILE`; `ssh-keygen -t ed25519` creates one",
    )


def find_listed_key(listed_keys: Collection[str], *, program: str = "") -> SigningKey | None:
    """Return the first of the user's own keys that is one of `listed_keys` (base64 texts), or None."""
    own = _own_keys(program or "ssh-keygen")
    return next((key for key in own if key.public.blob in listed_keys), None)


def sign(data: bytes, key: SigningKey, namespace: str = NAMESPACE) -> bytes:
    """Return the armored signature of `data` in this namespace. Raises CannotDecide with ssh-keygen's message."""
    with _scratch() as folder:
        path = key.path
        if not path:
            public = Path(folder) / "key.pub"
            public.write_text(f"{key.public.line}\n", "ascii")
            path = str(public)
        agent = [] if key.path else ["-U"]
        # Some signing programs require a file, and write the signature beside it.
        message = Path(folder) / "record"
        message.write_bytes(data)
        argv = [key.program, "-Y", "sign", "-n", namespace, "-f", path, *agent, str(message)]
        done = _run(argv)
        beside = Path(f"{message}.sig")
        if done.returncode != 0 or not beside.exists():
            raise _cannot_sign(key, done)
        signature = beside.read_bytes()
    if signing_key(signature, namespace) != key.public.blob:
        raise CannotDecide(
            f"{key.path} signed with another key than {key.public.fingerprint}",
            "does the .pub file beside it belong to another key?",
        )
    return signature


def _cannot_sign(key: SigningKey, done: Finished) -> CannotDecide:
    """Return the error for a key that failed to sign, and what to do."""
    private = key.path.removesuffix(".pub")
    if b"UNPROTECTED PRIVATE KEY" in done.stderr:
        return CannotDecide(
            f"ssh-keygen rejects the key {private} because others can read it", f"`chmod 600 {private}`"
        )
    message = re.sub(r"^(?:Enter passphrase[^:]*: )+", "", _message(done))
    add = f"`ssh-add {private}`" if private else "`ssh-add FILE`"
    return CannotDecide(
        f"the key could not sign: {message}",
        f"a key with a passphrase signs through the agent: {add}; is the agent running?",
    )


def verify(claims: Sequence[Claim]) -> list[bool | None]:
    """Return whether each signature is valid, in order, or None if that couldn't be determined this time.

    ssh-keygen is only started for signatures that can't be decided without it.
    """
    certain: list[bool | None] = [None] * len(claims)
    if len(claims) > FEW and can_verify():
        certain = [
            certain_validity(claim.data, claim.signature, claim.key.blob, claim.namespace) for claim in claims
        ]
    doubtful = [claim for claim, sure in zip(claims, certain, strict=True) if sure is None]
    answers = iter(_ask(doubtful))
    return [next(answers) if sure is None else sure for sure in certain]


def _ask(claims: Sequence[Claim]) -> list[bool | None]:
    """Verify signatures with ssh-keygen. Several processes run at once, because each verifies one signature."""
    if not claims:
        return []
    with _scratch() as folder:
        signers: dict[tuple[str, str], Path] = {}
        for key, namespace in {(claim.key, claim.namespace) for claim in claims}:
            path = Path(folder) / f"signers-{len(signers)}"
            path.write_text(f'{PRINCIPAL} namespaces="{namespace}" {key.line}\n', "ascii")
            signers[key.blob, namespace] = path

        def check(numbered: tuple[int, Claim]) -> bool | None:
            number, claim = numbered
            signature = Path(folder) / f"{number}.sig"
            signature.write_bytes(claim.signature)
            argv = ["ssh-keygen", "-Y", "verify", "-n", claim.namespace, "-I", PRINCIPAL]
            argv += ["-f", str(signers[claim.key.blob, claim.namespace]), "-s", str(signature)]
            done = _run(argv, claim.data)
            if done.returncode == 0:
                return True
            # ssh-keygen prints this in any case; if it couldn't do its work, stderr has the reason.
            unknown = _NOT_DONE.search(done.stderr) or b"Could not verify signature" not in done.stdout
            return None if unknown else False

        with ThreadPoolExecutor(min(len(claims), (os.cpu_count() or 1) + 1)) as pool:
            return list(pool.map(check, enumerate(claims)))


@contextmanager
def _scratch() -> Iterator[str]:
    """Yield a temporary folder for ssh-keygen's files. Raises CannotDecide if it can't be created."""
    try:
        with tempfile.TemporaryDirectory(prefix="gate-ssh-") as folder:
            yield folder
    except OSError as error:
        raise CannotDecide(
            f"there is no room for temporary files: {error.strerror or error}", "is the disk full?"
        ) from error


def _read_key(text: str, program: str) -> SigningKey:
    """Read the key that `--key` or `user.signingkey` names: a file, or the public key itself."""
    literal = text.removeprefix("key::") if text.startswith(("key::", "ssh-", "ecdsa-", "sk-")) else ""
    if literal:
        return SigningKey(_parse(literal, "the signing key"), "", program)
    path = _expand(text)
    if not path.is_file():
        raise UsageError(f"there is no key file {text}", "name one with `--key FILE`")
    try:
        start = path.read_bytes()[:4096]
    except OSError as error:
        raise UsageError(f"the key file {text} cannot be read: {error.strerror}") from error
    if b"PRIVATE KEY" not in start:
        return SigningKey(_parse(start.decode("utf-8", "replace"), text), str(path), program)
    done = _run(["ssh-keygen", "-y", "-P", "", "-f", str(path)])
    if done.returncode == 0:
        return SigningKey(_parse(done.stdout.decode("ascii", "replace"), text), str(path), program)
    public = Path(f"{path}.pub")
    if public.is_file():
        # The private key has a passphrase. Given the public key, ssh-keygen signs through the agent.
        return SigningKey(_parse(public.read_text("utf-8", "replace"), str(public)), str(public), program)
    raise UsageError(f"the key {text} cannot be read: {_message(done)}", "put its .pub file beside it")


def _own_keys(program: str) -> Iterable[SigningKey]:
    if os.environ.get("SSH_AUTH_SOCK"):
        done = _run(["ssh-add", "-L"])
        for line in done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []:
            try:
                yield SigningKey(parse_key(line), "", program)
            except ValueError:
                continue
    for name in KEY_FILES:
        path = _expand(f"~/.ssh/{name}")
        if path.is_file():
            try:
                yield _read_key(str(path), program)
            except UsageError:
                continue


def _parse(line: str, where: str) -> PublicKey:
    try:
        return parse_key(line)
    except ValueError as error:
        raise UsageError(f"{where} is not an SSH key that can sign: {error}") from error


def _expand(path: str) -> Path:
    return Path(path).expanduser()


def _run(argv: Sequence[str], stdin: bytes = b"") -> Finished:
    try:
        return run_process(argv, env=_environment(os.environ), stdin=stdin)
    except FileNotFoundError as error:
        raise CannotDecide(
            f"{argv[0]} is not installed or not on PATH", "install OpenSSH 8.2 or later"
        ) from error


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, "LC_ALL": "C"}


def _message(done: Finished) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
