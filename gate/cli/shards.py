"""The option `--shard` of `gate check`: run one shard of the checks, and write a file with the results."""

from __future__ import annotations

import argparse
from pathlib import Path

from gate.app.checking.request import Answer
from gate.errors import UsageError
from gate.model import Ran
from gate.reports.words import visible
from gate.runner.shards import Shard
from gate.wording import number_in

MOST_SHARDS = 1000


def shard_of(options: argparse.Namespace) -> Shard | None:
    """Return the requested shard, if any."""
    if not options.shard:
        return None
    number, count = (number_in(text) or 0 for text in options.shard.partition("/")[::2])
    if not 1 <= number <= count <= MOST_SHARDS:
        raise UsageError(
            f"--shard {options.shard}: expected I/N, such as 2/4, with at most {MOST_SHARDS} shards"
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
    return Shard(number, count)


def write_shard(options: argparse.Namespace, answer: Answer, shard: Shard) -> int:
    """Write the results of a shard. Returns 1 if they block, and 3 if a check failed to run. `--join` makes the
    verdict.
    """
    from gate.app.checking.shards import write_part

    path = options.output or f"gate-part-{shard.number}-of-{shard.count}.json"
    write_part(Path(path), answer.verdict, shard, answer.shard_tests, options.key)
    checks = [check for check in answer.verdict.checks if check.enforced]
    blocked = [check.id for check in checks if isinstance(check, Ran) and check.failed]
    broken = [check.id for check in checks if not isinstance(check, Ran)]
    for name in blocked:
        print(f"{visible(name)} failed in this shard")
    for name in broken:
        print(f"{visible(name)} could not run in this shard")
    print(
        f"Saved shard {shard.number} of {shard.count} to {visible(path)}. `gate check --join` combines all shards."
    )
    return 1 if blocked else 3 if broken else 0
