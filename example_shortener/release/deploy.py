"""Deploy beside the live release, compare, and promote or roll back. Later rollbacks take one step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace

from machine import builds, configuration, setup, tables
from machine.environments import NOT_EXPOSED, SLOTS, Environment, Running, State
from machine.problems import CannotGo, Overtaken, Refused, Say, anyway
from machine.system import PATIENCE, alone, current_user
from release import gates
from release.comparison import compare
from release.incidents import Incident, incident_of, notify, waiver_used
from release.servers import verify


class WentBack(Exception):  # noqa: N818  the name says what happened
    """The release got requests, and was rolled back. The caller notifies people of the `incident`."""

    def __init__(self, incident: Incident) -> None:
        """`incident` describes what happened."""
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
    environment.port()
    gates.fetch(environment, say)
    new = builds.resolve(environment.settings.root, name)
    gates.wait(environment, new.revision, patience, say)
    with alone(environment.deploying):
        state = environment.records.state()
        if state.candidate:
            raise CannotGo(f"the deploy of {state.candidate.short} was killed; the guard goes on with it")
        if state.live and state.live.revision == new.revision:
            say(f"{environment.name}: {new.short} is live already")
            return state.live
        try:
            waived = "" if first and not state.live else _ask_gate(environment, new, say)
            return watch(environment, _prepare(environment, new, waived, say), say)
        except Refused as error:
            environment.records.add("refused", new, reason=str(error))
            raise


def _ask_gate(environment: Environment, new: Running, say: Say) -> str:
    """Return who waived gate's requirements, and notify the seniors; "" if all are met. Raises Refused."""
    say(f"{environment.name}: asking gate about {new.revision[:9]}")
    if not record_owed(environment, say) and environment.records.state().owed == "rollback":
        raise Refused("gate could not record the last rollback, which comes first")
    waived = gates.may_enter(environment, new.revision)
    if waived:
        waiver_used(environment, new, waived, say)
    return waived


def _prepare(environment: Environment, new: Running, waived: str, say: Say) -> State:
    """Start the release and a baseline, without requests; run the smoke test, and have gate record the release."""
    records, state = environment.records, environment.records.state()
    used = {release.slot for release in state.releases.values()}
    builds.remove_old(environment.settings)
    builds.write_out(environment, new.revision)
    tables.migrate(environment, new)
    new = builds.in_slot(environment, new, next(slot for slot in SLOTS if slot not in used))
    baseline = builds.in_slot(environment, state.live, "baseline") if state.live else None
    state = records.change(state, candidate=new, baseline=baseline, waived=waived)
    try:
        configuration.apply(environment.settings)
        builds.wait(environment, new)
        say(f"{environment.name}: {new.short} runs" + (" beside the live release" if state.live else ""))
        verify(new.port, builds.api_key(environment))
        say(f"{environment.name}: the smoke test passed")
        if baseline is None:
            return state
        builds.wait(environment, baseline)
        # gate also knows releases that are rolled back later. Whatever happens, gate has to record what is live.
        owing = records.change(state, owed="rollback")
        try:
            gates.record(environment, new.revision)
        except Refused:
            records.change(owing, owed=state.owed)
            raise
        records.add("exposed", new)
        public = environment.balancer.counted()["public"]
        return records.change(
            owing, step=0, since=time.time(), requests=public.requests, failed=public.failed
        )
    except BaseException:
        with _undisturbed(), suppress(Overtaken):
            abandon(environment, records.state())
        raise


def abandon(environment: Environment, state: State) -> None:
    """Stop a candidate that hasn't had any requests."""
    environment.records.change(state, candidate=None, baseline=None, step=NOT_EXPOSED, waived="")
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
            compare(environment, state, process)
        # The first release has no visitors, and may not meet gate's requirements yet.
        done = replace(state, live=new, spare=old, candidate=None, baseline=None, step=NOT_EXPOSED, waived="",
                       owed="" if old else "first")  # fmt: skip
        with _undisturbed():
            _switch(environment, state, done)
            before = {"before": old.revision} if old else {}
            records.add("deployed" if old else "first", new, **before)
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
    records, name = environment.records, environment.name
    with _undisturbed():
        with records.changing() as state:
            exposed = state.candidate is not None and state.step > NOT_EXPOSED
            new, old = (state.candidate, state.live) if exposed else (state.live, state.spare)
            if new is None or old is None:
                raise CannotGo(f"{name}: there is no previous release to roll back to")
            back = State(live=old, owed="rollback")
            setup.ensure_ready(environment, "live" if exposed else "spare", old, say)
            try:
                environment.balancer.share(environment.servers(back))
            except CannotGo:
                # haproxy is down, and will start with the written configuration.
                records.write(back)
                configuration.apply(environment.settings, again=True)
                environment.balancer.share(environment.servers(back), PATIENCE)
            say(f"{name}: {old.short} gets all requests again" + (f": {reason}" if reason else ""))
            with anyway(name, say):
                records.write(back)
        reason, stopped_by = reason or f"rolled back by {by}", stopped_by or f"a rollback by {by}"
        incident = incident_of(environment, state, new, old, reason, stopped_by)
        with anyway(name, say):
            records.add("rolled back", **asdict(incident))
        with anyway(name, say):
            log = environment.server(new.slot).log
            incident.file(environment, ".log").write_bytes(log.read_bytes() if log.exists() else b"")
        with anyway(name, say):
            configuration.apply(environment.settings)
        with anyway(name, say):
            record_owed(environment, say)
    if schema:
        number = tables.migrate(environment, new, tables.newest_step(environment, old))
        say(f"{name}: the tables are at step {number} again")
    return incident


def record_owed(environment: Environment, say: Say, *, patience: float = PATIENCE) -> bool:
    """Have gate record what is live, if needed, and return whether nothing is left to record. One process at a time."""
    with alone(environment.folder / "recording.lock", patience=patience):
        state = environment.records.state()
        # While a candidate gets requests, the owed rollback only applies if the candidate fails.
        if not state.owed or not state.live or state.candidate:
            return True
        try:
            gates.record(environment, state.live.revision)
        except Refused as error:
            say(f"{environment.name}: gate has not recorded this yet: {str(error).splitlines()[0]}")
            return False
        with suppress(Overtaken):
            environment.records.change(state, owed="")
            environment.records.add("recorded", state.live)
        return True


def resume(environment: Environment, say: Say) -> None:
    """Resume a deploy whose process was killed."""
    with alone(environment.deploying, patience=0):
        state = environment.records.state()
        if state.candidate and state.step > NOT_EXPOSED:
            environment.records.add("resumed", state.candidate)
            say(
                f"{environment.name}: the deploy of {state.candidate.short} was killed; watching it from here"
            )
            try:
                watch(environment, state, say)
            except WentBack as error:
                notify(environment, error.incident, say)
        elif state.candidate:
            say(f"{environment.name}: the deploy of {state.candidate.short} was killed; stopping the release")
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
    """Ignore interrupts while the block runs, since it has to be completed. Only the main thread gets any."""
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
