"""The interface of a tool: which files affect its result, how to start it, and how to parse its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gate.finding import Finding
from gate.policy.types import CheckSettings
from gate.wording import number_in

SETTINGS_FILES = frozenset({
    "pyproject.toml", "setup.cfg", "tox.ini", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "pytest.ini",
    ".pytest.ini", "pytest.toml", ".pytest.toml", ".gitignore", ".ignore", "py.typed",
    "ty.toml", "pyrefly.toml", "pyrightconfig.json", ".flake8",
    ".pre-commit-config.yaml",
})  # fmt: skip
PYTHON_FILES = (".py", ".pyi", ".pyw", ".ipynb")
NOT_EXECUTED = frozenset({126, 127})
"""Exit codes with which shells and similar programs say that a program can't be executed, or does not exist."""
# A tool may be configured to read its settings from a file of any name, or to extend another file.
SETTINGS_ENDINGS = (".toml", ".cfg", ".ini")


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one tool on one tree. Paths are absolute, except those in `files`, which are relative to the tree."""

    check: CheckSettings
    root: str
    """The folder of the project."""
    tool: tuple[str, ...]
    """The command that starts the tool."""
    own: bool
    """Whether the tool is gate's own copy."""
    python: str
    """The project's interpreter."""
    found: bool
    """Whether the project has its own environment."""
    files: tuple[str, ...]
    settings: Mapping[str, bytes]
    """The settings files at the top of the tree, with their content."""
    scratch: str
    """An empty folder for this run."""
    cache: str
    """A folder that remains for later runs."""
    report: str
    """The file to which the tool may write a report."""
    origin: str = ""
    version: str = ""
    roots: tuple[str, ...] = ()
    """Folders of the tree from which the environment imports, if the project is installed in editable mode."""
    sites: tuple[str, ...] = ()
    """Folders in which the environment has its packages."""
    away: str = ""
    """The user's working tree, from which nothing may be imported."""
    submodules: tuple[str, ...] = ()
    """Paths in the working tree that the tree doesn't contain."""
    lent: tuple[str, ...] = ()
    """Folders of packages to which the environment links."""
    only: tuple[str, ...] = ()
    """The tests to run, if not all."""
    count: bool = False
    """Whether tests are only collected, not run."""
    text: Callable[[str], str] = lambda _path: ""
    """Returns the content of one of `files`."""
    excluded: frozenset[str] = frozenset()
    """Files that the tool can't parse, and must leave out."""
    top: str = ""
    """The folder of the tree that contains the project."""
    left_out: tuple[str, ...] = ()
    """Folders in the project that are projects themselves."""
    changed: tuple[str, ...] = ()
    """Files of this tree that the change adds or modifies."""
    each: bool = False
    """Whether each of `test_files` runs in its own process, one after the other, until one doesn't pass."""
    proven: bool = False
    """Whether the test files must prove that none depends on another."""
    spared: float = 0.0
    """How many seconds the tests of the other files take, which don't run."""
    test_files: tuple[str, ...] = ()
    """The only test files to run; empty for all."""
    package: bool = False
    """Whether the tree declares a package."""
    installed: bool = False
    """Whether the environment has that package installed."""
    plain_start: bool = False
    """Whether the project's own commands start pytest without the current folder on the import path."""
    import_path: tuple[str, ...] = ()
    """Folders that the project's own commands add to the import path."""
    places: tuple[str, ...] = ()
    """Files and folders to which the project's own commands limit pytest."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line, with the environment variables that it needs in addition to the usual ones.

    `files` are the files that only this run of the job reports about. `writes` has files to write to the run's own
    folder before it starts, with their content.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    writes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Left:
    """The outcome of a run: exit code, stdout, and stderr as text, and the content of the report file, or None."""

    returncode: int
    stdout: str
    stderr: str
    report: bytes | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The complete result of a tool for a tree."""

    findings: tuple[Finding, ...]
    note: str = ""
    """One line to show with the result."""
    seen: int | None = None
    """The number of files or tests that the tool checked, or None if it doesn't say."""
    tests: frozenset[str] = frozenset()
    """The functions that ran as tests."""
    unparsed: frozenset[str] = frozenset()
    """Files at which the tool stopped because it can't parse them. It must run again without them."""
    skipped: frozenset[str] = frozenset()
    """Those of `tests` that are marked to be skipped."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """The number of tests by outcome."""
    whole: str = ""
    """Why the test files are not independent, or "" if they are."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Seconds by test file."""
    by_file: Mapping[str, FileReport] = field(default_factory=dict)
    """The results of independent test files."""
    shared: str = ""
    """Why the test files may depend on each other in one process, if known."""
    order: tuple[str, ...] = ()
    """The test files in the project's order, if a plugin or a hook changed pytest's."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result of a test file that ran in its own process, and what it did that can affect others.

    `loaded` has the modules that it imported, with their paths in the tree, or "" for other packages. `folders` are the
    folders of the tree on the import path.
    """

    report: Report
    seconds: float
    loaded: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The tool reported no result, so the check is broken. `hint` says what to do.

    With `whole`, the reason is complete, and the tool's output adds nothing. With `by_tree`, the tree may have stopped
    the tool: if the base doesn't stop it, the change is the cause.
    """

    reason: str
    hint: str = ""
    whole: bool = False
    by_tree: bool = False


class Tool(Protocol):
    """A tool that gate can run."""

    distribution: str
    """The package that provides the tool; "" if none does."""
    runs_code: bool
    """Whether it runs the project's code, and so needs a copy of the tree that no other tool reads."""
    cache_travels: bool
    """Whether its cache for one tree can be reused for another tree in another folder."""

    def reads(self, path: str) -> bool:
        """Return whether the file at `path` can affect the result."""

    def idle(self, job: Job) -> Report | None:
        """Return the report if the tool has nothing to do in this tree, else None."""

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Return how to start it: one or more invocations, run one after the other."""

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse the outcome of one run. Anything but a complete result is Unreadable."""


def joined(runs: Sequence[tuple[Invocation, Report]]) -> Report:
    """Combine the reports of several runs, each restricted to its own files and to files of no run."""
    if len(runs) == 1:
        return runs[0][1]
    owned = {path: index for index, (invocation, _) in enumerate(runs) for path in invocation.files}
    return Report(
        tuple(
            dict.fromkeys(
                finding
                for index, (_, report) in enumerate(runs)
                for finding in report.findings
                if owned.get(finding.path, index) == index
            )
        ),
        "; ".join(dict.fromkeys(report.note for _, report in runs if report.note)),
        unparsed=frozenset[str]().union(*(report.unparsed for _, report in runs)),
    )


def reads_python(path: str) -> bool:
    """Return whether it is Python source, a stub, or a file with settings of the tools."""
    return path.endswith((*PYTHON_FILES, *SETTINGS_ENDINGS)) or path.rpartition("/")[2] in SETTINGS_FILES


def relative(path: str, root: str) -> str:
    """Return `path` relative to the tree."""
    return path.removeprefix(f"{root}/").removeprefix("./")


def last_line(text: str) -> str:
    """Return the last nonempty line, for a reason in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def python_count(files: tuple[str, ...]) -> int:
    """Return the number of Python files."""
    return sum(path.endswith(PYTHON_FILES) for path in files)


def is_utf8(path: str) -> bool:
    """Return whether a path is valid UTF-8. Few tools expect anything else."""
    return path.isascii() or not any("\udc80" <= char <= "\udcff" for char in path)


def version_key(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, for comparison."""
    numbers = []
    for part in version.split("."):
        number = number_in(part)
        if number is None:
            break
        numbers.append(number)
    return tuple(numbers)
