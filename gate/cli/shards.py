"""The option `--shard` of `gate check`: run one machine's share of the checks, and write a file with the results."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.checking.request import Answer
from gate.errors import UsageError
from gate.model import Ran
from gate.reports.words import visible
from gate.runner.shares import Share
from gate.wording import number_in

MOST_SHARES = 1000


def share_of(options: argparse.Namespace) -> Share | None:
    """Return the requested share, if any."""
    if not options.shard:
        return None
    number, count = (number_in(text) or 0 for text in options.shard.partition("/")[::2])
    if not 1 <= number <= count <= MOST_SHARES:
        raise UsageError(
            f"--shard {options.shard}: expected I/N, such as 2/4, with at most {MOST_SHARES} shards"
        )
    excluded = {
        "--join": options.join,
        "--record": options.record,
        "--fix": options.fix,
        "--staged": options.staged,
    }
    conflict = next((name for name, value in excluded.items() if value), "")
    if conflict:
        raise UsageError(
            f"--shard and {conflict} can't be combined", "join the shards first: `gate check --join`"
        )
    return Share(number, count)


def write_share(options: argparse.Namespace, answer: Answer, share: Share) -> int:
    """Write the results of a share. Returns 1 if they block, and 3 if a check failed to run. `--join` makes the
    verdict.
    """
    from gate.app.checking.shares import write_part

    path = options.output or f"gate-part-{share.number}-of-{share.count}.json"
    write_part(Path(path), answer.verdict, share, answer.pieces, options.key)
    checks = [check for check in answer.verdict.checks if check.enforced]
    blocked = [check.id for check in checks if isinstance(check, Ran) and check.failed]
    broken = [check.id for check in checks if not isinstance(check, Ran)]
    for name in blocked:
        print(f"{visible(name)} failed in this shard")
    for name in broken:
        print(f"{visible(name)} could not run in this shard")
    print(
        f"Saved shard {share.number} of {share.count} to {visible(path)}. `gate check --join` combines all shards."
    )
    return 1 if blocked else 3 if broken else 0
