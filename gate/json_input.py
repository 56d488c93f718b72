"""Parse untrusted JSON: from a tool, a server, an older gate, or an attacker. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401  callers check the content
    """Parse JSON. Raises ValueError for anything else, including excessive nesting."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
