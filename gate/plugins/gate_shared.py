"""What the test files of a suite share through pytest itself: fixtures, hooks that see all tests, and plugins.

It runs in the project's interpreter with any version of pytest, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Dict, Iterator, List

WIDE = frozenset({"session", "package"})
PER_TEST_HOOKS = frozenset({
    "pytest_addoption", "pytest_configure", "pytest_unconfigure", "pytest_report_header", "pytest_generate_tests",
    "pytest_make_parametrize_id", "pytest_runtest_setup", "pytest_runtest_call", "pytest_runtest_teardown",
    "pytest_runtest_makereport", "pytest_fixture_setup", "pytest_fixture_post_finalizer", "pytest_ignore_collect",
    "pytest_collect_file", "pytest_pycollect_makeitem", "pytest_pycollect_makemodule", "pytest_itemcollected",
    "pytest_assertrepr_compare", "pytest_plugins", "pytest_exception_interact", "pytest_pyfunc_call",
})  # fmt: skip
"""Hooks that get one test or one file at a time. If they store anything, the comparison of memory shows it."""
PER_TEST_PLUGINS = frozenset({
    "_pytest", "pytest", "pluggy", "gate_report", "pytest_asyncio", "anyio", "pytest_mock", "pytest_timeout",
    "pytest_subtests", "pytest_env", "requests_mock", "respx", "pytest_freezer", "pytest_freezegun", "typeguard",
    "pytest_cov", "xdist", "execnet", "pytest_benchmark", "pytest_httpserver", "pytest_lazy_fixtures", "pytest_cases",
    "hypothesis", "_hypothesis_pytestplugin",
})  # fmt: skip
"""Plugins that treat a file the same whether or not others run, although they have other hooks."""

COLLECTING_HOOKS = ("pytest_collect_file", "pytest_collect_directory", "pytest_ignore_collect")
"""Hooks that pytest calls for every file and folder."""


class Session:
    """The state before anything was collected. pytest restores it only after all files have run."""

    folder = ""
    last = ""
    filters: List[str] = []


def begin() -> None:
    """Note the working folder and the warning filters."""
    Session.folder = Session.last = os.getcwd()
    Session.filters = list(map(str, warnings.filters))


def note_filters(shared: Dict[str, None]) -> None:
    """Add to `shared`, after collection, if imports changed which warnings the import of another file shows."""
    if Session.filters != list(map(str, warnings.filters)):
        shared.setdefault("it changes the warning filters when it is imported")


def note_folder() -> None:
    """Note the working folder after a test. Any test may turn out to be the last one."""
    try:
        Session.last = os.getcwd()
    except OSError:
        Session.last = ""


def note(fixturedef: Any, shared: Dict[str, None]) -> None:
    """Add to `shared` if several files would get the same value of a fixture."""
    function = getattr(fixturedef, "func", None)
    module = str(getattr(function, "__module__", ""))
    if str(getattr(fixturedef, "scope", "")) in WIDE and not module.startswith(
        ("_pytest.", "pytest_asyncio", "anyio")
    ):
        shared.setdefault(f"it uses the fixture {fixturedef.argname} of the whole {fixturedef.scope}")


def of(session: Any) -> Iterator[str]:
    """Yield why the files of a suite may depend on each other, as far as that is known after collection."""
    if Session.last != Session.folder:
        yield "it changes the working folder"
    option = session.config.option
    if str(getattr(option, "dist", "no") or "no") != "no" or getattr(option, "numprocesses", None):
        yield "pytest-xdist divides the tests among processes"
    fixtures: Dict[str, None] = {}
    for item in session.items:
        info = getattr(item, "_fixtureinfo", None)
        for definitions in getattr(info, "name2fixturedefs", {}).values():
            for definition in definitions:
                note(definition, fixtures)
    yield from fixtures
    for plugin in session.config.pluginmanager.get_plugins():
        yield from _of_plugin(plugin)


def knows_its_files(config: Any) -> bool:
    """Return whether pytest alone decides which files are collected, so that files it doesn't know can't matter."""
    if getattr(config.option, "doctestglob", None):
        return False
    # Not those of `config.hook`: before pytest 9.2, it wraps hooks that take a path in plain functions.
    calls = (getattr(config.pluginmanager.hook, name, None) for name in COLLECTING_HOOKS)
    functions = [getattr(impl, "function", None) for call in calls if call for impl in call.get_hookimpls()]
    names = [str(getattr(function, "__module__", "")).partition(".")[0] for function in functions]
    # hypothesis only checks for its own folder.
    return set(names) <= {"_pytest", "_hypothesis_pytestplugin"}


def _of_plugin(plugin: Any) -> Iterator[str]:
    name = str(getattr(plugin, "__name__", None) or type(plugin).__module__)
    if name.partition(".")[0] not in PER_TEST_PLUGINS and name != "builtins":
        hooks = [hook for hook in dir(plugin) if hook.startswith("pytest_") and hook not in PER_TEST_HOOKS]
        yield from (f"{name} has the hook {hook}, which sees all tests" for hook in sorted(hooks))
