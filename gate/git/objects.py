"""Read objects: blobs, trees, and the commits that names resolve to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gate.errors import CannotDecide, UsageError
from gate.git.repository import NOT_HERE, Repository
from gate.model import OID, decode_path, encode_path

REGULAR_MODES = frozenset({"100644", "100755"})
FOLDER, LINK = "040000", "120000"
LONGEST_COMMAND = 100_000
"""Bytes of paths per command line: macOS allows 256 KiB, including the environment."""
"""The full id of an object."""
FEW = 32
"""The maximum number of objects requested together that are remembered: enough for settings, not for whole trees."""
POINTER = 9
"""Bytes that an argument takes in addition to its text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tree entry: mode (`100644`, `100755`, `120000` for a symlink, `160000` for a submodule) and object id."""

    path: str
    mode: str
    oid: str


def list_tree(repository: Repository, tree_ish: str, paths: Iterable[str] = ()) -> tuple[Entry, ...]:
    """Return every file below `tree_ish`, recursively, in git's order.

    With `paths`, return only those that exist. A folder selects everything in it.
    """
    return tuple(
        entry for portion in _portions(paths) for entry in _listed(repository, ("-r",), tree_ish, portion)
    )


def _listed(
    repository: Repository, options: Sequence[str], tree_ish: str, paths: Sequence[bytes]
) -> tuple[Entry, ...]:
    command: list[str | bytes] = ["ls-tree", *options, "-z", "--full-tree", tree_ish, "--", *paths]

    def work() -> tuple[Entry, ...]:
        return tuple(_entries(repository.run(*command)))

    return repository.once(tuple(command), work) if OID.fullmatch(tree_ish) else work()


def _entries(raw: bytes) -> Iterator[Entry]:
    for line in raw.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _kind, oid = head.decode("ascii").split(" ")
        yield Entry(decode_path(path), mode, oid)


def list_entries(repository: Repository, tree_ish: str, paths: Iterable[str] = ()) -> tuple[Entry, ...]:
    """Return the entries at the top of `tree_ish`, or at each of `paths`, with folders as entries (`040000`).

    A path that ends in `/` selects the entries of that folder.
    """
    return tuple(
        entry for portion in _portions(paths) for entry in _listed(repository, (), tree_ish, portion)
    )


def list_shallow(repository: Repository, tree_ish: str) -> tuple[Entry, ...]:
    """Return the entries at the top of `tree_ish` and one level below, with folders as entries."""
    top = list_entries(repository, tree_ish)
    folders = [f"{entry.path}/" for entry in top if entry.mode == FOLDER]
    return (*top, *(list_entries(repository, tree_ish, folders) if folders else ()))


def list_index(repository: Repository) -> tuple[str, ...]:
    """Return the paths of all files in the index."""
    raw = repository.run("ls-files", "--cached", "-z")
    return tuple(dict.fromkeys(decode_path(path) for path in raw.split(b"\0")[:-1]))


def read_sparse(repository: Repository, paths: Iterable[str]) -> dict[str, bytes]:
    """Return the content, in the index, of those `paths` that a sparse checkout leaves out of the working tree."""
    wanted = [encode_path(path) for path in paths]
    if not wanted:
        return {}
    raw = repository.run("--literal-pathspecs", "ls-files", "-t", "--stage", "-z", "--", *wanted)
    oids = {}
    for line in raw.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        tag, mode, oid, _ = facts.decode("ascii").split()
        if tag == "S" and mode in REGULAR_MODES:
            oids[decode_path(name)] = oid
    contents = read_objects(repository, oids.values())
    return {path: contents[oid] for path, oid in oids.items()}


def read_blob(repository: Repository, tree_ish: str, path: str) -> bytes | None:
    """Return the content of the regular file `path` in `tree_ish`, or None if there is none."""
    return read_blobs(repository, tree_ish, [path])[path]


def read_blobs(repository: Repository, tree_ish: str, paths: Iterable[str]) -> dict[str, bytes | None]:
    """Return the content of each regular file in `tree_ish`, in two git processes (more for thousands of paths).

    The value is None for missing paths, folders, submodules, and symlinks, whose content is another file's name.
    """
    wanted = list(dict.fromkeys(paths))
    blobs: dict[str, bytes | None] = dict.fromkeys(wanted)
    if not wanted:
        return blobs
    oids = {
        entry.path: entry.oid
        for entry in list_entries(repository, tree_ish, wanted)
        if entry.mode in REGULAR_MODES and entry.path in blobs
    }
    contents = read_objects(repository, oids.values())
    return blobs | {path: contents[oid] for path, oid in oids.items()}


def _portions(paths: Iterable[str]) -> Iterator[list[bytes]]:
    """Split the paths into groups that each fit on a command line."""
    portion: list[bytes] = []
    size = 0
    for path in map(encode_path, paths):
        if size + len(path) > LONGEST_COMMAND:
            yield portion
            portion, size = [], 0
        portion.append(path)
        size += len(path) + POINTER
    yield portion


def read_objects(repository: Repository, oids: Iterable[str]) -> dict[str, bytes]:
    """Return the content of each object, in one git process. Raises CannotDecide if one is missing."""
    names = tuple(dict.fromkeys(oids))
    if len(names) > FEW:
        return _read_objects(repository, names)
    return (
        dict(repository.once(("objects", names), lambda: _read_objects(repository, names))) if names else {}
    )


def _read_objects(repository: Repository, names: Sequence[str]) -> dict[str, bytes]:
    raw = repository.run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in names).encode("ascii"))
    contents: dict[str, bytes] = {}
    position = 0
    for oid in names:
        end = raw.index(b"\n", position)
        head = raw[position:end].split(b" ")
        if len(head) != 3:
            raise CannotDecide(f"object {oid} is not in this repository", NOT_HERE)
        size = int(head[2])
        contents[oid] = raw[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return contents


def tree_of(repository: Repository, commit: str) -> str:
    """Return the tree id of a commit given by its full id."""
    return repository.once(
        ("tree", commit), lambda: repository.text("rev-parse", "--verify", f"{commit}^{{tree}}")
    )


def _as_commit(name: str) -> str:
    """Return the revision that dereferences a name to its commit. `:/TEXT` is a commit, and all the rest is text."""
    return name if name.startswith(":/") else f"{name}^{{commit}}"


def resolve(repository: Repository, names: Iterable[str]) -> dict[str, str]:
    """Return the commit that each name resolves to, in one git process. Names that resolve to nothing are omitted.

    A name is any git revision. Use full ref names for branches, so that a tag with the same name can't take precedence.
    """
    wanted = list(dict.fromkeys(names))
    if any("\n" in name or not name for name in wanted):
        raise UsageError("a revision cannot be empty or hold a line break")
    request = "".join(f"{_as_commit(name)}\n" for name in wanted).encode("utf-8", "surrogateescape")
    raw = repository.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=request)
    commits: dict[str, str] = {}
    for name, line in zip(wanted, raw.decode("utf-8", "surrogateescape").split("\n"), strict=False):
        oid, _, kind = line.partition(" ")
        if kind == "commit":
            commits[name] = oid
    return commits
