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
"""By convention of shells, and of all that start a program for others: it can't be executed, or does not exist."""
# A tool may be configured to read its settings from a file of any name, or to extend another file.
SETTINGS_ENDINGS = (".toml", ".cfg", ".ini")


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one tool over one tree. Paths are absolute strings, but for `files`, which are the tree's.

    `tool` starts the tool, which is of `version`; `python` is the project's interpreter, `found` is False if the
    project has no environment of its own. `settings` holds the tree's own settings files at its top. `scratch` is
    an empty folder of the run's own, `cache` one that stays, `report` where the tool may write a report.

    `roots` are folders of the tree that the environment imports from, where the project is installed in editable
    mode, and `sites` those in which it has its packages. `away` is the user's working tree, which must have no say;
    `submodules` are the places in it that the tree does not hold. `lent` are the folders of packages that the
    environment links to. `only` limits a run of tests to these; with `count` they are collected and not run. `text`
    gives the content of one of `files`. `excluded` are those that the tool cannot parse, and is to leave out. `root` is
    the folder of the project, `top` that of the tree around it, and `left_out` are the folders in it that are projects
    of their own. `changed` are the files of this side that the change adds or modifies. If there are
    `test_files`, no other files of tests run; with `each` every one of them has a process of its own, one after the
    other, until one does not pass. With `proven` they have to prove that none depends on another; `spared` is how many
    seconds the tests of other files take, which do not run. `package` says that the tree declares a package, and
    `installed` that the environment has it. `plain_start` says that the project's own commands start pytest without the
    folder that they are in on the import path, and `import_path` has the folders that they add to it. `places` are the
    folders and files that they limit pytest to.
    """

    check: CheckSettings
    root: str
    tool: tuple[str, ...]
    own: bool
    python: str
    found: bool
    files: tuple[str, ...]
    settings: Mapping[str, bytes]
    scratch: str
    cache: str
    report: str
    origin: str = ""
    version: str = ""
    roots: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    away: str = ""
    submodules: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    count: bool = False
    text: Callable[[str], str] = lambda _path: ""
    excluded: frozenset[str] = frozenset()
    top: str = ""
    left_out: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    each: bool = False
    proven: bool = False
    spared: float = 0.0
    test_files: tuple[str, ...] = ()
    package: bool = False
    installed: bool = False
    plain_start: bool = False
    import_path: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line, and what its environment has besides the clean one.

    `files` are those of which no other run of the same job has anything to say; `writes` are files of the run's own
    folder that are written before it, with their content.
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
    """What a tool says of a tree, all of it. `note` is one line worth showing.

    `seen` is how many files or tests it has looked at; None where it does not say. `tests` names the functions
    that were run as tests, `skipped` those of them whose marks say that they are not to run. `unparsed` are files
    that the tool could not parse, and at which it stopped: it has to run again without them, or its answer is worth
    nothing. `outcomes` counts the tests by what came of them, and `durations` has the seconds of each file of tests.
    `whole` is why the files are not independent, if so; `by_file` holds the results of those that are. `shared` is
    why they may depend on each other when they run in one process, if that is known. `order` are the test files in the
    order in which the project wants them, if a plugin or a hook has changed pytest's order.
    """

    findings: tuple[Finding, ...]
    note: str = ""
    seen: int | None = None
    tests: frozenset[str] = frozenset()
    unparsed: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    whole: str = ""
    durations: Mapping[str, float] = field(default_factory=dict)
    by_file: Mapping[str, FileReport] = field(default_factory=dict)
    shared: str = ""
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileReport:
    """What came of one file of tests that ran in a process of its own, and what others could see of it.

    `loaded` are the modules that it loaded, with their paths in the tree, which are empty for those of other packages;
    `folders` are those of the tree in which imports look.
    """

    report: Report
    seconds: float
    loaded: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The tool did not report what it found: the check is broken. `hint` is what to do.

    With `whole` the reason is complete, and the tool's output adds nothing. With `by_tree` the tool was stopped by
    something that the tree may be the reason for: if the base does not stop it, the change is.
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
