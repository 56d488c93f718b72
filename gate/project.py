"""Where the project is published: the only place in the package that says so.

The address is not final. A test lists every file that still has another one, so changing it here shows what else to
change.
"""

from __future__ import annotations

from gate import __version__

REPOSITORY = "merge-gate/gate"
"""The project's repository on GitHub."""
SCHEMA = f"https://raw.githubusercontent.com/{REPOSITORY}/v{__version__}/gate/policy/policy.schema.json"
"""The JSON Schema of gate.yaml, as released with this version."""
