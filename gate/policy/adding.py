"""Add a person, or a key or address of a person, to a gate.yaml without changing the rest of its text."""

from __future__ import annotations

import re
from dataclasses import replace

import yaml

from gate.errors import InvalidInput, UsageError
from gate.policy.extending import Stored
from gate.policy.files import POLICY_FILE
from gate.policy.keys import parse_key
from gate.policy.load import load_policy
from gate.policy.reading import Reader
from gate.policy.types import Person, Policy
from gate.policy.value_kinds import NAME


def with_person(data: bytes | None, person: Person, stored: Stored | None = None) -> bytes:
    """Return the policy's text with `person` added. `stored` is the shared policy that it extends, if any.

    If the person is already listed, only new addresses and keys are added. Raises InvalidInput if the policy has
    mistakes, and UsageError if the name is invalid, there is nothing to add, an address or key belongs to someone else,
    or the text can't be edited without touching the rest. In the last case, the hint contains the text to paste.
    """
    if not NAME.fullmatch(person.name):
        raise UsageError(f"{person.name!r} is not a name", "write it as in CODEOWNERS, such as @someone")
    old_policy = load_policy(data, POLICY_FILE, stored)
    text = (data or b"").decode("utf-8")
    listed = next(
        (
            listed_person
            for listed_person in old_policy.people.values()
            if listed_person.name.casefold() == person.name.casefold()
        ),
        None,
    )
    if listed is None:
        _nobody_elses(old_policy, person)
        new_data, new_policy, paste = (
            _added(_without_suggestion(text, person.name), entry_of(person)),
            person,
            entry_of(person),
        )
    else:
        new_policy = _joined(old_policy, listed, person)
        new_data, paste = _extended(text, listed, new_policy), entry_of(new_policy)
    policy = replace(old_policy, people={**old_policy.people, new_policy.name: new_policy}, file=POLICY_FILE)
    try:
        fits = load_policy(new_data.encode("utf-8"), POLICY_FILE, stored) == policy
    except InvalidInput:
        fits = False
    if not fits:
        raise UsageError(
            f"{person.name} can't be added to {POLICY_FILE} without reformatting it",
            f"edit `people` yourself: {paste}",
        )
    return new_data.encode("utf-8")


def _joined(policy: Policy, listed: Person, more: Person) -> Person:
    """Return the listed person with those addresses and keys of `more` that are new."""
    own_emails = {email.casefold() for email in listed.emails}
    blobs = {parse_key(key).blob for key in listed.keys}
    emails = tuple(email for email in more.emails if email.casefold() not in own_emails)
    keys = tuple(key for key in more.keys if parse_key(key).blob not in blobs)
    if not emails and not keys:
        raise UsageError(
            f"{more.name} is already in `people`",
            f"to add a key or an address, give `--key FILE` or `--email ADDRESS`; for the rest, edit {POLICY_FILE}",
        )
    other_people = {name: person for name, person in policy.people.items() if name != listed.name}
    _nobody_elses(replace(policy, people=other_people), replace(more, emails=emails, keys=keys))
    return replace(listed, emails=(*listed.emails, *emails), keys=(*listed.keys, *keys))


def entry_of(person: Person) -> str:
    """Format a person as one line of `people`."""
    parts = [f"role: {person.role}"]
    parts += [f"senior: {quoted(person.senior)}"] if person.senior else []
    parts += [f"emails: [{', '.join(map(quoted, person.emails))}]"] if person.emails else []
    parts += [f"keys: [{', '.join(map(quoted, person.keys))}]"] if person.keys else []
    parts += [
        f"{forge}: {quoted(login)}"
        for forge in ("github", "gitlab", "gitea")
        if (login := person.login(forge))
    ]
    parts += ["records: true"] if person.records else []
    return f"{quoted(person.name)}: {{{', '.join(parts)}}}"


def quoted(text: str) -> str:
    """Format any text as a YAML string on one line."""
    plain = (char if char.isprintable() and char not in '"\\' else _escaped(char) for char in text)
    return f'"{"".join(plain)}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    # A lone surrogate can't be encoded, and can't have been intended.
    return "?" if "\ud800" <= char <= "\udfff" else f"\\U{ord(char):08X}"


def _nobody_elses(policy: Policy, person: Person) -> None:
    for existing in policy.people.values():
        shared = {own.casefold() for own in existing.emails} & {own.casefold() for own in person.emails}
        if shared:
            raise UsageError(
                f"{min(shared)} is {existing.name}'s in {POLICY_FILE}",
                f"give theirs: `gate init --person {person.name} --email ADDRESS --key FILE`",
            )
        if {parse_key(key).blob for key in existing.keys} & {parse_key(key).blob for key in person.keys}:
            raise UsageError(
                f"the key is {existing.name}'s in {POLICY_FILE}",
                f"give that of {person.name}: `--key FILE`",
            )


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of a key in a mapping."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if str(key.value).casefold() == name.casefold()), None)


def _extended(text: str, listed: Person, wanted: Person) -> str:
    """Add addresses and keys to a person in the text. Returns it unchanged if it can't be edited."""
    for field, old_values, new_values in (
        ("emails", listed.emails, wanted.emails),
        ("keys", listed.keys, wanted.keys),
    ):
        more = [quoted(value) for value in new_values[len(old_values) :]]
        root = Reader(POLICY_FILE).root(text.encode("utf-8"))
        person = _value(_value(root, "people"), listed.name)
        if more and isinstance(person, yaml.MappingNode):
            items = _value(person, field)
            if items is None:
                text = _inserted(text, person, f"{field}: [{', '.join(more)}]")
            elif isinstance(items, yaml.SequenceNode):
                for value in reversed(more):
                    text = _inserted(text, items, value)
    return text


def _inserted(text: str, node: yaml.MappingNode | yaml.SequenceNode, entry: str) -> str:
    """Append an entry to a list or mapping in the text, in the style of the existing entries."""
    if node.flow_style:
        at = node.end_mark.index - 1
        return f"{text[:at].rstrip()}{', ' if node.value else ''}{entry}{text[at:]}"
    last: yaml.Node = node
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    at = last.end_mark.index if not last.end_mark.column else text.find("\n", last.end_mark.index) + 1
    newline = "\r\n" if "\r\n" in text else "\n"
    head, tail = (text[:at], text[at:]) if at else (text + newline, "")
    dash = "- " if isinstance(node, yaml.SequenceNode) else ""
    return f"{head}{' ' * node.start_mark.column}{dash}{entry}{newline}{tail}"


def _without_suggestion(text: str, name: str) -> str:
    """Remove the commented line in which `gate init` suggested adding this person."""
    return re.sub(
        rf"^ *# {re.escape(quoted(name))}: \{{.*\n", "", text, count=1, flags=re.MULTILINE | re.IGNORECASE
    )


def _added(text: str, entry: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    people = _value(Reader(POLICY_FILE).root(text.encode("utf-8")), "people")
    if people is None:
        gap = "" if not text or text.endswith("\n") else newline
        return f"{text}{gap}people:{newline}  {entry}{newline}"
    start, end = people.start_mark.index, people.end_mark.index
    if isinstance(people, yaml.MappingNode) and people.value:
        if people.flow_style:
            return f"{text[: start + 1]}{entry}, {text[start + 1 :]}"
        last = people.value[-1][1].end_mark
        # A block ends where something else begins, a value in braces at its closing brace.
        at = last.index if not last.column else text.find("\n", last.index) + 1
        head, tail = (text[:at], text[at:]) if at else (text + newline, "")
        if head and not head.endswith("\n"):
            head += newline
        return f"{head}{' ' * people.start_mark.column}{entry}{newline}{tail}"
    # No entries yet: `people:` or `people: {}`.
    head = text[:start].rstrip(" ")
    rest, _, below = text[end:].partition("\n")
    return f"{head}{rest.rstrip()}{newline}  {entry}{newline}{below}"
