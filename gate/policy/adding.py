"""One more person in a gate.yaml that somebody wrote: all else stays as it is, comments and line ends too."""

from __future__ import annotations

from dataclasses import replace

import yaml

from gate.errors import InvalidInput, UsageError
from gate.policy.extending import Stored
from gate.policy.keys import parse_key
from gate.policy.load import POLICY_FILE, load_policy
from gate.policy.reading import Reader
from gate.policy.types import Person, Policy
from gate.policy.words import NAME


def with_person(data: bytes | None, person: Person, stored: Stored | None = None) -> bytes:
    """The policy with `person` in it. `stored` is the shared policy that it extends, if it does.

    Raises InvalidInput if the policy has mistakes, UsageError if the name is none, if the person is in it
    already, if what they bring is somebody else's, or if there is no place to add them without touching the
    rest; the hint then says what to paste.
    """
    if not NAME.fullmatch(person.name):
        raise UsageError(f"{person.name!r} is no name", "give it as CODEOWNERS has it, such as @someone")
    before = load_policy(data, POLICY_FILE, stored)
    if person.name.casefold() in {name.casefold() for name in before.people}:
        raise UsageError(f"{person.name} is in `people` already", f"edit {POLICY_FILE}")
    _nobody_elses(before, person)
    text = (data or b"").decode("utf-8")
    after = _added(text, entry_of(person)).encode("utf-8")
    wanted = replace(before, people={**before.people, person.name: person}, file=POLICY_FILE)
    try:
        fits = load_policy(after, POLICY_FILE, stored) == wanted
    except InvalidInput:
        fits = False
    if not fits:
        raise UsageError(
            f"{person.name} cannot be added to {POLICY_FILE} without changing how the rest is written",
            f"add it to `people` yourself: {entry_of(person)}",
        )
    return after


def entry_of(person: Person) -> str:
    """A person as one line of `people`."""
    parts = [f"role: {person.role}"]
    parts += [f"senior: {quoted(person.senior)}"] if person.senior else []
    parts += [f"emails: [{', '.join(map(quoted, person.emails))}]"] if person.emails else []
    parts += [f"keys: [{', '.join(map(quoted, person.keys))}]"] if person.keys else []
    parts += [
        f"{forge}: {quoted(login)}"
        for forge in ("github", "gitlab", "gitea")
        if (login := person.login(forge))
    ]
    return f"{quoted(person.name)}: {{{', '.join(parts)}}}"


def quoted(text: str) -> str:
    """Any text as YAML, on one line."""
    plain = (char if char.isprintable() and char not in '"\\' else _escaped(char) for char in text)
    return f'"{"".join(plain)}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    # Half a character has no way to be written, and nobody can have meant it.
    return "?" if "\ud800" <= char <= "\udfff" else f"\\U{ord(char):08X}"


def _nobody_elses(policy: Policy, person: Person) -> None:
    for other in policy.people.values():
        shared = {own.casefold() for own in other.emails} & {own.casefold() for own in person.emails}
        if shared:
            raise UsageError(
                f"{min(shared)} is {other.name}'s in {POLICY_FILE}",
                f"say whose it is: `gate init --person {person.name} --email ADDRESS --key FILE`",
            )
        if {parse_key(key).blob for key in other.keys} & {parse_key(key).blob for key in person.keys}:
            raise UsageError(
                f"the key is {other.name}'s in {POLICY_FILE}",
                f"give that of {person.name}: `--key FILE`",
            )


def _added(text: str, entry: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    root = Reader(POLICY_FILE).root(text.encode("utf-8"))
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    people = next((value for key, value in pairs if key.value == "people"), None)
    if people is None:
        gap = "" if not text or text.endswith("\n") else newline
        return f"{text}{gap}people:{newline}  {entry}{newline}"
    start, end = people.start_mark.index, people.end_mark.index
    if isinstance(people, yaml.MappingNode) and people.value:
        if people.flow_style:
            return f"{text[: start + 1]}{entry}, {text[start + 1 :]}"
        last = people.value[-1][1].end_mark
        # A block ends where something else begins, a value in braces where it is closed.
        at = last.index if not last.column else text.find("\n", last.index) + 1
        head, tail = (text[:at], text[at:]) if at else (text + newline, "")
        if head and not head.endswith("\n"):
            head += newline
        return f"{head}{' ' * people.start_mark.column}{entry}{newline}{tail}"
    # Nothing there yet: `people:` or `people: {}`.
    head = text[:start].rstrip(" ")
    rest, _, below = text[end:].partition("\n")
    return f"{head}{rest.rstrip()}{newline}  {entry}{newline}{below}"
