"""Put a release out beside the old one, watch it, and go on or go back; and go back later, in one step."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from release import gates, monitoring, revisions, servers, tables
from release.environments import VISITED, Environment
from release.incidents import Incident
from release.problems import CannotGo, Refused
from release.processes import PATIENCE, TICK, undisturbed
from release.records import SLOTS, Running, alone, at_work
from release.verify import verify
from release.watch import Seen, reason_to_go_back

Tell = Callable[[str], None]

LOOK = 0.1
"""Seconds between two looks at a release that is watched."""
PROBE_FAILURES = 3
"""So many visits in a row that fail are a reason to go back."""


DRAINING = 10.0
"""Seconds for a release that was taken back to finish what it was answering."""


class WentBack(Exception):  # noqa: N818  the name says what happened
    """The release was out, and was taken back; `incident` tells the story."""

    def __init__(self, incident: Incident) -> None:
        """Whoever catches it tells people."""
        super().__init__(incident.reason)
        self.incident = incident


def deploy(
    environment: Environment, name: str, tell: Tell, *, let_through: str = "", patience: float = 0.0
) -> Running:
    """Put revision `name` out, unless it is; returns what is live then.

    Raises Refused if it never got a request, WentBack if it did and was taken back. `let_through` is the
    reason for which neither gate nor the smoke test are asked; it is recorded. The watch cannot be left out.
    With `patience`, it waits so many seconds for what gate asks for and time alone brings.
    """
    revision = revisions.resolve(environment.settings.root, name)
    if patience and not let_through:
        # Before anybody is kept out: a rollback need not wait for it.
        gates.wait(environment.settings, environment.name, revision.id, patience, tell)
    with alone(environment.folder):
        try:
            return _deploy(environment, revision, tell, let_through)
        except Refused as error:
            environment.records.add(
                "refused", revision=revision.id, subject=revision.subject, reason=str(error)
            )
            raise


def roll_back(environment: Environment, tell: Tell, *, by: str, schema: bool = False) -> Incident | None:
    """Give everything back to the release before, at once; returns what was wrong for how long.

    A release that is being watched is taken back by the tool that watches it, which tells about it: then there
    is nothing to return. With `schema`, the tables go back as well, to what the older release knows: what only
    the newer one has written is then only in the copy that is made before.
    """
    if _interrupt(environment):
        return None
    with alone(environment.folder, patience=PATIENCE):
        state = environment.records.state()
        new, old = (state.candidate, state.live) if state.candidate else (state.live, state.spare)
        if new is None or old is None:
            raise CannotGo(f"{environment.name}: there is no release to go back to")
        if environment.server(old.slot).pid is None:
            tell(f"{environment.name}: {old.short} is started again")
            old = _start(environment, old.slot, revisions.resolve(environment.settings.root, old.revision))
        # A haproxy that was started since does not know it.
        if not environment.balancer.counted()[old.slot].ready:
            environment.balancer.place(old.slot, old.port)
        exposure = Exposure.recorded(environment, new, old)
        environment.balancer.share({old.slot: 100, new.slot: 0})
        tell(f"{environment.name}: {old.short} answers again")
        environment.records.put(live=old, spare=None, candidate=None)
        incident = exposure.end(f"rolled back by {by}", f"a rollback by {by}")
        # The way back never waits for anybody.
        _tell_gate(environment, old, tell)
        if schema:
            step = tables.newest_step(environment.tree(old))
            tables.migrate(environment.python(new), environment.tree(new), environment.database, step)
            tell(f"{environment.name}: the tables are at step {step} again")
        monitoring.aim(environment.settings)
        return incident


def _interrupt(environment: Environment) -> bool:
    """End the tool that watches a release, if one does, and wait until it has taken the release back."""
    pid = at_work(environment.folder)
    if pid is None or environment.records.state().candidate is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while at_work(environment.folder) == pid and time.monotonic() < end:
        time.sleep(TICK)
    return environment.records.state().candidate is None


@dataclass(frozen=True, slots=True)
class Exposure:
    """A release that gets requests, and what haproxy had counted when it began to."""

    environment: Environment
    new: Running
    old: Running
    began: float
    requests: int
    failed: int

    @classmethod
    def begin(cls, environment: Environment, new: Running, old: Running) -> Exposure:
        """From now on."""
        public = environment.balancer.counted()["public"]
        environment.records.add(
            "exposed", revision=new.revision, requests=public.requests, failed=public.failed
        )
        return cls(environment, new, old, time.time(), public.requests, public.failed)

    @classmethod
    def recorded(cls, environment: Environment, new: Running, old: Running) -> Exposure:
        """From when the records say that it was last put out."""
        public = environment.balancer.counted()["public"]
        for record in reversed(environment.records.all()):
            if record["event"] == "exposed" and record["revision"] == new.revision:
                # haproxy counts from when it was started, which may have been since.
                since = record if record["requests"] <= public.requests else {"requests": 0, "failed": 0}
                return cls(environment, new, old, record["at"], since["requests"], since["failed"])
        return cls.begin(environment, new, old)

    def end(self, reason: str, stopped_by: str) -> Incident:
        """Nobody is sent to it any more: wait until it has answered those that it had, record it, and end it."""
        environment, balancer = self.environment, self.environment.balancer
        last = time.monotonic() + DRAINING
        while not balancer.drained(self.new.slot) and time.monotonic() < last:
            time.sleep(TICK)
        ended, public = time.time(), balancer.counted()["public"]
        incident = Incident.of(
            environment, self.new, self.old, began=self.began, ended=ended, reason=reason,
            stopped_by=stopped_by, requests=public.requests - self.requests, failed=public.failed - self.failed,
        )  # fmt: skip
        environment.records.add("rolled back", **incident.record())
        balancer.close(self.new.slot)
        server = environment.server(self.new.slot)
        server.stop()
        folder = environment.folder / "incidents"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(server.log, folder / f"{incident.name}.log")
        return incident


def run_server(environment: Environment, release: Running) -> Running:
    """Start a release that is written out, in its slot; returns it with its new port."""
    port = servers.start(
        environment.server(release.slot), environment.python(release), environment.tree(release),
        environment.database, environment.target.workers,
    )  # fmt: skip
    return dataclasses.replace(release, port=port)


def _deploy(environment: Environment, revision: revisions.Revision, tell: Tell, let_through: str) -> Running:
    settings, records, balancer = environment.settings, environment.records, environment.balancer
    environment.port()
    state = records.state()
    if state.candidate:
        raise CannotGo(
            f"{state.candidate.short} is half out; first take it back with: python -m release rollback"
        )
    if state.live and state.live.revision == revision.id:
        tell(f"{environment.name}: {state.live.short} is live already")
        return state.live
    first = state.live is None
    if let_through:
        records.add("let through", revision=revision.id, reason=let_through)
        tell(f"{environment.name}: gate and the smoke test are NOT asked: {let_through}")
    elif not first:
        tell(f"{environment.name}: gate is asked about {revision.id[:9]}")
        gates.may_enter(settings, environment.name, revision.id)
    slot = environment.free_slot(state.live)
    # The release before the live one, or what an interrupted deploy has left.
    environment.server(slot).stop()
    records.put(spare=None)
    try:
        new = _start(environment, slot, revision)
        tell(f"{environment.name}: {new.short} runs" + ("" if first else ", beside the old release"))
        if not let_through:
            verify(new.port, settings.link)
            tell(f"{environment.name}: it does what visitors do")
    except BaseException:
        environment.server(slot).stop()
        raise
    balancer.place(slot, new.port)
    if state.live is None:
        balancer.share({slot: 100})
        records.put(live=new)
        records.add("first", revision=new.revision, subject=new.subject)
        _tell_gate(environment, new, tell)
    else:
        records.put(candidate=new)
        monitoring.aim(settings)
        _bring_out(environment, new, state.live, tell, asked=not let_through)
        records.put(live=new, spare=state.live, candidate=None)
        records.add("deployed", revision=new.revision, subject=new.subject, before=state.live.revision)
    monitoring.aim(settings)
    return new


def _tell_gate(environment: Environment, release: Running, tell: Tell) -> None:
    """Have it recorded that a release is there which gate was not asked about."""
    try:
        gates.has_entered(environment.settings, environment.name, release.revision)
    except Refused as error:
        tell(f"{environment.name}: gate has not recorded that: {str(error).splitlines()[0]}")


def _start(environment: Environment, slot: str, revision: revisions.Revision) -> Running:
    tree = revisions.write_out(environment.settings.root, revision.id, environment.trees)
    new = Running(slot, revision.id, revision.subject, revision.author, 0)
    tables.migrate(environment.python(new), tree, environment.database)
    return run_server(environment, new)


def _bring_out(environment: Environment, new: Running, old: Running, tell: Tell, *, asked: bool) -> None:
    """Give the new release more and more of the requests; whatever goes wrong, the old one has them again.

    `asked` says whether gate allowed it, and so has to hear that it is there.
    """
    exposure = Exposure.begin(environment, new, old)
    told = False
    try:
        for share in environment.target.shares:
            environment.balancer.share({new.slot: share, old.slot: 100 - share})
            tell(f"{environment.name}: {new.short} gets {share} % of the requests")
            _watch(environment, new, old, environment.target.watch)
        if asked:
            told = True
            gates.has_entered(environment.settings, environment.name, new.revision)
    except BaseException as error:
        # Also when somebody ends this program, be it twice: first the service, then everything else.
        with undisturbed():
            environment.balancer.share({old.slot: 100, new.slot: 0})
            reason = str(error) or "somebody ended the release tool"
            tell(f"{environment.name}: {old.short} has everything again: {reason}")
            environment.records.put(candidate=None)
            ended_by = "the watch" if isinstance(error, Refused) else "the end of the watch"
            incident = exposure.end(reason, ended_by)
            monitoring.aim(environment.settings)
            if told:
                # It may be recorded, and not have come through to the others.
                _tell_gate(environment, old, tell)
        raise WentBack(incident) from error


def _watch(environment: Environment, new: Running, old: Running, seconds: float) -> None:
    """Compare both for a while; raises Refused with the reason to go back."""
    before = environment.balancer.counted()
    failures = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(LOOK)
        status, _, _ = servers.ask(new.port, "HEAD", f"/{VISITED}", timeout=2)
        failures = 0 if status == 302 else failures + 1
        if failures == PROBE_FAILURES:
            raise Refused(f"the last {failures} visits to the new release failed ({status or 'no answer'})")
        after = environment.balancer.counted()
        seen = {slot: Seen.between(before[slot], after[slot]) for slot in SLOTS}
        reason = reason_to_go_back(seen[new.slot], seen[old.slot], environment.settings.limits)
        if reason:
            raise Refused(reason)
