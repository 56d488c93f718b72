"""What the files of a project say together about its classes: the parts of their facts that inference needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gate.names.syntax.facts import Facts


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """Facts about all files at once; without arguments, those of a project without files."""

    stored_outside: frozenset[str] = frozenset()
    """Attributes that some code of the project sets on what is not its `self`; on a module, also with its name."""
    defined: Mapping[str, int] = field(default_factory=Counter)
    """In how many classes of the project each attribute is defined."""
    bases: frozenset[str] = frozenset()
    """The names of the classes that the project derives from."""
    library_bases: frozenset[str] = frozenset()
    """The full names of those that are in the standard library."""
    combined: frozenset[str] = frozenset()
    """Those of them from which something is derived together with another class."""
    recombined: frozenset[str] = frozenset()
    """Those from which, and from whose subclasses, the project derives classes while it runs."""

    @classmethod
    def of(cls, files: Iterable[Facts]) -> ProjectFacts:
        """Join the facts of files."""
        files = list(files)
        return cls(
            frozenset(name for facts in files for name in facts.stored),
            Counter(name for facts in files for name in facts.members_of_classes),
            frozenset(name for facts in files for name in facts.bases),
            frozenset(name for facts in files for name in facts.library_bases),
            frozenset(name for facts in files for name in facts.combined),
            frozenset(name for facts in files for name in facts.recombined),
        )

    def by_name(self) -> Iterator[tuple[str, str]]:
        """Each fact as text, with the name that it is about: diagnostics of files that say the name depend on it."""
        yield from ((name.rpartition(".")[2], f"stored {name}") for name in sorted(self.stored_outside))
        yield from ((name, f"base {name}") for name in sorted(self.bases))
        yield from ((name, f"combined {name}") for name in sorted(self.combined))
        yield from ((name, f"recombined {name}") for name in sorted(self.recombined))
        yield from ((name, f"defined {name} {min(self.defined[name], 2)}") for name in sorted(self.defined))
