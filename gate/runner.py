"""Running the checks: side by side, nothing twice, and each compared with the base where the policy says so."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from gate import __version__
from gate.checks import TOOLS, Job, Left, Report, Unreadable
from gate.checks.baseline import mark_new
from gate.checks.tool import SETTINGS_FILES
from gate.environment import Environment, Installed, check_environ
from gate.git.objects import Entry, read_objects
from gate.git.repository import Repository
from gate.model import Broken, Change, CheckResult, Finding, Ran, Skipped
from gate.policy.types import CheckSettings
from gate.process import Finished, supervise
from gate.results import Results, key_of

OUTPUT_LIMIT = 64 * 1024 * 1024
SHOWN_OUTPUT = 4000


class Tree(Protocol):
    """A tree that is checked out when its path is first asked for."""

    tree: str

    @property
    def path(self) -> Path:
        """The folder that holds it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell while the checks run."""

    id: str
    kind: Literal["started", "finished"]
    result: CheckResult | None = None


@dataclass(slots=True)
class Side:
    """One of the two trees, and what is known of it. Shared by the checks that run side by side."""

    repository: Repository
    tree: Tree
    role: str
    list_entries: Callable[[str], tuple[Entry, ...]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _entries: tuple[Entry, ...] | None = None
    _settings: dict[str, bytes] | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file of the tree."""
        with self._lock:
            if self._entries is None:
                self._entries = self.list_entries(self.tree.tree)
            return self._entries

    @property
    def settings(self) -> dict[str, bytes]:
        """The content of the tools' settings files at the top of the tree."""
        entries = {
            e.path: e.oid for e in self.entries if e.path in SETTINGS_FILES and e.mode.startswith("100")
        }
        with self._lock:
            if self._settings is None:
                contents = read_objects(self.repository, entries.values())
                self._settings = {path: contents[oid] for path, oid in entries.items()}
            return self._settings

    @property
    def path(self) -> Path:
        """The folder that holds the tree; checked out by whoever asks first."""
        with self._lock:
            return self.tree.path


@dataclass(frozen=True, slots=True)
class _Outcome:
    report: Report | Unreadable
    seconds: float
    cached: bool = False
    output: str = ""
    cancelled: bool = False


class Runner:
    """Runs checks over the head and, where it matters, over the base."""

    def __init__(
        self,
        *,
        change: Change,
        head: Side,
        base: Side,
        environment: Environment,
        results: Results,
        state_dir: Path,
    ) -> None:
        """`state_dir` is where the tools' own caches are kept."""
        self._change = change
        self._head, self._base = head, base
        self._environment = environment
        self._results = results
        self._state = state_dir
        self._cancel = threading.Event()

    def run(
        self,
        settings: Sequence[CheckSettings],
        progress: Callable[[Event], None],
        *,
        fail_fast: bool = False,
        kept_only: bool = False,
    ) -> tuple[CheckResult, ...]:
        """Run every check and return the results in the order of `settings`.

        Tests start first, being the slowest. With `fail_fast`, the first result that blocks ends the rest,
        which are then Skipped; with `kept_only`, so is every check that would have to start. Interrupted,
        every program that was started is ended before this returns.
        """
        results: dict[str, CheckResult] = {}
        if kept_only:
            self._cancel.set()
        order = sorted(settings, key=lambda check: check.tool != "pytest")
        with ThreadPoolExecutor(max(len(order), 1)) as pool:
            running: dict[Future[CheckResult], CheckSettings] = {
                pool.submit(self._check, check, progress): check for check in order
            }
            try:
                while running:
                    done, _ = wait(running, return_when="FIRST_COMPLETED")
                    for future in done:
                        result = results[running.pop(future).id] = future.result()
                        if not isinstance(result, Skipped):
                            progress(Event(result.id, "finished", result))
                        if fail_fast and isinstance(result, Ran) and result.blocking:
                            self._cancel.set()
            except BaseException:
                self._cancel.set()
                raise
        return tuple(results[check.id] for check in settings)

    def _check(self, check: CheckSettings, progress: Callable[[Event], None]) -> CheckResult:
        outcome = self._outcome(check, self._head, progress)
        if outcome.cancelled:
            return Skipped(check.id, "not run: another check had already said no")
        report = outcome.report
        if isinstance(report, Unreadable):
            return Broken(check.id, report.reason, report.hint, outcome.seconds, outcome.output)
        findings = report.findings
        if findings:
            before = self._before(check, findings)
            if isinstance(before, Broken | Skipped):
                return before
            findings = mark_new(findings, before, self._change.renames)
        blocking = tuple(finding for finding in findings if check.block == "all" or finding.new)
        return Ran(check.id, findings, blocking, outcome.seconds, outcome.cached, report.note)

    def _before(
        self, check: CheckSettings, findings: tuple[Finding, ...]
    ) -> tuple[Finding, ...] | Broken | Skipped:
        """What the same check says of the base: of all of it, or of the tests that failed."""
        if self._change.base_tree == self._change.tree:
            return findings
        only: tuple[str, ...] = ()
        if check.tool == "pytest":
            tests = {f.hint.removeprefix("pytest ") for f in findings if f.hint.startswith("pytest ")}
            known = {entry.path for entry in self._base.entries}
            only = tuple(sorted(test for test in tests if test.partition("::")[0] in known))
            if not only:
                return ()
        outcome = self._outcome(check, self._base, _ignore, only)
        if outcome.cancelled:
            return Skipped(check.id, "not run: another check had already said no")
        if isinstance(outcome.report, Report):
            return outcome.report.findings
        if check.block == "all":
            return ()
        return Broken(
            check.id,
            f"at the base, {outcome.report.reason}, so that new findings cannot be told from old ones",
            outcome.report.hint,
            outcome.seconds,
            outcome.output,
        )

    def _outcome(
        self, check: CheckSettings, side: Side, progress: Callable[[Event], None], only: tuple[str, ...] = ()
    ) -> _Outcome:
        tool = TOOLS[check.tool]
        installed = self._environment.tool(tool.distribution) if tool.distribution else None
        if tool.distribution and installed is None:
            return _Outcome(
                Unreadable(f"{check.tool} is not installed", "pip install " + tool.distribution), 0.0
            )
        key = self._key(check, side, installed, only)
        kept = _load(self._results.get(key))
        if kept is not None:
            return kept
        progress(Event(check.id, "started"))
        if self._cancel.is_set():
            return _Outcome(Unreadable(""), 0.0, cancelled=True)
        outcome = self._start(check, side, installed, only)
        if isinstance(outcome.report, Report) and not outcome.cancelled:
            self._results.put(key, _dump(outcome.report, outcome.seconds))
        return outcome

    def _key(
        self, check: CheckSettings, side: Side, installed: Installed | None, only: tuple[str, ...]
    ) -> str:
        tool = TOOLS[check.tool]
        read = key_of(*(f"{e.mode} {e.oid} {e.path}" for e in side.entries if tool.reads(e.path)))
        shown = replace(check, block="new", timeout=0.0)
        place = "" if installed is None else f"{installed.version} {installed.site}"
        values = {name: os.environ.get(name, "") for name in check.env}
        return key_of(
            __version__, code_version(), read, json.dumps(asdict(shown)), place, self._environment.fingerprint,
            json.dumps(values), *only,
        )  # fmt: skip

    def _start(
        self, check: CheckSettings, side: Side, installed: Installed | None, only: tuple[str, ...]
    ) -> _Outcome:
        tool = TOOLS[check.tool]
        scratch = tempfile.mkdtemp(prefix="gate-")
        try:
            job = self._job(check, side, installed, only, scratch)
            idle = tool.idle(job)
            if idle is not None:
                return _Outcome(idle, 0.0)
            # The path is asked for only now: a tree without work is never checked out.
            root = str(side.path)
            job = replace(job, root=root)
            self._fence(side)
            invocation = tool.command(job)
            environ = check_environ(check.env, str(Path(scratch) / "tmp")) | dict(invocation.env)
            if self._environment.found:
                environ["VIRTUAL_ENV"] = str(self._environment.prefix)
                environ["PATH"] = (
                    f"{self._environment.python.parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
                )
            finished = supervise(
                invocation.argv,
                cwd=root,
                env=environ,
                timeout=check.timeout,
                limit=OUTPUT_LIMIT,
                cancel=self._cancel,
            )
            return _read(check, job, finished)
        except (OSError, ValueError) as error:
            name = check.command[0] if check.command else check.tool
            return _Outcome(Unreadable(f"{name} cannot be started: {error}", "see that it is installed"), 0.0)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _job(
        self,
        check: CheckSettings,
        side: Side,
        installed: Installed | None,
        only: tuple[str, ...],
        scratch: str,
    ) -> Job:
        for name in ("tmp", "empty"):
            (Path(scratch) / name).mkdir()
        cache = self._state / "cache" / f"{check.id}-{side.role}"
        cache.mkdir(parents=True, exist_ok=True)
        return Job(
            check=check,
            root="",
            tool=_prefix(check, installed),
            own=installed is not None and installed.own,
            python=str(self._environment.python),
            found=self._environment.found,
            files=tuple(entry.path for entry in side.entries if entry.mode.startswith("100")),
            settings=side.settings,
            scratch=f"{scratch}/empty",
            cache=str(cache),
            report=f"{scratch}/report",
            origin=self._environment.origin,
            only=only,
        )

    def _fence(self, side: Side) -> None:
        """Stop tools that look for settings in the folders above the tree: there is the user's working tree."""
        above = side.path.parent
        for name in ("ruff.toml", "pytest.ini"):
            if not (above / name).exists():
                (above / name).write_text("")


def _ignore(_event: Event) -> None:
    """What the base is asked is not told."""


def code_version() -> str:
    """What of gate's own code decides a result: a development checkout changes under one version number."""
    folder = Path(__file__).parent
    files = [*sorted((folder / "checks").glob("*.py")), *sorted((folder / "names").rglob("*.py"))]
    files += sorted((folder / "plugins").glob("*.py"))
    return key_of(*(f"{path.name} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in files))


def _prefix(check: CheckSettings, installed: Installed | None) -> tuple[str, ...]:
    if check.tool == "names":
        import sys

        return (sys.executable, "-P", "-m", "gate.names")
    if installed is None:
        return ()
    if check.tool == "pytest":
        return (installed.site,)
    if check.tool == "ruff" and installed.program:
        return (installed.program,)
    return (installed.python, "-P", "-m", installed.name)


def _read(check: CheckSettings, job: Job, finished: Finished) -> _Outcome:
    out = finished.stdout.decode("utf-8", "surrogateescape")
    err = finished.stderr.decode("utf-8", "surrogateescape")
    output = f"{out}\n{err}".strip()[-SHOWN_OUTPUT:]
    seconds = finished.seconds
    match finished.ended:
        case "cancelled":
            return _Outcome(Unreadable("cancelled"), seconds, cancelled=True)
        case "timeout":
            reason = f"it took longer than {check.timeout:g} s and was ended"
            hint = f"give it more time in gate.yaml: `checks: {{{check.id}: {{timeout: …}}}}`"
            return _Outcome(Unreadable(reason, hint), seconds, output=output)
        case "overflow":
            reason = f"it printed more than {OUTPUT_LIMIT // 2**20} MB and was ended"
            return _Outcome(Unreadable(reason, "let it print less"), seconds, output=output)
        case "exit":
            pass
    if finished.returncode < 0:
        return _Outcome(Unreadable(f"it was ended by signal {-finished.returncode}"), seconds, output=output)
    report = Path(job.report)
    left = Left(finished.returncode, out, err, report.read_bytes() if report.is_file() else None)
    answer = TOOLS[check.tool].read(job, left)
    return _Outcome(answer, seconds, output=output if isinstance(answer, Unreadable) else "")


def _dump(report: Report, seconds: float) -> bytes:
    data = {
        "findings": [asdict(finding) for finding in report.findings],
        "note": report.note,
        "seconds": seconds,
    }
    return json.dumps(data).encode("ascii")


def _load(data: bytes | None) -> _Outcome | None:
    if data is None:
        return None
    try:
        kept = json.loads(data)
        findings = tuple(Finding(**finding) for finding in kept["findings"])
        return _Outcome(Report(findings, kept["note"]), float(kept["seconds"]), cached=True)
    except (ValueError, KeyError, TypeError):
        return None
