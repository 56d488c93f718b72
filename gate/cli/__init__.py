"""The command line: one module per command, imported only when it is called.

A command module has `SUMMARY` (one line), `EXAMPLES` (shown by its `--help`), `configure(parser)`, which adds its
options, and `run(options) -> int`, which prints and returns the exit code. The core never sees the argparse namespace:
`run` passes plain arguments to a function in `gate.app`.
"""

from __future__ import annotations

COMMANDS = {
    "check": "gate.cli.check",
    "owners": "gate.cli.owners",
    "approve": "gate.cli.approve",
    "approvals": "gate.cli.approvals",
    "revoke": "gate.cli.revoke",
    "record": "gate.cli.record",
    "inbox": "gate.cli.inbox",
    "review": "gate.cli.review",
    "status": "gate.cli.status",
    "merge": "gate.cli.merge",
    "promote": "gate.cli.promote",
    "budget": "gate.cli.budget",
    "audit": "gate.cli.audit",
    "attest": "gate.cli.attest",
    "log": "gate.cli.log",
    "init": "gate.cli.init",
    "install": "gate.cli.install",
    "uninstall": "gate.cli.uninstall",
    "doctor": "gate.cli.doctor",
    "cache": "gate.cli.cache",
    "flaky": "gate.cli.flaky",
    "hook": "gate.cli.hook",
    "demo": "gate.cli.demo",
    "explain": "gate.cli.explain",
    "completion": "gate.cli.completion",
}
