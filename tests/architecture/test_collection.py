"""The whole suite can be collected in one run."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_two_test_modules_have_the_same_name() -> None:
    """Folders of tests are no packages, so pytest imports each test module by its file name alone."""
    places = defaultdict(list)
    for top in ("tests", "example_shortener"):
        # `make incident` leaves an environment in the sample.
        for path in (path for path in (ROOT / top).rglob("test_*.py") if ".venv" not in path.parts):
            places[path.name].append(str(path.relative_to(ROOT)))
    assert [paths for paths in places.values() if len(paths) > 1] == []
