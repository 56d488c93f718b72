"""Run one tool on one tree: from the check's settings to the tool's result."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gate.checks import TOOLS, Invocation, Job, Left, Report, Unreadable
from gate.checks.pytest import how_far
from gate.checks.tool import joined
from gate.environment import BuildFailed, Environment, Environments, Installed, check_environ
from gate.finding import Finding
from gate.policy.types import BUILT_IN_CHECKS, BY_FILE, CheckSettings
from gate.process import Cancel, Finished, supervise
from gate.result_cache import key_of
from gate.runner.bytecode import Interpreter, lent_bytecode
from gate.runner.checked_tree import CheckedTree
from gate.runner.inputs import Inputs, read_inputs
from gate.runner.untracked_files import bring
from gate.runner.watching import Watch, watched
from gate.workspace import make_old

OUTPUT_LIMIT = 64 * 1024 * 1024
SHOWN_OUTPUT = 4000
MARGIN = 1.5
"""The suggested time limit, as a multiple of the time that a run seems to need."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The parameters of a run: what `check` reports about `side`, or, for tests, about `only` some of them.

    With `count`, tests are only collected. `installed` is the tool; a command has none. `cache` names the tool's cache
    of another tree, which it may use for this one; the two trees differ at the paths in `differing`. `brought` are
    files of the working tree that the policy adds. `changed` are the files of this side that the change adds or
    modifies. If there are `test_files`, no other tests run. With `each`, every file runs in its own process, and with
    `proven`, it must also prove that the others don't depend on it: not running the remaining files saves `spared`
    seconds.
    """

    check: CheckSettings
    side: CheckedTree
    installed: Installed | None
    only: tuple[str, ...] = ()
    count: bool = False
    cache: str = ""
    differing: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    each: bool = False
    proven: bool = False
    spared: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run. `output` is the end of the tool's output if no report could be read from it.

    `inputs` are the recorded inputs of a test run, if any; `collection` those of collecting its tests, and `by_file`
    those of each file that ran in its own process.
    `verified` are the files whose passes would have been reused, in a run that verifies this; a single empty path means
    the whole suite.
    """

    report: Report | Unreadable
    seconds: float = 0.0
    cached: bool = False
    output: str = ""
    cancelled: bool = False
    inputs: Inputs | None = None
    collection: Inputs | None = None
    by_file: Mapping[str, Inputs | None] = field(default_factory=dict)
    verified: tuple[str, ...] = ()


def execute(
    request: RunRequest,
    environment: Environment,
    environments: Environments,
    state: Path,
    cancel: Cancel,
    started: Callable[[], None],
    watch: Watch | None = None,
) -> Outcome:
    """Run the tool in `environment`, one of `environments`, with the project taken from the tree.

    Tools store their caches below `state`. Setting `cancel` ends the run.

    `started` is called when the tool is running, if it has to be started; `watch` as its tests make progress.
    """
    check, tool = request.check, TOOLS[request.check.tool]
    job = _job(request, environment)
    idle = tool.idle(replace(job, text=request.side.text))
    if idle is not None:
        # Don't ask for the path: a tree without work is never checked out.
        return Outcome(idle)
    root = request.side.path(runs_code=tool.runs_code)
    scratch = Path(tempfile.mkdtemp(prefix="gate-"))
    try:
        for name in ("t", "empty"):
            (scratch / name).mkdir()
        # Name the cache by the tree's folder: no other run uses that folder at the same time.
        top = request.side.top.path(runs_code=tool.runs_code)
        cache = state / "cache" / (request.cache or cache_name(check, top, request.side.folder))
        make_old(root, request.differing)
        cache.mkdir(parents=True, exist_ok=True)
        bring(str(environment.project), request.brought, top)
        environment = environments.for_checkout(
            environment, request.side.top, top, request.side.folder, runs_code=tool.runs_code
        )
        declared = environments.declared_by(request.side.top, request.side.folder)
        job = replace(
            job,
            root=str(root),
            top=str(top),
            tool=_prefix(check, request.installed, environment),
            python=str(environment.python),
            package=declared.is_package,
            installed=environment.has_project(declared.name, root),
            plain_start=declared.start.plain,
            import_path=declared.start.import_path,
            places=declared.start.places,
            lent=environment.lent,
            scratch=f"{scratch}/empty",
            cache=str(cache),
            report=f"{scratch}/report",
            text=lambda path: (root / path).read_text("utf-8", "replace"),
        )
        env = _environ(check, environment, f"{scratch}/t")
        if check.tool == "pytest" and (not request.count or check.select in BY_FILE):
            env |= {"GATE_INPUTS": f"{scratch}/inputs", "GATE_INPUTS_TREE": str(top)}
        with _ahead(request, environment, root, env, state):
            outcome = _run(job, env, cancel, started, watch)
        by_file = {
            path: _inputs(scratch, f"inputs.{number}.*", environment)
            for number, path in enumerate(request.test_files if request.each else ())
        }
        return replace(
            outcome,
            inputs=_inputs(scratch, "inputs.*", environment),
            collection=_inputs(scratch, "collection.*", environment),
            by_file=by_file,
        )
    except BuildFailed as error:
        cancelled = cancel.is_set()
        return Outcome(
            Unreadable(f"the project cannot be installed: {error}", error.hint), cancelled=cancelled
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        name = check.command[0] if check.command else check.tool
        return Outcome(
            Unreadable(f"{name} cannot be started: {reason}", f"make sure that {name} is installed")
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _inputs(scratch: Path, pattern: str, environment: Environment) -> Inputs | None:
    inputs = read_inputs(part.read_bytes() for part in scratch.glob(pattern))
    return replace(inputs, built=environment.built) if inputs else None


def _run(
    job: Job, env: Mapping[str, str], cancel: Cancel, started: Callable[[], None], watch: Watch | None
) -> Outcome:
    """Run the tool, and run it again without the files that it can't parse or import if it stopped at them."""
    seconds = 0.0
    earlier: tuple[Finding, ...] = ()
    while True:
        with watched(job.report, watch):
            outcome = _run_all(job, env, cancel, started, seconds)
        seconds, report = outcome.seconds, outcome.report
        if not isinstance(report, Report):
            return outcome
        findings = tuple(dict.fromkeys((*earlier, *report.findings)))
        if report.unparsed <= job.excluded:
            return replace(outcome, report=replace(report, findings=findings))
        earlier, job = findings, replace(job, excluded=job.excluded | report.unparsed)
        Path(job.report).unlink(missing_ok=True)


def _run_all(
    job: Job, env: Mapping[str, str], cancel: Cancel, started: Callable[[], None], seconds: float
) -> Outcome:
    """Run all commands of the job, in order and within its time limit. The first one without a result ends it."""
    check = job.check
    reports: list[tuple[Invocation, Report]] = []
    for invocation in TOOLS[check.tool].commands(job):
        for path, content in invocation.writes.items():
            Path(path).write_bytes(content)
        finished = supervise(
            invocation.argv,
            cwd=job.root,
            env={**env, **invocation.env},
            timeout=check.timeout - seconds,
            limit=OUTPUT_LIMIT,
            cancel=cancel,
            memory=check.memory,
            started=started,
        )
        seconds += finished.seconds
        outcome = _read(check, job, finished)
        if isinstance(outcome.report, Unreadable):
            return replace(outcome, seconds=seconds)
        reports.append((invocation, outcome.report))
        if outcome.report.unparsed:
            break
    return Outcome(joined(reports), seconds)


def cache_name(check: CheckSettings, top: Path, folder: str) -> str:
    """Return the name of the tool's cache folder for the project in `folder` of a tree."""
    return f"{check.id}-{top.name}" + (f"-{key_of(folder)[:12]}" if folder else "")


def _ahead(
    request: RunRequest, environment: Environment, root: Path, env: dict[str, str], state: Path
) -> contextlib.AbstractContextManager[object]:
    """Return a context in which tests use bytecode that was compiled earlier."""
    if request.check.tool != "pytest" or request.installed is None:
        return contextlib.nullcontext()
    identity = f"{environment.fingerprint} {request.installed.version} {request.installed.site}"
    site = request.installed.site if request.installed.own else ""
    interpreter = Interpreter(str(environment.python), identity, site, env)
    return lent_bytecode(root, request.side.entries, interpreter, state, request.check.timeout)


def _job(request: RunRequest, environment: Environment) -> Job:
    check, side, installed = request.check, request.side, request.installed
    work_tree = side.repository.work_tree
    away = str(work_tree or environment.project or "")
    own_folder = os.path.join(away, side.folder)  # noqa: PTH118  all of these are strings
    roots = [
        os.path.relpath(item.folder, own_folder)
        for item in environment.editables
        if away and Path(item.folder).is_relative_to(away)
    ]
    return Job(
        check=check,
        root="",
        tool=_prefix(check, installed, environment),
        own=installed is not None and installed.own,
        python=str(environment.python),
        found=environment.found,
        files=side.files,
        settings=side.settings,
        scratch="",
        cache="",
        report="",
        origin=environment.origin,
        version=installed.version if installed else "",
        roots=tuple("" if root == "." else root for root in roots),
        left_out=side.left_out,
        sites=tuple(map(str, environment.site_packages)),
        away=away,
        submodules=side.top.submodules,
        only=request.only,
        changed=request.changed,
        count=request.count,
        test_files=request.test_files,
        each=request.each,
        proven=request.proven,
        spared=request.spared,
    )


def _prefix(check: CheckSettings, installed: Installed | None, environment: Environment) -> tuple[str, ...]:
    """Return how to start the tool so that nothing in the tree can take its place."""
    if check.tool == "names":
        return (sys.executable, "-P", "-m", "gate.names")
    if installed is None:
        return ()
    if check.tool == "pytest":
        return (installed.site,)
    if check.tool != "mypy" and installed.program:
        return (installed.program,)
    # The project's interpreter may predate `-P`; gate's own packages may be in a folder that `-I` hides.
    python = installed.python if installed.own else str(environment.python)
    return (python, "-P" if installed.own else "-I", "-m", installed.name.replace("-", "_"))


def _environ(check: CheckSettings, environment: Environment, temporary: str) -> dict[str, str]:
    environ = check_environ(check.env, temporary)
    if not TOOLS[check.tool].runs_code:
        # For tools whose output gate parses. The project's own code gets the same environment as in any CI.
        environ |= {"TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if environment.found:
        environ["VIRTUAL_ENV"] = str(environment.prefix)
        environ["PATH"] = f"{environment.python.parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return environ


def _read(check: CheckSettings, job: Job, finished: Finished) -> Outcome:
    out = finished.stdout.decode("utf-8", "surrogateescape")
    err = finished.stderr.decode("utf-8", "surrogateescape")
    output = f"{out}\n{err}".strip()[-SHOWN_OUTPUT:]
    seconds = finished.seconds
    if finished.ended == "cancelled":
        return Outcome(Unreadable("cancelled"), seconds, cancelled=True)
    report = Path(job.report)
    written = report.read_bytes() if report.is_file() and report.stat().st_size <= OUTPUT_LIMIT else None
    broken = _timeout(check, written) if finished.ended == "timeout" else _broken(check, finished)
    if broken is not None:
        return Outcome(broken, seconds, output=output)
    answer = TOOLS[check.tool].read(job, Left(finished.returncode, out, err, written))
    answer = _portable(answer, job)
    return Outcome(
        answer, seconds, output=output if isinstance(answer, Unreadable) and not answer.whole else ""
    )


def _portable(report: Report | Unreadable, job: Job) -> Report | Unreadable:
    """Remove this run's folders from the report, so that the same failure reads the same in any tree."""
    temporary = job.scratch.rpartition("/")[0]
    short = {
        **{f"{root}/": "" for root in (os.path.realpath(job.root), job.root)},
        **{f"{root}/": "" for root in (os.path.realpath(job.top), job.top)},
        **dict.fromkeys((os.path.realpath(job.root), job.root), "."),
        **dict.fromkeys((os.path.realpath(temporary), temporary), "$TMPDIR"),
    }

    def cleaned(text: str) -> str:
        for folder, name in short.items():
            text = text.replace(folder, name)
        return text

    if isinstance(report, Unreadable):
        return replace(report, reason=cleaned(report.reason), hint=cleaned(report.hint))
    findings = tuple(
        replace(finding, message=cleaned(finding.message), hint=cleaned(finding.hint))
        for finding in report.findings
    )
    return replace(report, findings=findings)


def _timeout(check: CheckSettings, written: bytes | None) -> Unreadable:
    """Describe a timeout: how far the run got, and how much time it seems to need."""
    far, share = how_far(written) if check.tool == "pytest" else ("", 0.0)
    needed = check.timeout / share if share else check.timeout
    minutes = math.ceil(needed * MARGIN / 60)
    tool = "" if check.id in BUILT_IN_CHECKS else f"tool: {check.tool}, "
    return Unreadable(
        f"it took longer than {check.timeout:g} s and was ended" + (f" {far}" if far else ""),
        f"allow more time in gate.yaml: `checks: {{{check.id}: {{{tool}timeout: {minutes}m}}}}`",
    )


def _broken(check: CheckSettings, finished: Finished) -> Unreadable | None:
    """Return why there is no output to read, or None if there is."""
    if finished.ended == "overflow":
        return Unreadable(
            f"it printed more than {OUTPUT_LIMIT // 2**20} MB and was ended", "let it print less"
        )
    if finished.ended == "memory":
        limit = f"{check.memory / 2**20:.0f} MB"
        return Unreadable(
            f"it held more than {limit if check.memory else 'four fifths of the free memory'} and was ended",
            f"let it need less, or give it more in gate.yaml: `checks: {{{check.id}: {{memory: …}}}}`",
        )
    if finished.returncode < 0:
        hint = "the system does that when memory runs out" if finished.returncode == -9 else ""
        return Unreadable(f"it was ended by signal {-finished.returncode}", hint)
    return None
