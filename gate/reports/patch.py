"""Create unified diffs that `git apply` and `patch -p1` accept."""

from __future__ import annotations

from difflib import unified_diff

from gate.model import encode_path

NO_NEWLINE = "\\ No newline at end of file\n"


def patch(path: str, old_content: bytes, new_content: bytes) -> str:
    """Return the patch from `old_content` to `new_content`. Bytes that aren't UTF-8 become lone surrogates."""
    old, new = _lines(old_content), _lines(new_content)
    diff = unified_diff(old, new, _quoted(f"a/{path}"), _quoted(f"b/{path}"))
    return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in diff)


def _lines(data: bytes) -> list[str]:
    # Only a newline ends a line of a diff; other line endings belong to the line.
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _quoted(path: str) -> str:
    """Quote a path as git does in diffs: unusual bytes in octal, and a tab after a path with spaces."""
    raw = encode_path(path)
    if any(byte < 0x20 or byte >= 0x7F or byte in b'"\\' for byte in raw):
        return '"' + "".join(_byte(byte) for byte in raw) + '"'
    return f"{path}\t" if " " in path else path


def _byte(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{byte:c}"
    return f"{byte:c}" if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
