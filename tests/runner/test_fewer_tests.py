"""Tests that a change hides: which file a guardian has to approve, and that their approval is enough."""

from __future__ import annotations

import pytest
from support.company import REQUIRE, Clone, Company

TESTS = "def test_one():\n    assert True\n\n\ndef test_two():\n    assert True\n"
SLOW = (
    "import pytest\n\nfrom app import SLOW\n\n\n"
    "@pytest.mark.skipif(SLOW, reason='slow')\ndef test_slow():\n    assert not SLOW\n"
)
SKIPPED = "import pytest\n\n\n@pytest.mark.skip\n" + TESTS


@pytest.fixture
def tested(company: Company) -> Clone:
    company.set_policy(company.policy(REQUIRE.replace("checks: [ok]", "checks: [tests]")))
    setup = company.clone("nobody", "setup")
    setup.commit(
        "Tests",
        {
            "test_app.py": TESTS,
            "test_slow.py": SLOW,
            "app.py": "SLOW = False\n",
            ".github/CODEOWNERS": "* @bob @nehemiah\n",
        },
    )
    setup.git("push", "-q", "origin", "HEAD:main")
    return company.clone("nehemiah")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "blamed"),
    [
        pytest.param({"test_app.py": SKIPPED}, "test_app.py", id="a mark"),
        pytest.param(
            {"test_app.py": TESTS.replace("    assert True", "    __import__('pytest').skip()", 1)},
            "test_app.py",
            id="a call",
        ),
        pytest.param({"app.py": "SLOW = True\n"}, "app.py", id="a condition somewhere else"),
    ],
)
def test_a_guardians_approval_is_enough(
    company: Company, tested: Clone, files: dict[str, str], blamed: str
) -> None:
    company.clone("bob").commit("Fewer tests", files, branch="feature")
    tested.fetch()
    before = tested.verdict("origin/feature")
    guarded = next(item for item in before["requirements"] if item["id"] == "guarded")
    assert guarded["reason"] == "1 weakened check in 1 file: needs approval from a guardian"
    assert {path for item in guarded["missing"] for path in item["paths"]} == {blamed}
    tested.approve("origin/feature", "--yes")
    assert tested.may_merge("origin/feature"), tested.gate("check", "--head", "origin/feature").text
