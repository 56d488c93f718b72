"""Decide what a server accepts below `refs/gate/results/`: results that a bot has signed, within limits."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from gate.git.objects import Entry, list_tree, read_objects, resolve
from gate.git.repository import Repository
from gate.policy.keys import PublicKey
from gate.shared_results.in_git import INDEX, LARGEST_BUNDLE, LARGEST_INDEX, MOST_BUNDLES, REF, parse_index
from gate.shared_results.signed import LARGEST_STATEMENT, name_of, parse_statement
from gate.ssh import verify

LARGEST_COMMIT = 1024
MOST_FILES = 20_000
_FILE = re.compile(r"(?:ac|cas)/[0-9a-f]{64}")
_HELP = "let gate share results: set `GATE_CACHE=refs/gate/results` and `GATE_CACHE_KEY` in CI"
_PRUNED = "the next run of CI that shares results deletes old ones; then push again"


def refusal(
    repository: Repository,
    ref: str,
    new: str,
    name: str,
    trusted: Mapping[str, PublicKey],
    deleted: Collection[str] = (),
) -> tuple[str, str]:
    """Return why the ref must not point to the object `new` ("" deletes it), and what to do; both "" if it may.

    `name` is the repository's name in statements, `trusted` are the keys of bots, and `deleted` are the refs
    that the same push deletes. Anyone who can push may delete results: that only costs time.
    """
    if not new:
        return "", ""
    if ref not in {INDEX, f"{REF}/{new}"}:
        return f"{REF}/ can contain only `index`, and bundles of results named by their object ID", _HELP
    if not _is_small_orphan(repository, new):
        return "shared results must be a commit without parents and without a message", _HELP
    if ref == INDEX:
        return _index(repository, new)
    refs = repository.text("for-each-ref", "--format=%(refname)", f"{REF}/").splitlines()
    if len({*refs, ref, INDEX} - set(deleted)) > 2 * MOST_BUNDLES:
        return (
            f"there are already {len(refs)} refs under {REF}/",
            "the next run of CI that shares results deletes old ones",
        )
    return _bundle(repository, new, name, trusted)


def _is_small_orphan(repository: Repository, new: str) -> bool:
    if resolve(repository, [new]).get(new) != new:
        return False
    done = repository.attempt("cat-file", "-s", new)
    if int(done.stdout) > LARGEST_COMMIT:
        return False
    return not any(
        line.startswith(b"parent ") for line in repository.run("cat-file", "commit", new).splitlines()
    )


def _index(repository: Repository, new: str) -> tuple[str, str]:
    files = list_tree(repository, new)
    if [(entry.path, entry.mode) for entry in files] != [("index", "100644")]:
        return f"{INDEX} must contain one file, `index`", _HELP
    if sum(_sizes(repository, files)) > LARGEST_INDEX:
        return f"the index of shared results is larger than {LARGEST_INDEX} bytes", _HELP
    try:
        parse_index(read_objects(repository, [files[0].oid])[files[0].oid])
    except ValueError as error:
        return f"the index of shared results can't be read: {error}", _HELP
    return "", ""


def _bundle(repository: Repository, new: str, name: str, trusted: Mapping[str, PublicKey]) -> tuple[str, str]:
    files = {entry.path: entry for entry in list_tree(repository, new)}
    stray = next(
        (path for path, entry in files.items() if entry.mode != "100644" or not _FILE.fullmatch(path)), ""
    )
    if stray or len(files) > MOST_FILES:
        return f"shared results cannot contain {stray or f'{len(files)} files'}", _HELP
    size = sum(_sizes(repository, list(files.values())))
    if size > LARGEST_BUNDLE:
        return f"it adds {size} bytes of results; at most {LARGEST_BUNDLE} are allowed at once", _HELP
    contents = read_objects(repository, [entry.oid for entry in files.values()])
    claims, results = [], set[str]()
    for path, entry in files.items():
        kind, _, digest = path.partition("/")
        data = contents[entry.oid]
        if kind == "cas":
            if sha256(data).hexdigest() != digest:
                return f"{path} does not fit its name: it was altered", _HELP
            continue
        statement = parse_statement(data, name) if len(data) <= LARGEST_STATEMENT else None
        if statement is None or path != name_of(name, statement.key):
            return f"{path} is not a statement about a result of {name or 'this repository'}", _HELP
        if statement.claim.key.blob not in trusted:
            return f"{path} is not signed with the key of a bot in the policy", _HELP
        claims.append(statement.claim)
        results.add(f"cas/{statement.result}")
    if any(valid is not True for valid in verify(claims)):
        return "it contains a result with an invalid signature", _HELP
    unsigned = next((path for path in files if path.startswith("cas/") and path not in results), "")
    return (f"{unsigned} is not signed", _HELP) if unsigned else ("", "")


def _sizes(repository: Repository, files: Sequence[Entry]) -> list[int]:
    request = "".join(f"{entry.oid}\n" for entry in files).encode("ascii")
    sizes = repository.run("cat-file", "--batch-check=%(objectsize)", stdin=request)
    return [int(line) for line in sizes.split()]
