"""The policy and the code owners along a branch, each read once for each content that it ever had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.codeowners import ALL_PLACES, PLACES, CodeOwners, Rule, locate, parse
from gate.errors import InvalidInput
from gate.git.objects import REGULAR_MODES, read_objects
from gate.git.repository import Repository
from gate.model import FileChange, decode_path
from gate.policy.load import POLICY_FILE, STORED, load_policy
from gate.policy.types import Policy
from gate.rules import behind_links, stored_in
from gate.weakenings import SETTINGS

WATCHED = (POLICY_FILE, *STORED, *dict.fromkeys(place for places in PLACES.values() for place in places))
FOLLOWED = frozenset({*WATCHED, *SETTINGS})


@dataclass(slots=True)
class Rules:
    """The policy and the code owners along the branch, read once for each content that they ever had."""

    repository: Repository
    _blobs: dict[str, str] = field(default_factory=dict)
    _links: set[str] = field(default_factory=set)
    _policies: dict[str, Policy | InvalidInput] = field(default_factory=dict)
    _owners: dict[tuple[str, str], CodeOwners] = field(default_factory=dict)
    _contents: dict[str, bytes] = field(default_factory=dict)

    def start(self, commit: str) -> None:
        """Begin at this commit."""
        raw = self.repository.run("ls-tree", "-z", "--full-tree", commit, "--", *sorted(FOLLOWED))
        self._blobs, self._links = {}, set()
        for line in raw.split(b"\0")[:-1]:
            head, _, path = line.partition(b"\t")
            mode, kind, oid = head.decode("ascii").split(" ")
            if mode in REGULAR_MODES:
                self._blobs[decode_path(path)] = oid
            elif kind != "tree":
                self._links.add(decode_path(path))

    def follow(self, files: Iterable[FileChange]) -> None:
        """Go one move further."""
        for file in files:
            if file.path in FOLLOWED:
                self._blobs.pop(file.path, None)
                self._links.discard(file.path)
                if file.new_mode in REGULAR_MODES:
                    self._blobs[file.path] = file.new
                elif file.status != "deleted":
                    self._links.add(file.path)

    def policy(self) -> Policy:
        """The policy here; raises InvalidInput if it is none."""
        if POLICY_FILE in self._links:
            raise behind_links([POLICY_FILE])
        oid = self._blobs.get(POLICY_FILE, "")
        beside = {path: self._blobs[path] for path in STORED if path in self._blobs}
        key = " ".join([oid, *beside.values()])
        if key not in self._policies:
            try:
                stored = stored_in({path: self._content(blob) for path, blob in beside.items()})
                self._policies[key] = load_policy(self._content(oid) if oid else None, POLICY_FILE, stored)
            except InvalidInput as error:
                self._policies[key] = error
        found = self._policies[key]
        if isinstance(found, InvalidInput):
            raise found
        return found

    def settings(self) -> dict[str, str]:
        """The files at the top of the tree that decide what the checks see, with their blobs."""
        return {path: oid for path, oid in self._blobs.items() if path in SETTINGS}

    def ownership(self, policy: Policy, paths: Sequence[str]) -> tuple[str, Mapping[str, tuple[Rule, ...]]]:
        """The file of code owners here ("" for none) and who owns the paths; raises InvalidInput."""
        places = (place for place in self._blobs if place in WATCHED and place not in {POLICY_FILE, *STORED})
        present = {place: self._content(self._blobs[place]) for place in places}
        located = locate(present, policy.dialect)
        if located is None:
            links = self._links.intersection(ALL_PLACES if policy.dialect is None else PLACES[policy.dialect])
            if links:
                raise behind_links(sorted(links))
            return "", {}
        file, dialect = located
        key = (f"{dialect}:{file}", self._blobs[file])
        if key not in self._owners:
            self._owners[key] = parse(present[file], file, dialect)
        owners = self._owners[key]
        if owners.mistakes:
            raise InvalidInput(owners.mistakes)
        return file, owners.owners_of_all(paths)

    def _content(self, oid: str) -> bytes:
        if oid not in self._contents:
            self._contents[oid] = read_objects(self.repository, [oid])[oid]
        return self._contents[oid]
