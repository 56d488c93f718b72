"""One more person in a policy: nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import KEY, WHOLE
from support.teams import key_of

from gate.errors import InvalidInput, UsageError
from gate.policy.adding import entry_of, quoted, with_person
from gate.policy.load import load_policy
from gate.policy.types import Person

BOB = Person("@bob", emails=("bob@acme.example",), keys=(KEY,))
PLAIN = Person("@bob", "junior", emails=("bob@acme.example",))
ENTRY = '"@bob": {role: junior, emails: ["bob@acme.example"]}'
LAYOUTS = [
    ("", f"people:\n  {ENTRY}\n"),
    ("version: 1", f"version: 1\npeople:\n  {ENTRY}\n"),
    ("version: 1\n# The end.\n", f"version: 1\n# The end.\npeople:\n  {ENTRY}\n"),
    ("people:\nversion: 1\n", f"people:\n  {ENTRY}\nversion: 1\n"),
    ("people: {}  # nobody\nversion: 1\n", f"people:  # nobody\n  {ENTRY}\nversion: 1\n"),
    ("people: {'@a': {}}", f"people: {{{ENTRY}, '@a': {{}}}}"),
    ("people:   # who\n  '@a': {}  # first\n", f"people:   # who\n  '@a': {{}}  # first\n  {ENTRY}\n"),
    ("people:\n    '@a': {}\n", f"people:\n    '@a': {{}}\n    {ENTRY}\n"),
    ("people:\n  '@a': {}", f"people:\n  '@a': {{}}\n  {ENTRY}\n"),
    ("people:\r\n  '@a': {}\r\nversion: 1\r\n", f"people:\r\n  '@a': {{}}\r\n  {ENTRY}\r\nversion: 1\r\n"),
    (
        "people:\n  '@a':\n    role: senior\n\n# Next.\nversion: 1\n",
        f"people:\n  '@a':\n    role: senior\n\n# Next.\n  {ENTRY}\nversion: 1\n",
    ),
    ("{people: {'@a': {}}, version: 1}\n", f"{{people: {{{ENTRY}, '@a': {{}}}}, version: 1}}\n"),
    ("\ufeffpeople:\n  '@a': {}\n", f"\ufeffpeople:\n  '@a': {{}}\n  {ENTRY}\n"),
    ("people:\n  '@\u00fc\U0001f600': {}\n", f"people:\n  '@\u00fc\U0001f600': {{}}\n  {ENTRY}\n"),
]


@pytest.mark.parametrize(("before", "after"), LAYOUTS)
def test_every_layout_takes_one_more(before: str, after: str) -> None:
    assert with_person(before.encode(), PLAIN).decode() == after


def test_a_bot_that_records_says_so() -> None:
    bot = Person("@ci", "bot", keys=(KEY,), records=True)
    assert load_policy(with_person(None, bot)).people == {"@ci": bot}


def test_without_a_file_there_is_one_with_nobody_else() -> None:
    assert load_policy(with_person(None, BOB)).people == {"@bob": BOB}


def test_the_rest_of_a_whole_policy_stays() -> None:
    before, after = load_policy(WHOLE.encode()), load_policy(with_person(WHOLE.encode(), PLAIN))
    assert after.people == {**before.people, "@bob": PLAIN}
    assert (after.protect, after.teams, after.checks) == (before.protect, before.teams, before.checks)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (Person("bob"), "'bob' is not a name"),
        (Person('@b"o'), "is not a name"),
        (Person("@NewHire"), "@NewHire is already in `people`"),
        (Person("@bob", emails=("Nehemiah@acme.example",)), "nehemiah@acme.example is @nehemiah's"),
        (BOB, "the key is @nehemiah's"),
    ],
)
def test_what_makes_no_sense_is_refused(person: Person, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        with_person(WHOLE.encode(), person)


NEW = "new@acme.example"
MORE = [
    ("{emails: [old@acme.example]}", '{emails: [old@acme.example, "new@acme.example"]}'),
    ("{role: senior}", '{role: senior, emails: ["new@acme.example"]}'),
    ("{}", '{emails: ["new@acme.example"]}'),
    ("\n    role: senior\n    emails: []", '\n    role: senior\n    emails: ["new@acme.example"]'),
    ("\n    role: senior", '\n    role: senior\n    emails: ["new@acme.example"]'),
    (
        "\n    emails:\n      - old@acme.example  # home\n    role: senior",
        '\n    emails:\n      - old@acme.example  # home\n      - "new@acme.example"\n    role: senior',
    ),
    (
        "\n    role: senior\n    emails:\n    - old@acme.example",
        '\n    role: senior\n    emails:\n    - old@acme.example\n    - "new@acme.example"',
    ),
    (
        "\n    role: senior\n    keys:\n    - " + KEY,
        "\n    role: senior\n    keys:\n    - " + KEY + '\n    emails: ["new@acme.example"]',
    ),
]


@pytest.mark.parametrize(("before", "after"), MORE)
@pytest.mark.parametrize(
    "frame", ['version: 1\npeople:\n  "@bob": %s\n  "@al": {}\n', 'people:\n  "@bob": %s']
)
def test_an_address_is_added_to_a_person_in_every_layout(frame: str, before: str, after: str) -> None:
    changed = with_person((frame % before).encode(), Person("@Bob", emails=(NEW,))).decode()
    assert changed.removesuffix("\n") == (frame % after).removesuffix("\n")


def test_a_key_is_added_and_the_old_one_stays() -> None:
    other = key_of(1)
    text = f'people:\n  "@bob": {{keys: ["{other}"]}}\n'
    assert load_policy(with_person(text.encode(), BOB)).people["@bob"].keys == (other, KEY)


def test_nothing_new_is_refused() -> None:
    text = f'people:\n  "@bob": {{emails: [BOB@acme.example], keys: ["{KEY} another comment"]}}\n'
    with pytest.raises(UsageError, match="@bob is already in `people`"):
        with_person(text.encode(), BOB)


def test_where_there_is_no_place_for_it_it_says_what_to_paste() -> None:
    with pytest.raises(UsageError) as caught:
        with_person(b"{version: 1}\n", PLAIN)
    assert ENTRY in caught.value.hint


def test_a_policy_with_mistakes_is_left_alone() -> None:
    with pytest.raises(InvalidInput):
        with_person(b"peopel: {}\n", PLAIN)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_quoted_so_that_it_is_read_back(text: str) -> None:
    assert load_policy(f"repository: {quoted(text)}".encode()).repository == text


def test_an_entry_has_everything() -> None:
    person = Person("@bob", "junior", senior="@a", emails=("b@x", "c@x"), keys=(KEY,))
    text = f'people:\n  "@a": {{}}\n  {entry_of(person)}\n'
    assert load_policy(text.encode()).people["@bob"] == person
