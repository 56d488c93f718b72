"""Detect how a project runs its tests (pytest, `manage.py test`, or unittest), and files that look like tests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gate.checks.tool import Job

Kind = Literal["pytest", "django", "unittest", "none"]
TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
"""What pytest collects by default."""
NAMED_LIKE_TESTS = re.compile(r"(?:^|/)(?:tests?/(?:.*/)?[^/_][^/]*|tests?|tests?_[^/]*|[^/]*_tests?)\.py$")
LIKE_UNITTEST = re.compile(r"^[ \t]*class\s+\w+\s*\([^)]*\b\w*Test(?:Case|s)?\b", re.MULTILINE)
LIKE_TESTS = re.compile(r"^[ \t]*(?:async\s+)?def\s+(?:test\w*|runTest)\s*\(", re.MULTILINE)
LOAD_TESTS = re.compile(r"^def load_tests\s*\(", re.MULTILINE)
"""unittest's protocol by which a module chooses its tests, such as doctests. pytest ignores it."""
SAYS_HOW = re.compile(
    r"^(?:[^/]*requirement[^/]*\.txt|requirements/[^/]*|\.github/workflows/[^/]*|[^/]*\.toml|noxfile\.py|setup\.(?:py|cfg)"
    r"|tox\.ini|Makefile|\.gitlab-ci\.yml|\.travis\.yml|Pipfile)$"
)
"""Files that name pytest if the project uses it."""
ELSEWHERE = frozenset({"node_modules", "site-packages", "vendor", "build", "dist"})
SECTIONS = {
    "pyproject.toml": re.compile(rb"^\s*\[\s*tool\s*\.\s*pytest\b", re.MULTILINE),
    "setup.cfg": re.compile(rb"^\[tool:pytest\]", re.MULTILINE),
    "tox.ini": re.compile(rb"^\[pytest\]", re.MULTILINE),
}
OWN_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
DJANGO = "DJANGO_SETTINGS_MODULE"


@dataclass(frozen=True, slots=True)
class Suite:
    """How to run the tests. `files` are passed to unittest."""

    kind: Kind
    files: tuple[str, ...] = ()


def has_pytest_settings(settings: Mapping[str, bytes]) -> bool:
    """Return whether a project's settings include pytest's."""
    return bool(pytest_settings(settings)) or any(name in settings for name in OWN_FILES)


def pytest_settings(settings: Mapping[str, bytes]) -> bytes:
    """Return the content of the files that configure pytest."""
    sections = [data for name, data in settings.items() if name in OWN_FILES]
    sections += [
        settings[name] for name, section in SECTIONS.items() if section.search(settings.get(name, b""))
    ]
    return b"\n".join(sections)


def choose(job: Job) -> Suite:
    """Return how the project in `job` runs its tests, `none` if it has none."""
    configured = has_pytest_settings(job.settings)
    if not configured and "manage.py" in job.files and DJANGO in job.text("manage.py"):
        return Suite("django")
    settings = pytest_settings(job.settings)
    if any(word in settings for word in (b"testpaths", b"python_files", b"doctest")):
        return Suite("pytest")
    named = [path for path in job.files if TEST_FILE.search(path)]
    if named and not configured and _chooses_its_tests(job, named):
        return Suite("unittest", tuple(named))
    suites = list(like_tests(job)) if not named else []
    if not suites:
        return Suite("pytest" if named else "none")
    files = tuple(path for path in suites if LIKE_UNITTEST.search(job.text(path)))
    return Suite("unittest", files) if files else Suite("none")


def _chooses_its_tests(job: Job, files: Sequence[str]) -> bool:
    """Return whether one of these test files chooses its tests as only unittest allows, and nothing names pytest."""
    if any("pytest" in job.text(path) for path in job.files if SAYS_HOW.search(path)):
        return False
    texts = [job.text(path) for path in files]
    return any(map(LOAD_TESTS.search, texts)) and not any("pytest" in text for text in texts)


def like_tests(job: Job) -> Iterable[str]:
    """Return the files that look like tests, by name and content."""
    for path in job.files:
        named = NAMED_LIKE_TESTS.search(path) and not ELSEWHERE.intersection(path.split("/"))
        if named and LIKE_TESTS.search(job.text(path)):
            yield path
