"""Run tests as unittest does: `python start_unittest.py KIND ROOT PATHS TEST… -- ARGUMENTS`.

KIND is `django`, for `manage.py test ARGUMENTS`, or `unittest`, with test files as ARGUMENTS. PATHS are the folders
(separated like PATH) that imports search first. If any TEST is given, no others are run. Results are reported in the
format of the pytest plugin. This file must work with Python 3.7 and later.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
import traceback
import unittest
from importlib import import_module
from typing import Any, Callable, Iterator

from gate_origins import imported_from, progress, say

MAIN = os.getpid()
COUNT = bool(os.environ.pop("GATE_TESTS_COUNT", ""))
ONLY: set[str] = set()
MOST_FAILURES = 500


class State:
    """The state of the run so far."""

    found = 0
    collected = 0
    failures = 0
    partly: set[str] = set()
    tests: set[str] = set()
    outcomes: dict[str, int] = {}


def file_of(test: Any) -> str:
    """Return the file of a test, as its path in the tree, or "" if unknown."""
    if str(getattr(test, "_testMethodName", "")) in NOT_IMPORTED:
        return NOT_IMPORTED[test._testMethodName]  # noqa: SLF001  the loader stores the module's name there
    module = sys.modules.get(type(test).__module__)
    file = os.path.realpath(getattr(module, "__file__", None) or "")
    root = os.path.realpath(os.getcwd())
    return file[len(root) + 1 :] if file.startswith(root + os.sep) else ""


def name_of(test: Any) -> str:
    """Return the name of a test in pytest's format: file, class, and method."""
    path, name = file_of(test), str(test.id())
    if path in NOT_IMPORTED.values():
        return path
    module = f"{type(test).__module__}."
    if path and name.startswith(module):
        return f"{path}::{name[len(module) :].replace('.', '::')}"
    return name


def tests_in(suite: Any) -> Iterator[Any]:
    """Yield every test of a suite."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        elif test is not None:
            yield test


def failed(test: Any, error: Any) -> None:
    """Report a failure."""
    State.failures += 1
    if State.failures > MOST_FAILURES:
        return
    kind, value, trace = error
    path, line = file_of(test), 0
    for frame in traceback.extract_tb(trace):
        if path and os.path.realpath(frame.filename).endswith(os.sep + path):
            line = frame.lineno or 0
    lines = traceback.format_exception(kind, value, trace)
    when = "call"
    message = traceback.format_exception_only(kind, value)[-1].strip()
    if type(test).__module__ == "unittest.loader":
        # A module that can't be imported: the loader puts the traceback into the message.
        when = "collect"
        inside = [text for text in str(value).splitlines() if text.strip()]
        message, lines = (inside[-1] if inside else message), [str(value)]
    text = "\n".join("".join(lines).splitlines()[-60:])
    say(
        "failed",
        id=name_of(test),
        path=path,
        line=line,
        when=when,
        message=message,
        text=text,
        again=again(test),
    )


def again(test: Any) -> str:
    """Return the command that runs a test by itself."""
    return f"{COMMAND} {test.id()}"


COMMAND = "python -m unittest"


def outcome(name: str) -> Callable[..., None]:
    """Wrap a method of `TestResult`, so that it also counts outcomes and reports failures."""
    original = getattr(unittest.TestResult, name)
    kind = {"addSuccess": "passed", "addSkip": "skipped", "addExpectedFailure": "xfailed"}.get(name, "failed")

    @functools.wraps(original)
    def method(self: Any, test: Any, *args: Any) -> None:
        # Django's parallel test processes send their results to this one.
        if os.getpid() == MAIN:
            if name == "addSubTest":
                if args[1] is not None:
                    # unittest counts such a test as neither passed nor failed.
                    if test.id() not in State.partly:
                        State.partly.add(test.id())
                        State.outcomes[kind] = State.outcomes.get(kind, 0) + 1
                    failed(test, args[1])
            else:
                State.outcomes[kind] = State.outcomes.get(kind, 0) + 1
                progress(State.collected, name_of(test))
                if name in {"addFailure", "addError"}:
                    failed(test, args[0])
                elif name == "addUnexpectedSuccess":
                    failed(
                        test, (AssertionError, AssertionError("it was expected to fail, and passed"), None)
                    )
        original(self, test, *args)

    return method


def run(self: Any, test: Any) -> Any:
    """Run a suite, or the requested tests of it."""
    tests = list(tests_in(test)) if isinstance(test, unittest.TestSuite) else [test]
    State.found += len(tests)
    if ONLY:
        tests = [item for item in tests if name_of(item) in ONLY]
        test = unittest.TestSuite(tests)
    State.collected += len(tests)
    State.tests.update(name_of(item) for item in tests)
    if COUNT:
        return self._makeResult()
    passed = sum(State.outcomes.values())
    result = ORIGINAL_RUN(self, test)
    # A class or module that is skipped, or whose setup fails, yields one outcome for all of its tests.
    missing = len(tests) - (sum(State.outcomes.values()) - passed)
    if missing > 0 and not result.shouldStop:
        State.outcomes["not run"] = State.outcomes.get("not run", 0) + missing
    return result


ORIGINAL_RUN = unittest.TextTestRunner.run


def load(files: list[str]) -> unittest.TestSuite:
    """Load the tests in these files, each imported by the name it has in its package."""
    suite = unittest.TestSuite()
    for path in files:
        folder, name = os.path.split(path)
        parts = [name[: -len(".py")]]
        while folder and os.path.exists(os.path.join(folder, "__init__.py")):
            folder, package = os.path.split(folder)
            parts.insert(0, package)
        where = os.path.abspath(folder)
        if where not in sys.path:
            sys.path.insert(0, where)
        name = ".".join(parts)
        try:
            suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(import_module(name)))
        except unittest.SkipTest:
            continue
        except BaseException as error:  # importing a module may raise anything, even `sys.exit()`
            if isinstance(error, KeyboardInterrupt):
                raise
            NOT_IMPORTED[name] = path
            text = f"cannot be imported\n{traceback.format_exc()}"
            loader: Any = unittest.loader
            suite.addTest(loader._FailedTest(name, ImportError(text)))  # noqa: SLF001  as unittest itself reports it
    return suite


NOT_IMPORTED: dict[str, str] = {}
"""The files of modules that can't be imported, by module name."""


def manage(arguments: list[str]) -> int:
    """Run `manage.py test` and return its exit code."""
    sys.argv = ["manage.py", "test", "--noinput", *arguments]
    sys.path.insert(0, os.getcwd())
    try:
        runpy.run_path("manage.py", run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def start() -> int:
    """Run the tests and return the exit code."""
    global COMMAND
    # Only in this process: programs that the tests start write byte code as usual.
    sys.dont_write_bytecode = True
    _, kind, root, paths, *rest = sys.argv
    tests, arguments = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    ONLY.update(tests)
    folder = os.path.dirname(os.path.abspath(__file__))
    first = [path for path in paths.split(os.pathsep) if path]
    sys.path[:] = [*first, *(entry for entry in sys.path if entry not in {*first, folder, ""})]
    # For programs that the tests start: the environment alone would give them another tree.
    children = os.environ.pop("GATE_CHILDREN_PATH", "")
    if children:
        os.environ["PYTHONPATH"] = children
    os.chdir(root)
    names = ("addSuccess", "addFailure", "addError", "addSkip", "addExpectedFailure", "addUnexpectedSuccess")
    for name in (*names, "addSubTest"):
        setattr(unittest.TestResult, name, outcome(name))
    # The only way to get the tests of any program.
    setattr(unittest.TextTestRunner, "run", run)  # noqa: B010  mypy refuses to assign to a method
    if kind == "django":
        COMMAND = "python manage.py test"
        status = manage(arguments)
    else:
        status = int(not unittest.TextTestRunner().run(load(arguments)).wasSuccessful())
    say(
        "finished",
        status=status,
        found=State.found,
        collected=State.collected,
        tests=sorted(State.tests),
        outcomes=State.outcomes,
        failures=State.failures,
        outside=imported_from(),
        whole="its files are run in one process where pytest does not run them",
    )
    return status


if __name__ == "__main__":
    sys.exit(start())
