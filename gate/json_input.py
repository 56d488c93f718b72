"""JSON that somebody else wrote: a tool, a server, an older gate, an attacker. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401  what is in it is for the caller to find out
    """The value of a JSON text; raises ValueError for anything else, nesting that is too deep included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
