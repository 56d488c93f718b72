"""Text made safe for XML and HTML, and trees of elements written out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.reports.words import visible

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def escape(text: str) -> str:
    """`text` for an element or a quoted attribute: nothing in it is markup, or forbidden in XML."""
    return "".join(_ENTITIES.get(char, char) for char in visible(text))


def escape_lines(lines: Iterable[str]) -> str:
    """Lines of text for an element; the line ends stay."""
    return "\n".join(escape(line) for line in lines)


def element(name: str, attributes: Mapping[str, object], *content: str) -> str:
    """One XML element on as many lines as it needs; `content` is markup. Attributes that are None are left out."""
    attributes_text = "".join(
        f' {key}="{escape(str(value))}"' for key, value in attributes.items() if value is not None
    )
    if not content:
        return f"<{name}{attributes_text}/>"
    inner = "\n".join(content)
    return f"<{name}{attributes_text}>\n{inner}\n</{name}>"


def document(root: str) -> str:
    """A whole XML file."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}\n'
