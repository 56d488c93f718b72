"""Escape text for XML and HTML, and serialize trees of elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.reports.words import visible

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def escape(text: str) -> str:
    """Escape `text` for an element or a quoted attribute, and replace characters that XML forbids."""
    return "".join(_ENTITIES.get(char, char) for char in visible(text))


def escape_lines(lines: Iterable[str]) -> str:
    """Escape lines of text for an element. Line endings stay."""
    return "\n".join(escape(line) for line in lines)


def element(name: str, attributes: Mapping[str, object], *content: str) -> str:
    """Return an XML element on as many lines as it needs. `content` is markup; None attributes are omitted."""
    attributes_text = "".join(
        f' {key}="{escape(str(value))}"' for key, value in attributes.items() if value is not None
    )
    if not content:
        return f"<{name}{attributes_text}/>"
    inner = "\n".join(content)
    return f"<{name}{attributes_text}>\n{inner}\n</{name}>"


def document(root: str) -> str:
    """Return a whole XML file."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}\n'
