"""Find package sources in any file: installer options, environment variables, and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gate.weakenings.file_diff import lines_of

_SUFFIXES = re.compile(
    r"\.(?:txt|in|pip|cfg|ini|toml|conf|ya?ml|sh|bash|zsh|fish|ps1|bat|cmd|env|mk|just|dockerfile|groovy|nix)$",
    re.IGNORECASE,
)
_NAMES = re.compile(
    r"\.?[^.]*|\.?env(?:rc)?(?:\..*)?|(?:Docker|Container|Make|Jenkins|Pip|Just)file(?:\..*)?|devcontainer\.json"
    r"|(?:setup|noxfile|tasks|toxfile|dodo|fabfile)\.py",
    re.IGNORECASE,
)
_DISTUTILS = re.compile(r"\.(?:cfg|ini|py)$")
_VALUE = r"""(?P<value>(?![\[=:])[^\s"',;)\]]+)"""
_LONG = re.compile(
    r"""(?<![\w-])(?:--)?(?P<name>(?:extra-)?index-url|extra-index|default-index|find-links|trusted-host"""
    r"""|allow-insecure-host|index-strategy)\b["']?[\s:=,"'\[\\]+""" + _VALUE
)
_UNDERSCORED = re.compile(
    r"""(?<![\w-])(?P<name>index_url|find_links|dependency_links)\b["']?[\s:=,"'\[]+""" + _VALUE
)
_VARIABLE = re.compile(
    r"\b(?!\w*_(?:USERNAME|PASSWORD|TOKEN)\b)(?P<name>(?:PIP|UV|PDM|POETRY|PIPENV|HATCH|RYE|CONDA|MAMBA|PIXI)_\w*"
    r"(?:INDEX|FIND_LINKS|TRUSTED_HOST|INSECURE|MIRROR|CHANNEL|REPOSITOR|SOURCE|CONFIG_FILE|PYPI)\w*)"
    r"""["']?(?:\s*[:=]\s*|\s+)["']?""" + _VALUE
)
_INSTALLER = re.compile(r"\b(?:pip[\d.]*|pipx|pip-compile|pip-sync|uv|pdm|poetry|rye|twine)\b")
_SHORT = re.compile(
    r"""(?:^|[\s"'])(?:-[if]|--index)["',\s=]*(?P<value>(?:https?|file)://[^\s"',]+)""", re.IGNORECASE
)
_CHANNEL = re.compile(r"\b(?:conda|mamba|micromamba|pixi)\b.*?\s(?:-c|--channel)[\s=]+" + _VALUE)
_REQUIREMENTS = re.compile(r"\.(?:txt|in|pip|ini|cfg|toml)$")
_YAML = re.compile(r"\.ya?ml$")
_CONDA = re.compile(r"(?:environment|conda|mamba)[^/]*\.ya?ml$|\.(?:conda|mamba)rc$")
_DEPENDENCIES = re.compile(r"^dependencies\s*:", re.MULTILINE)
_CHANNELS = re.compile(r"^\s*(?:default_)?channels\s*:\s*(?P<inline>\[[^\]]*\])?\s*(?:#.*)?$")
_ITEM = re.compile(r"""^\s*-\s*["']?(?P<value>[^\s"'#]+)""")
_OF_CHANNEL = re.compile(r"""^\s*-\s*["']?(?P<value>[\w./-]+)::\S""")
_DEFAULTS = {"index-strategy": "first-index"}
"""The values of settings that aren't set."""


def may_hold(path: str) -> bool:
    """Return whether a file may configure an installer. Documentation and most Python files don't."""
    name = path.rpartition("/")[2]
    return bool(_SUFFIXES.search(name) or _NAMES.fullmatch(name))


def sources_in(path: str, text: str) -> Iterator[str]:
    """Yield the package sources that options, variables, and keys in a file set: addresses, folders, or names."""
    requirements, distutils = _REQUIREMENTS.search(path), _DISTUTILS.search(path)
    for line in _whole_lines(text):
        stripped = re.sub(r"(?:^|\s)#.*", "", line)
        for pattern in (_LONG, _VARIABLE, *([_UNDERSCORED] if distutils else [])):
            for match in pattern.finditer(stripped):
                yield _source(match["name"].casefold().replace("_", "-"), match["value"])
        if requirements or _INSTALLER.search(stripped):
            yield from (match["value"] for match in _SHORT.finditer(stripped))
        yield from (channel(match["value"]) for match in _CHANNEL.finditer(stripped))
    if _CONDA.search(path) or (_YAML.search(path) and _DEPENDENCIES.search(text)):
        yield from _in_channels(text)


def channel(name: str) -> str:
    """Return the address of a conda channel."""
    return name if "//" in name else f"https://conda.anaconda.org.{name}"


def _whole_lines(text: str) -> list[str]:
    """Return the lines, joined with their continuation lines."""
    return lines_of(re.sub(r"\\\r?\n", " ", text))


def _source(name: str, value: str) -> str:
    if "strategy" in name:
        return (
            "" if value == _DEFAULTS["index-strategy"] else "any index that has the package (index-strategy)"
        )
    if "://" in value or value.startswith(("/", "./", "../", "~", "$", "%", "{")):
        return value
    if re.search(r"trusted-host|insecure", name):
        return f"https://{value}"
    if "channel" in name:
        return channel(value)
    if re.search(r"find-links|config-file|dependency-links", name):
        return f"./{value}"
    return ""


def _in_channels(text: str) -> Iterator[str]:
    """Yield the channels in a conda file, including those of single packages."""
    inside = False
    for line in lines_of(text):
        if head := _CHANNELS.match(line):
            inside = True
            yield from (channel(name) for name in re.findall(r"[^\s\[\],\"']+", head["inline"] or ""))
        elif re.match(r"\s*[\w-]+\s*:", line):
            inside = False
        elif inside and (item := _ITEM.match(line)):
            yield channel(item["value"])
        if item := _OF_CHANNEL.match(line):
            yield channel(item["value"])
