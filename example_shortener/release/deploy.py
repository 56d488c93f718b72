"""Release beside the live release, compare, and go on or roll back; and roll back later, in one step."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from release import gates, monitoring, servers, tables
from release.balancer import Counted
from release.canary import Compared, decide
from release.environments import SLOTS, VISITED, Environment, Running, State, alone, at_work
from release.problems import CannotGo, Refused
from release.report import Incident, measured, notify, waiver_used
from release.services import PATIENCE

Say = Callable[[str], None]
LOOK = 0.1
"""Seconds between two looks at a release that is watched."""
FAILURES = 3
"""So many visits in a row that fail, and not the baseline's, are a reason to roll back."""
PROCESS_EVERY = 5
"""So many looks until the next look at the new release's process."""
LONGER = 3
"""So many times as long an inconclusive comparison may go on."""


class WentBack(Exception):  # noqa: N818  the name says what happened
    """The release was out, and was rolled back."""

    def __init__(self, incident: Incident) -> None:
        """`incident` tells the story; whoever catches it notifies people."""
        super().__init__(incident.reason)
        self.incident = incident


def deploy(
    environment: Environment, name: str, say: Say, *, patience: float = 0.0, first: bool = False
) -> Running:
    """Release revision `name`, unless it is live; returns what is live then.

    Raises Refused if it never got a request, WentBack if it did and was rolled back. With `patience`, it waits so
    many seconds for what gate requires and time alone brings. Gate is not asked only about a `first` release, which
    somebody puts where nothing is.
    """
    settings = environment.settings
    if trouble := gates.fetch(settings):
        say(f"{environment.name}: {trouble}")
    new = servers.resolve(settings.root, name)
    if patience:
        # Before others are kept out: a rollback need not wait for it.
        gates.wait(settings, environment.name, new.revision, patience, say)
    with alone(environment.folder):
        try:
            return _deploy(environment, new, say, first)
        except Refused as error:
            fields = {"revision": new.revision, "subject": new.subject, "reason": str(error)}
            environment.records.add("refused", **fields)
            raise


def _deploy(environment: Environment, new: Running, say: Say, first: bool) -> Running:
    records, state = environment.records, environment.records.state()
    environment.port()
    if state.candidate:
        raise CannotGo(f"{state.candidate.short} is half out; `python -m release rollback` takes it back")
    if state.live and state.live.revision == new.revision:
        say(f"{environment.name}: {state.live.short} is live already")
        return state.live
    used = {release.slot for release in (state.live, state.spare) if release}
    new = replace(new, slot=next(slot for slot in SLOTS if slot not in used))
    waived = "" if first and not state.live else _ask_gate(environment, new, say)
    try:
        servers.write_out(environment, new.revision)
        tables.migrate(environment, new)
        new = servers.start(environment, new)
        say(f"{environment.name}: {new.short} runs" + (" beside the live release" if state.live else ""))
        servers.verify(new.port, servers.api_key(environment))
        say(f"{environment.name}: the smoke test passed")
        if state.live is None:
            return _first(environment, new, say)
        baseline = servers.start(environment, replace(state.live, slot="baseline"))
    except BaseException:
        environment.server(new.slot).stop()
        raise
    # From here on the guard goes on where this is killed.
    return watch(environment, records.put(candidate=new, baseline=baseline, step=0, waived=waived), say)


def _ask_gate(environment: Environment, new: Running, say: Say) -> str:
    """Who has waived gate's requirements, who the seniors hear of; "" where all are met. Raises Refused."""
    say(f"{environment.name}: asking gate about {new.revision[:9]}")
    if not record_missing(environment, say) and _last_was_rollback(environment):
        raise Refused("gate has not recorded the last rollback yet, and does not now")
    waived = gates.may_enter(environment.settings, environment.name, new.revision)
    if waived:
        waiver_used(environment, new, waived, say)
    return waived


def _first(environment: Environment, new: Running, say: Say) -> Running:
    """Nobody is there yet to be harmed."""
    _shift(environment, environment.records.put(live=new))
    environment.records.add("first", revision=new.revision, subject=new.subject)
    _record(environment, new, say)
    monitoring.aim(environment.settings)
    return new


def watch(environment: Environment, state: State, say: Say) -> Running:
    """Give the candidate more and more requests; whatever goes wrong, the live release has all of them again.

    Where another one was killed while it watched, this goes on at the same step.
    """
    new, old, records = state.candidate, state.live, environment.records
    if new is None or old is None:
        raise CannotGo(f"{environment.name}: no release is being watched")
    if state.step == 0:
        _before_the_first_visitor(environment, new, old, say)
    began, clock, before = time.time(), time.monotonic(), environment.balancer.counted()["public"]
    process = environment.server(new.slot).pid
    try:
        monitoring.aim(environment.settings)
        for step, share in enumerate(environment.target.shares[state.step :], state.step):
            state = records.put(step=step)
            _shift(environment, state, share)
            say(f"{environment.name}: {new.short} gets {share} % of the requests")
            _compare(environment, new, process)
        with _undisturbed():
            _shift(environment, replace(state, live=new, spare=old, candidate=None, baseline=None))
            records.put(live=new, spare=old, candidate=None, baseline=None, step=0, waived="")
            records.add("deployed", revision=new.revision, subject=new.subject, before=old.revision)
            _stop(environment, "baseline", *([state.spare.slot] if state.spare else []))
            monitoring.aim(environment.settings)
        return new
    except BaseException as error:
        # Also when somebody ends this program, be it twice: first the service, then everything else.
        with _undisturbed():
            state = replace(state, candidate=None, baseline=None)
            _shift(environment, state)
            reason = str(error) or "somebody ended the release tool"
            say(f"{environment.name}: {old.short} answers everything again: {reason}")
            after = _counted(environment) or before
            incident = Incident.of(
                environment, new, old, began=began, ended=began + time.monotonic() - clock, reason=reason,
                stopped_by="the watch" if isinstance(error, Refused) else "the end of the watch",
                requests=after.requests - before.requests, failed=after.failed - before.failed,
            )  # fmt: skip
            _end(environment, new, replace(state, step=0, waived=""), incident, say)
            _record(environment, old, say)
        raise WentBack(incident) from error


def _before_the_first_visitor(environment: Environment, new: Running, old: Running, say: Say) -> None:
    """Have gate record the release: what is rolled back later is known to gate as well."""
    try:
        gates.record(environment.settings, environment.name, new.revision)
        environment.records.add("exposed", revision=new.revision, subject=new.subject)
    except BaseException as error:
        with _undisturbed():
            environment.records.put(candidate=None, baseline=None, step=0, waived="")
            _stop(environment, new.slot, "baseline")
            if not isinstance(error, Refused):
                _record(environment, old, say)
        raise


def _compare(environment: Environment, new: Running, process: int | None) -> None:
    """Compare the candidate with its baseline for a while; raises Refused with the reason to roll back.

    `process` is the candidate's: it may end and be started again so quickly that hardly a request fails.
    """
    baseline, seconds = environment.records.state().baseline, environment.target.watch
    limits, before = environment.settings.limits, environment.balancer.counted()
    visits, base_failed, failed, slow, in_a_row, answer = 0, 0, 0, 0, 0, ""
    began = time.monotonic()
    while True:
        time.sleep(LOOK)
        status, took = _visit(new)
        base_status, base_took = _visit(baseline) if baseline else (302, took)
        visits, failed, base_failed = visits + 1, failed + (status != 302), base_failed + (base_status != 302)
        slow += took > base_took * limits.slower + limits.slack
        in_a_row = in_a_row + 1 if status != 302 and base_status == 302 else 0
        if in_a_row == FAILURES:
            raise Refused(f"the last {FAILURES} visits to the new release failed ({status or 'no answer'})")
        if visits % PROCESS_EVERY == 0 and environment.server(new.slot).pid != process:
            raise Refused(
                f"the new release ended, and was started again (see {environment.server(new.slot).log})"
            )
        counted = environment.balancer.counted()
        own, base = (
            [getattr(counted[role], name) - getattr(before[role], name) for name in ("requests", "failed")]
            for role in ("candidate", "baseline")
        )
        # Requests of visitors are compared as long as the baseline gets some; visits always.
        if base[0] == 0:
            own = [0, 0]
        seen = Compared(
            own[0] + visits, own[1] + failed, base[0] + visits, base[1] + base_failed, slow, visits - slow
        )
        decision, answer = decide(seen, limits)
        over = time.monotonic() - began
        if decision == "fail":
            raise Refused(answer)
        if decision == "pass" and over >= seconds:
            return
        if over >= max(seconds, limits.least_visits * LOOK * 2) * LONGER:
            raise Refused(f"still inconclusive after {over:.0f} s: {answer}")


def _visit(release: Running) -> tuple[int, float]:
    began = time.monotonic()
    status, _, _ = servers.ask(release.port, "HEAD", f"/{VISITED}", timeout=2)
    return status, time.monotonic() - began


def roll_back(environment: Environment, say: Say, *, by: str, schema: bool = False) -> Incident | None:
    """Give everything back to the release before, at once; returns what was wrong for how long.

    Whatever deploys meanwhile is ended. A release that is being watched is rolled back by the tool that watches it,
    which notifies: then nothing is returned. With `schema`, the tables go back as well, to what the older release
    knows: what only the newer one has written is then only in the copy that is made before.
    """
    if _interrupt(environment):
        return None
    with alone(environment.folder, patience=PATIENCE), _undisturbed():
        state = environment.records.state()
        new, old = (state.candidate, state.live) if state.candidate else (state.live, state.spare)
        if new is None or old is None:
            raise CannotGo(f"{environment.name}: there is no release to go back to")
        if not _ready(environment, old, "live" if state.candidate else "spare"):
            say(f"{environment.name}: {old.short} is started again")
            # Without changing the tables: it has worked with them before.
            servers.write_out(environment, old.revision)
            old = servers.start(environment, old)
        state = replace(state, live=old, spare=None, candidate=None, baseline=None, step=0, waived="")
        _shift(environment, state)
        say(f"{environment.name}: {old.short} answers again")
        incident = measured(environment, new, old, f"rolled back by {by}", f"a rollback by {by}")
        _end(environment, new, state, incident, say)
        _record(environment, old, say)
        if schema:
            step = tables.migrate(environment, new, tables.newest_step(environment, old))
            say(f"{environment.name}: the tables are at step {step} again")
        return incident


def resume(environment: Environment, say: Say) -> None:
    """Where whoever watched a release was killed, go on watching it."""
    if environment.records.state().candidate is None or at_work(environment.folder):
        return
    with alone(environment.folder):
        state = environment.records.state()
        if state.candidate is None:
            return
        environment.records.add("resumed", revision=state.candidate.revision, subject=state.candidate.subject)
        say(f"{environment.name}: whoever watched {state.candidate.short} is gone; the watch goes on")
        try:
            watch(environment, state, say)
        except WentBack as error:
            notify(environment, error.incident, say)
        except Refused as error:
            say(f"{environment.name}: {state.candidate.short} is not released: {error}")


def _shift(environment: Environment, state: State, share: int = 0) -> None:
    """Requests first, then what a restarted haproxy would read; where none answers, it is started with that."""
    servers_ = environment.servers(state, share)
    try:
        environment.balancer.share(servers_)
    except CannotGo:
        environment.balancer.configure(servers_)
        environment.balancer.start()
    with suppress(OSError):
        environment.balancer.configure(servers_)


def _counted(environment: Environment, role: str = "public") -> Counted | None:
    try:
        return environment.balancer.counted().get(role)
    except CannotGo:
        return None


def _ready(environment: Environment, release: Running, role: str) -> bool:
    """Whether haproxy has just seen it ready, or it is when asked."""
    counted = _counted(environment, role)
    return (counted is not None and counted.ready) or servers.ask(release.port, "GET", "/readyz")[0] == 200


def _end(environment: Environment, release: Running, state: State, incident: Incident, say: Say) -> None:
    """The release that was rolled back: record it, keep its log, end it and its baseline."""
    with _anyway(environment, say):
        environment.records.put(**{name: getattr(state, name) for name in State.__slots__})
    with _anyway(environment, say):
        environment.records.add("rolled back", **asdict(incident))
    _stop(environment, release.slot, "baseline")
    with _anyway(environment, say):
        log = environment.server(release.slot).log
        incident.file(environment, ".log").write_bytes(log.read_bytes() if log.exists() else b"")
    with _anyway(environment, say):
        monitoring.aim(environment.settings)


def _stop(environment: Environment, *slots: str) -> None:
    """End these releases; none of them gets requests any more, so nobody waits for their end."""
    for slot in slots:
        environment.server(slot).stop(wait=False)


def _record(environment: Environment, release: Running, say: Say) -> None:
    """Have gate record that a release is there which it was not asked about; the way back waits for nobody."""
    try:
        gates.record(environment.settings, environment.name, release.revision)
    except Refused as error:
        say(f"{environment.name}: gate has not recorded that: {str(error).splitlines()[0]}")
        with _anyway(environment, say):
            environment.records.add("not recorded", revision=release.revision, subject=release.subject)


def record_missing(environment: Environment, say: Say) -> bool:
    """Have gate record what it could not when it came about; whether nothing is missing now."""
    events = _recorded(environment)
    if events[-1:] and events[-1]["event"] == "not recorded":
        try:
            gates.record(environment.settings, environment.name, events[-1]["revision"])
        except Refused:
            return False
        environment.records.add("recorded", revision=events[-1]["revision"])
        say(f"{environment.name}: gate has recorded {events[-1]['revision'][:9]} now")
    return True


def _recorded(environment: Environment) -> list[dict[str, Any]]:
    kinds = {"rolled back", "not recorded", "recorded", "deployed", "first"}
    return [record for record in environment.records.all() if record["event"] in kinds]


def _last_was_rollback(environment: Environment) -> bool:
    return [record["event"] for record in _recorded(environment)[-2:]] == ["rolled back", "not recorded"]


def _interrupt(environment: Environment) -> bool:
    """End the tool that is at work, if one is; whether it has rolled back what would have to be."""
    pid, before = at_work(environment.folder), environment.records.state()
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while at_work(environment.folder) == pid and time.monotonic() < end:
        time.sleep(0.02)
    bad, live = before.candidate or before.live, environment.records.state().live
    return bad is not None and live is not None and live.revision != bad.revision


@contextmanager
def _anyway(environment: Environment, say: Say) -> Iterator[None]:
    """A full disk does not stop a rollback."""
    try:
        yield
    except OSError as error:
        say(f"{environment.name}: could not be written: {error.strerror or error}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Interrupting this program again has no effect: it is about to end as it should."""
    if threading.current_thread() is not threading.main_thread():
        # Signals are the main thread's alone.
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
