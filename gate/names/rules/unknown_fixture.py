"""A pytest fixture that doesn't exist."""

from __future__ import annotations

from collections.abc import Iterator

from gate.finding import Finding
from gate.names.report.finding import finding_at
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples
from gate.names.spelling.similarity import candidates, is_common_typo
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.fixtures import OF_PYTEST, FixtureRequest

ID = "unknown-fixture"
SUMMARY = "A pytest fixture that doesn't exist."
WHY = """\
pytest can't set up the test, which then counts as an error. A parameter of a test or a fixture is reported if nothing
defines a fixture of this name, and it is a typo of a fixture in the project or in pytest, or of a parameter that
`parametrize` gives to the test. Other names may come from plugins."""
BAD: Examples = (
    {
        "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef client():\n    return 1\n",
        "test_shop.py": "def test_sell(clinet):  # <- did you mean `client`?\n    assert clinet\n",
    },
    {"test_shop.py": "def test_sell(tmp_pth):  # <- did you mean `tmp_path`?\n    assert tmp_pth\n"},
    {
        "test_shop.py": (
            "import pytest\n\n\n@pytest.mark.parametrize('price, expected', [(1, 2)])\n"
            "def test_sell(price, expcted):  # <- did you mean `expected`?\n    assert price < expcted\n"
        )
    },
)
GOOD: Examples = (
    {"test_shop.py": "def test_sell(browser_of_a_plugin):\n    assert browser_of_a_plugin\n"},
    {
        "test_shop.py": (
            "from unittest import mock\n\n\n@mock.patch('os.getcwd')\ndef test_sell(tmp_pth):\n"
            "    assert tmp_pth\n"
        )
    },
)
_MOST_REQUESTS = 2
"""A name requested more often than this comes from a plugin."""


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for unknown fixtures that tests and fixtures request."""
    for request in context.facts.fixture_requests:
        if suggested := _meant(request, context.vocabulary):
            message = f"Unknown fixture `{request.name}`"
            yield finding_at(context.path, request, ID, message, suggested)


def _meant(request: FixtureRequest, vocabulary: ProjectVocabulary) -> list[str]:
    """Return the fixtures and parameters of which a name may be a typo, or [] if it may be correct."""
    name, counts = request.name, vocabulary.fixture_requests
    if name in vocabulary.fixtures or name in OF_PYTEST or counts.get(name, 0) > _MOST_REQUESTS:
        return []
    if name in vocabulary.texts and not request.is_text:
        # A hook may provide it, or a mark that is not next to the test.
        return []
    if request.is_text and request.choices:
        return [parameter for parameter in request.choices if is_common_typo(name, parameter)]
    parametrized = [
        parameter
        for parameter in request.choices
        if is_common_typo(name, parameter) and not (request.is_used and is_common_typo(parameter, name))
    ]
    of_plugins = {fixture for fixture, count in counts.items() if count > _MOST_REQUESTS}
    return parametrized or [
        fixture
        for fixture in candidates(name, vocabulary.fixtures | OF_PYTEST | of_plugins)
        if is_common_typo(name, fixture) and name.rstrip("s0123456789") != fixture.rstrip("s0123456789")
    ]
