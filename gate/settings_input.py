"""Parse TOML, INI, and YAML files of the repository, which anyone may have written. Pure.

Each parser raises ValueError for whatever it can't read, and takes time in proportion to the size of the file.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from typing import Any

LONGEST_INI = 128 * 1024
"""Characters. The time that configparser takes for invalid lines grows with their square."""
# Each part of a dotted key costs tomllib another walk through all the parts before it.
_DEEP_KEY = re.compile(r"(?<![\w\"'.-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){100}")


def parse_toml(data: str | bytes) -> dict[str, Any]:
    """Parse TOML. Bytes are UTF-8."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    if _DEEP_KEY.search(text):
        raise ValueError("a key has too many parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_ini(data: str | bytes, *, allow_no_value: bool = False) -> configparser.RawConfigParser:
    """Parse an INI file, in which sections and keys may be repeated. Bytes are UTF-8."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    if len(text) > LONGEST_INI:
        raise ValueError(f"the file has more than {LONGEST_INI:,} characters")
    parser = configparser.RawConfigParser(strict=False, allow_no_value=allow_no_value)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    return parser


def parse_yaml(data: str | bytes) -> Any:  # noqa: ANN401  callers check the content
    """Parse YAML, with tags for plain values alone."""
    import yaml  # noqa: PLC0415  slow to import, and few projects need it

    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    except (RecursionError, TypeError, AttributeError):
        # PyYAML's own constructors raise the latter for values that don't fit their tag.
        raise ValueError("a value is nested too deeply, or isn't of its kind") from None
