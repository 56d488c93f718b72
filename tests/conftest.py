"""Fixtures for every folder of tests."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.company import Clone, Company, build_company, copy_company

# A shell lets what it starts in the background ignore interrupts, and what that starts would ignore them as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: how long an example takes depends on the machine. The same code gets the same examples, so that a run
# fails for what a change did; `--hypothesis-profile=nightly` searches for new ones.
for profile, examples in (("dev", 25), ("ci", 100), ("nightly", 5000)):
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize=profile != "nightly",
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One process for the files named on the command line, so that a short loop starts at once."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


@pytest.fixture(scope="session")
def company_template(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company that every test gets a copy of."""
    return build_company(tmp_path_factory.mktemp("company") / "template")


@pytest.fixture
def company(company_template: Company, tmp_path: Path) -> Company:
    """A small company with a server, people with keys, and a policy on main; see support.company."""
    return copy_company(company_template, tmp_path / "company")


@pytest.fixture(scope="session")
def project_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that `project` copies."""
    path = tmp_path_factory.mktemp("project") / "template"
    path.mkdir()
    (path.parent / "home").mkdir()
    clone = Clone(path, "ada", path)
    clone.git("init", "-q", "-b", "main")
    clone.git("config", "user.name", "Ada")
    clone.git("config", "user.email", "ada@acme.example")
    clone.write({"app.py": "import json\n\n\ndef read(text):\n    return json.loads(text)\n"})
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "First")
    return path


@pytest.fixture
def project(project_template: Path, tmp_path: Path) -> Clone:
    """A small repository of one's own: a module on main, no policy, no remote."""
    (tmp_path / "home").mkdir()
    shutil.copytree(project_template, tmp_path / "project", symlinks=True)
    return Clone(tmp_path / "project", "ada", tmp_path)
