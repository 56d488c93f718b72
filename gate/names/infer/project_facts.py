"""Merge the facts about a project's classes from all of its files, as far as inference needs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gate.names.syntax.facts import ANY_NAME, CHANGES_SIGNATURE, Facts


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """Facts about all files together. Without arguments, those of a project without files."""

    stored_outside: frozenset[str] = frozenset()
    """Attributes that project code sets on anything but its `self`; for an import, also qualified by its name."""
    defined: Mapping[str, int] = field(default_factory=Counter)
    """How many classes of the project define each attribute."""
    bases: frozenset[str] = frozenset()
    """The names of all base classes in the project."""
    library_bases: frozenset[str] = frozenset()
    """The qualified names of base classes from the standard library."""
    combined: frozenset[str] = frozenset()
    """The names of base classes that are combined with another base in a class."""
    recombined: frozenset[str] = frozenset()
    """The names of classes that, like their subclasses, the project subclasses at runtime."""

    @classmethod
    def of(cls, files: Iterable[Facts]) -> ProjectFacts:
        """Merge the facts of files."""
        files = list(files)
        return cls(
            frozenset(name for facts in files for name in facts.stored),
            Counter(name for facts in files for name in facts.members_of_classes),
            frozenset(name for facts in files for name in facts.bases),
            frozenset(name for facts in files for name in facts.library_bases),
            frozenset(name for facts in files for name in facts.combined),
            frozenset(name for facts in files for name in facts.recombined),
        )

    def changes_signature(self, name: str) -> bool:
        """Return whether code replaces the defaults or the signature of a function or class called `name`."""
        return any(f"{name}.{attribute}" in self.stored_outside for attribute in CHANGES_SIGNATURE)

    def sets_any(self, owner: str) -> bool:
        """Return whether code sets attributes with computed names on the module or class called `owner`."""
        return f"{owner}.{ANY_NAME}" in self.stored_outside

    def by_name(self) -> Iterator[tuple[str, str]]:
        """Yield names, each with a fact about it as text.

        The diagnostics of files that mention the name depend on that fact.
        """
        for name in sorted(self.stored_outside):
            owner, _, attribute = name.rpartition(".")
            is_of_owner = attribute in CHANGES_SIGNATURE | {ANY_NAME} and owner
            yield (owner.rpartition(".")[2] if is_of_owner else attribute), f"stored {name}"
        yield from ((name, f"base {name}") for name in sorted(self.bases))
        yield from ((name, f"combined {name}") for name in sorted(self.combined))
        yield from ((name, f"recombined {name}") for name in sorted(self.recombined))
        yield from ((name, f"defined {name} {min(self.defined[name], 2)}") for name in sorted(self.defined))
