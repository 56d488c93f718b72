"""The project's public address, which no other module contains.

It isn't final. A test lists every file with another address, so a change here shows what else to change.
"""

from __future__ import annotations

from gate import __version__

REPOSITORY = "merge-gate/gate"
"""The project's repository on GitHub."""
SCHEMA = f"https://raw.githubusercontent.com/{REPOSITORY}/v{__version__}/gate/policy/policy.schema.json"
"""The JSON Schema of gate.yaml, as released with this version."""
