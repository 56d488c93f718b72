"""Deploy beside the live release, compare, and promote or roll back. Later rollbacks take one step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace

from release import configuration, gates, servers, tables
from release.canary import decide
from release.comparison import Comparison
from release.environments import PREPARING, SLOTS, Environment, Running, State
from release.incidents import Incident, incident_of, notify, waiver_used
from release.machine import PATIENCE, alone, current_user
from release.problems import CannotGo, Overtaken, Refused, anyway

Say = Callable[[str], None]
LOOK = 0.1
"""Seconds between two probes of a release that is being watched."""
PROCESS_EVERY = 5
"""Check the new release's process once in this many probes."""
LONGER = 3
"""How many times the planned period an inconclusive comparison may take."""


class WentBack(Exception):  # noqa: N818  the name says what happened
    """The release got requests, and was rolled back."""

    def __init__(self, incident: Incident) -> None:
        """`incident` describes what happened. The caller notifies people."""
        super().__init__(incident.reason)
        self.incident = incident


def deploy(
    environment: Environment, name: str, say: Say, *, patience: float = 0.0, first: bool = False
) -> Running:
    """Deploy revision `name`, unless it is live, and return the live release.

    Raises Refused if it never got a request, and WentBack if it did and was rolled back. `patience` is how many seconds
    to wait for gate requirements that only need time. gate is asked about every release except the `first` one in an
    environment without any.
    """
    settings = environment.settings
    environment.port()
    if trouble := gates.fetch(settings):
        say(f"{environment.name}: {trouble}")
    new = servers.resolve(settings.root, name)
    if patience:
        gates.wait(settings, environment.name, new.revision, patience, say)
    with alone(environment.deploying):
        state = environment.records.state()
        if state.candidate:
            raise CannotGo(f"{state.candidate.short} is half out; `python -m release rollback` takes it back")
        if state.live and state.live.revision == new.revision:
            say(f"{environment.name}: {new.short} is live already")
            return state.live
        try:
            waived = "" if first and not state.live else _ask_gate(environment, new, say)
            return watch(environment, _prepare(environment, new, waived, say), say)
        except Refused as error:
            fields = {"revision": new.revision, "subject": new.subject, "reason": str(error)}
            environment.records.add("refused", **fields)
            raise


def _ask_gate(environment: Environment, new: Running, say: Say) -> str:
    """Return who waived gate's requirements, and notify the seniors; "" if all are met. Raises Refused."""
    say(f"{environment.name}: asking gate about {new.revision[:9]}")
    if not record_owed(environment, say) and environment.records.state().owed == "rollback":
        raise Refused("gate has not recorded the last rollback yet, and does not now")
    waived = gates.may_enter(environment.settings, environment.name, new.revision)
    if waived:
        waiver_used(environment, new, waived, say)
    return waived


def _prepare(environment: Environment, new: Running, waived: str, say: Say) -> State:
    """Start the release and a baseline, without requests; run the smoke test, and have gate record the release."""
    records, state = environment.records, environment.records.state()
    used = {release.slot for release in state.releases.values()}
    servers.write_out(environment, new.revision)
    tables.migrate(environment, new)
    new = servers.in_slot(environment, new, next(slot for slot in SLOTS if slot not in used))
    baseline = servers.in_slot(environment, state.live, "baseline") if state.live else None
    with records.changing(state):
        state = records.write(replace(state, candidate=new, baseline=baseline, waived=waived))
    try:
        configuration.apply(environment.settings)
        servers.wait(environment, new)
        say(f"{environment.name}: {new.short} runs" + (" beside the live release" if state.live else ""))
        servers.verify(new.port, servers.api_key(environment))
        say(f"{environment.name}: the smoke test passed")
        if baseline is None:
            return state
        servers.wait(environment, baseline)
        # gate also knows releases that are rolled back later. Whatever happens, gate has to record what is live.
        with records.changing(state):
            owing = records.write(replace(state, owed="rollback"))
        try:
            gates.record(environment.settings, environment.name, new.revision)
        except Refused:
            with records.changing(owing):
                records.write(state)
            raise
        records.add("exposed", revision=new.revision, subject=new.subject)
        public = environment.balancer.counted()["public"]
        out = replace(owing, step=0, since=time.time(), requests=public.requests, failed=public.failed)
        with records.changing(owing):
            return records.write(out)
    except BaseException:
        with _undisturbed(), suppress(Overtaken):
            abandon(environment, records.state())
        raise


def abandon(environment: Environment, state: State) -> None:
    """Stop a candidate that hasn't had any requests."""
    with environment.records.changing(state):
        environment.records.write(replace(state, candidate=None, baseline=None, step=PREPARING, waived=""))
    configuration.apply(environment.settings)


def watch(environment: Environment, state: State, say: Say) -> Running:
    """Send a growing share of the requests to the candidate. If anything goes wrong, the live release gets all of them.

    If another process was killed while it watched, resume at the same step.
    """
    new, old, records = state.candidate, state.live, environment.records
    if new is None:
        raise CannotGo(f"{environment.name}: no release is being watched")
    try:
        process = environment.server(new.slot).pid
        for step in range(state.step, len(environment.target.shares)) if old else ():
            state = _switch(environment, state, replace(state, step=step))
            say(f"{environment.name}: {new.short} gets {environment.target.shares[step]} % of the requests")
            _compare(environment, state, process)
        done = replace(state, live=new, spare=old, candidate=None, baseline=None, step=PREPARING, waived="")
        with _undisturbed():
            # The first release has no visitors, and may not meet gate's requirements yet.
            _switch(environment, state, replace(done, owed="" if old else "first"))
            before = {"before": old.revision} if old else {}
            records.add("deployed" if old else "first", revision=new.revision, subject=new.subject, **before)
        record_owed(environment, say)
        return new
    except Overtaken:
        raise
    except BaseException as error:
        if old is None:
            with suppress(Overtaken):
                abandon(environment, state)
            raise
        # Roll back even if this program is interrupted, and even twice.
        reason = str(error) or "somebody ended the release tool"
        by = "the watch" if isinstance(error, Refused) else "the end of the watch"
        incident = roll_back(environment, say, by=current_user(), reason=reason, stopped_by=by)
        raise WentBack(incident) from error


def _switch(environment: Environment, was: State, state: State) -> State:
    """Route requests as `state` says, now and after a restart of haproxy."""
    with environment.records.changing(was):
        environment.records.write(state)
        environment.balancer.share(environment.servers(state))
    configuration.apply(environment.settings)
    return state


def _compare(environment: Environment, state: State, process: int | None) -> None:
    """Compare the candidate with its baseline for a while. Raises Refused with the reason to roll back.

    `process` is the candidate's process: it may crash and be restarted so quickly that hardly any request fails.
    """
    new, baseline, seconds = state.candidate, state.baseline, environment.target.watch
    if new is None or baseline is None:
        return
    limits, comparison = environment.settings.limits, Comparison(environment, new, baseline)
    server, began = environment.server(new.slot), time.monotonic()
    while True:
        time.sleep(LOOK)
        if environment.records.state() != state:
            raise Overtaken(f"{new.short} was rolled back by somebody else meanwhile")
        comparison.probe()
        if comparison.probes % PROCESS_EVERY == 0 and server.pid != process:
            raise Refused(f"the new release ended, and was started again (see {server.log})")
        decision, answer = decide(comparison.counts(), limits)
        over = time.monotonic() - began
        if decision == "fail":
            raise Refused(answer)
        if decision == "pass" and over >= seconds:
            return
        if over >= max(seconds, limits.least_visits * LOOK * 2) * LONGER:
            raise Refused(f"still inconclusive after {over:.0f} s: {answer}")


def roll_back(
    environment: Environment,
    say: Say,
    *,
    by: str,
    schema: bool = False,
    reason: str = "",
    stopped_by: str = "",
) -> Incident:
    """Send all requests to the previous release at once, and return the incident.

    A deploy in progress notices this, and ends. With `schema`, the tables are also migrated back to the older release's
    version. Data that only the newer release has written is then only in the copy made before.
    """
    records = environment.records
    with _undisturbed():
        with records.changing() as state:
            half_out = state.candidate is not None and state.step > PREPARING
            new, old = (state.candidate, state.live) if half_out else (state.live, state.spare)
            if new is None or old is None:
                raise CannotGo(f"{environment.name}: there is no release to go back to")
            back = State(live=old, owed="rollback")
            if not _ready(environment, old, "live" if half_out else "spare"):
                say(f"{environment.name}: {old.short} is started again")
                configuration.apply(environment.settings, again=True)
                servers.wait(environment, old)
            try:
                environment.balancer.share(environment.servers(back))
            except CannotGo:
                # haproxy is down, and will start with the written configuration.
                records.write(back)
                configuration.apply(environment.settings, again=True)
                environment.balancer.share(environment.servers(back), PATIENCE)
            say(
                f"{environment.name}: {old.short} answers everything again"
                + (f": {reason}" if reason else "")
            )
            with anyway(environment.name, say):
                records.write(back)
        by_hand = (f"rolled back by {by}", f"a rollback by {by}")
        incident = incident_of(environment, state, new, old, reason or by_hand[0], stopped_by or by_hand[1])
        with anyway(environment.name, say):
            records.add("rolled back", **asdict(incident))
        with anyway(environment.name, say):
            log = environment.server(new.slot).log
            incident.file(environment, ".log").write_bytes(log.read_bytes() if log.exists() else b"")
        with anyway(environment.name, say):
            configuration.apply(environment.settings)
        with anyway(environment.name, say):
            record_owed(environment, say)
    if schema:
        step = tables.migrate(environment, new, tables.newest_step(environment, old))
        say(f"{environment.name}: the tables are at step {step} again")
    return incident


def _ready(environment: Environment, release: Running, role: str) -> bool:
    """Return whether haproxy's health check, or else the release itself, says that the release is ready."""
    with suppress(CannotGo, KeyError):
        if environment.balancer.counted()[role].ready:
            return True
    return servers.ask(release.port, "GET", "/readyz")[0] == 200


def record_owed(environment: Environment, say: Say, *, patience: float = PATIENCE) -> bool:
    """Have gate record what is live, if needed, and return whether nothing is left to record. One process at a time."""
    with alone(environment.folder / "recording.lock", patience=patience):
        state = environment.records.state()
        # While a candidate gets requests, the owed rollback only applies if the candidate fails.
        if not state.owed or not state.live or state.candidate:
            return True
        try:
            gates.record(environment.settings, environment.name, state.live.revision)
        except Refused as error:
            say(f"{environment.name}: gate has not recorded that: {str(error).splitlines()[0]}")
            return False
        with suppress(Overtaken), environment.records.changing(state):
            environment.records.write(replace(state, owed=""))
            environment.records.add("recorded", revision=state.live.revision)
        return True


def resume(environment: Environment, say: Say) -> None:
    """Resume a deploy whose process was killed."""
    with alone(environment.deploying, patience=0):
        state = environment.records.state()
        if state.candidate and state.step > PREPARING:
            environment.records.add(
                "resumed", revision=state.candidate.revision, subject=state.candidate.subject
            )
            say(f"{environment.name}: whoever watched {state.candidate.short} is gone; the watch goes on")
            try:
                watch(environment, state, say)
            except WentBack as error:
                notify(environment, error.incident, say)
        elif state.candidate:
            say(f"{environment.name}: whoever prepared {state.candidate.short} is gone; it is ended")
            abandon(environment, state)


def settle(environment: Environment, say: Say) -> None:
    """Bring what is running in line with the recorded state, and have gate record what it hasn't yet."""
    with alone(environment.deploying, patience=0):
        state = environment.records.state()
        if configuration.apply(environment.settings):
            with environment.records.changing(state):
                environment.balancer.share(environment.servers(state))
    record_owed(environment, say, patience=0)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore interrupts while the block runs, since it has to be completed."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread gets signals.
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
