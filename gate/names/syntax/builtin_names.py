"""Names that Python defines without an import."""

from __future__ import annotations

import builtins

BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__name__", "__path__", "__doc__", "__spec__", "__package__", "__loader__", "__builtins__",
    "__annotations__", "__dict__", "__class__", "__module__", "__qualname__", "WindowsError", "reveal_type",
    "_",
}  # fmt: skip
