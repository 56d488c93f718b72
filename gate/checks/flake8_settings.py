"""Translate flake8's settings for ruff, in projects without ruff settings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gate.settings_input import parse_ini

FILES = (".flake8", "setup.cfg", "tox.ini")
"""The first one with a section `[flake8]` applies."""
STYLE = ("F403", "F405")
"""Star imports, and names that may come from one: not errors."""
CODES = (
    "E401", "E402", "E701", "E702", "E703", "E711", "E712", "E713", "E714", "E721", "E722", "E731", "E741",
    "E742", "E743", "F401", "F402", "F403", "F404", "F405", "F406", "F407", "F501", "F502", "F503", "F504",
    "F505", "F506", "F507", "F508", "F509", "F521", "F522", "F523", "F524", "F525", "F541", "F601", "F602",
    "F621", "F622", "F631", "F632", "F633", "F634", "F701", "F702", "F704", "F706", "F707", "F722", "F811",
    "F821", "F822", "F823", "F841", "F842", "F901",
)  # fmt: skip
"""The codes selected by gate that flake8 and ruff share. A syntax error is never ignored."""
PER_FILE = re.compile(r"([^\s,:]+)\s*:\s*((?:[A-Z]\d*[\s,]*)+)")


def arguments(settings: Mapping[str, bytes]) -> list[str]:
    """Return ruff arguments that have the same effect as the flake8 settings in these files."""
    section = _section(settings)
    ignored = [*STYLE, *_codes(section.get("ignore", "")), *_codes(section.get("extend-ignore", ""))]
    words = [f"--ignore={','.join(dict.fromkeys(ignored))}"]
    for pattern, listed in PER_FILE.findall(section.get("per-file-ignores", "")):
        words += [f"--per-file-ignores={pattern.removeprefix('./')}:{code}" for code in _codes(listed)]
    left_out = re.split(r"[,\s]+", f"{section.get('exclude', '')} {section.get('extend-exclude', '')}")
    return [*words, *(f"--extend-exclude={path.removeprefix('./')}" for path in left_out if path)]


def _section(settings: Mapping[str, bytes]) -> dict[str, str]:
    for name in FILES:
        try:
            parser = parse_ini(settings.get(name, b""))
        except ValueError:
            continue
        if parser.has_section("flake8"):
            lines = {key: value or "" for key, value in parser.items("flake8")}
            return {key.replace("_", "-"): re.sub(r"(?m)#.*$", "", value) for key, value in lines.items()}
    return {}


def _codes(text: str) -> Iterator[str]:
    """Yield the codes that the prefixes in a list select."""
    prefixes: Iterable[str] = filter(None, re.split(r"[,\s]+", text))
    for prefix in prefixes:
        yield from (code for code in CODES if code.startswith(prefix))
