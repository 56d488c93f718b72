"""Parse kinds of values that several sections share: names, durations, sizes, and addresses."""

from __future__ import annotations

import re

import yaml

from gate.policy.reading import Reader

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
SIZES = {"m": 2**20, "g": 2**30}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([mg])")
TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)")
NAME = re.compile(r"@[^\s,*?!\"'\x00-\x1f\x7f]+")
EMAIL = re.compile(r"(?!\s)[^<>\x00-\x1f\x7f]+(?<!\s)")


def named(reader: Reader, wanted: str, node: yaml.Node, path: str) -> str:
    """Parse the name of a person or team. `wanted` describes what is expected."""
    name = reader.text(node, path)
    if name and not NAME.fullmatch(name):
        reader.expected(node, path, wanted)
    return name


def address(reader: Reader, node: yaml.Node, path: str) -> str:
    """Parse the address of a server, and remove a trailing slash."""
    text = reader.text(node, path)
    if text and not ADDRESS.fullmatch(text):
        reader.expected(node, path, "an address such as http://localhost:9090")
    return text.rstrip("/")


def size(reader: Reader, node: yaml.Node, path: str) -> int:
    """Parse a size in bytes of at least a megabyte."""
    match = SIZE.fullmatch(reader.text(node, path))
    count = int(float(match[1]) * SIZES[match[2]]) if match else 0
    if count < SIZES["m"]:
        reader.expected(node, path, "a size such as 500m or 2g")
    return count


def span(reader: Reader, most: float, node: yaml.Node, path: str) -> float:
    """Parse a duration into seconds: more than zero, and at most `most` days."""
    match = TIME.fullmatch(reader.text(node, path))
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= most * UNITS["d"]:
        reader.expected(
            node, path, f"a time such as 90s, 10m, or 1h, up to {f'{most:g}d' if most > 1 else '24h'}"
        )
    return seconds
