"""Where packages come from: another index, or a direct link, lets a change choose what code the checks run."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterable, Iterator

from gate.model import Finding
from gate.weakenings.file_diff import FileDiff, lines_of, weakening

FILES = re.compile(
    r"(?:^|/)(?:[^/]*(?:requirements|constraints)[^/]*\.(?:txt|in)|requirements/[^/]*\.(?:txt|in)|pyproject\.toml|uv\.toml"
    r"|setup\.cfg|tox\.ini|Pipfile|Pipfile\.lock|(?:uv|poetry|pdm|pixi|conda)\.lock|conda-lock\.yml|pylock[^/]*\.toml|poetry\.toml|pdm\.toml"
    r"|pixi\.toml|\.?pip/pip\.conf|pip\.(?:conf|ini)|\.pypirc|environment\.ya?ml|\.condarc)$"
)
_OPTION = re.compile(
    r"(?:^|\s)(?P<name>--index-url|--extra-index-url|--find-links|--trusted-host|--index|--default-index|-i|-f)(?:\s+|=)(?P<value>\S+)"
)
_DIRECT = re.compile(r"(?:^|\s|@\s*)((?:git|hg|svn|bzr)\+\S+|(?:https?|ftp|file)://\S+)")
_KEY = re.compile(
    r"index|find-?links|source|registry|url|channel|trusted|no-?build-isolation|allow-insecure|repository",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"\.(?:package|packages|source|_meta|default|develop|dependency-groups)\b"
    r"|^\.tool\.(?:uv|pdm|pixi|poetry|hatch)\.|dependenc|requires"
)
"""Tables that say what is installed, and from where. Other addresses are for people."""
_ADDRESS = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/@\s]*@)?(?P<host>[^/:?#\s]+)(?::\d+)?(?P<path>[^?#\s]*)")
USUAL = frozenset({"pypi.org", "files.pythonhosted.org", "pypi.python.org"})
"""The hosts of the index that is used where nothing is said."""


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """A finding for each place that packages come from after the change, and did not before."""
    diffs = [file for file in files if FILES.search(file.path)]
    old_origins = {origin for file in diffs for origin in origins(file.path, file.old_text)}
    reported: set[str] = set()
    for file in diffs:
        for origin in origins(file.path, file.new_text):
            if origin not in old_origins and origin not in reported:
                reported.add(origin)
                yield weakening(
                    file.path, "package-index", f"packages come from {origin}, which was no source before"
                )


def origins(path: str, text: str) -> list[str]:
    """The places that a file takes packages from, each once: hosts of an index or a download, folders, repositories."""
    name = path.rpartition("/")[2]
    try:
        if name.endswith((".txt", ".in")):
            addresses = list(_in_lines(text))
        elif name == "Pipfile.lock":
            addresses = list(_in_tables(json.loads(text or "{}")))
        elif name.endswith((".toml", ".lock")) or name == "Pipfile":
            addresses = list(_in_tables(tomllib.loads(text), own=name == "pyproject.toml"))
        elif name.endswith((".yml", ".yaml", ".condarc")):
            addresses = list(_in_yaml(text))
        else:
            addresses = list(_in_ini(text))
    except (ValueError, RecursionError, configparser.Error):
        addresses = [match[1] for match in _DIRECT.finditer(text)]
    return list(dict.fromkeys(filter(None, map(_origin, addresses))))


def _origin(value: str) -> str:
    """The host of an address, with its repository; the path itself of a folder; "" for the usual index."""
    value = value.strip().strip("'\"")
    if value.startswith(("file:", "/", "./", "../", "~")):
        return value
    match = _ADDRESS.match(value.partition(";")[0])
    if match is None:
        return ""
    scheme, host, path = match["scheme"].lower(), match["host"].lower(), match["path"]
    if scheme.startswith(("git", "hg", "svn", "bzr")):
        return f"{host}{path.partition('@')[0].removesuffix('.git')}"
    if host in USUAL:
        return ""
    return f"http://{host}" if scheme == "http" else host


def _in_lines(text: str) -> Iterator[str]:
    for line in lines_of(text):
        stripped = re.sub(r"(?:^|\s)#.*", "", line)
        options = list(_OPTION.finditer(stripped))
        for match in options:
            value = match["value"]
            yield f"https://{value}" if match["name"] == "--trusted-host" and "//" not in value else value
        if not options:
            yield from (match[1] for match in _DIRECT.finditer(stripped))


def _in_tables(data: object, key: str = "", *, own: bool = False) -> Iterator[str]:
    """Addresses wherever keys say that packages come from there, and requirements that name one.

    `own` for a file that is not about packages alone.
    """
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _in_tables(value, f"{key}.{name}", own=own)
    elif isinstance(data, list):
        for value in data:
            yield from _in_tables(value, key, own=own)
    elif isinstance(data, str):
        if own and not _MEANT.search(key):
            return
        direct = _DIRECT.search(data)
        if direct and (
            _KEY.search(key)
            or "dependenc" in key
            or re.match(r"\s*[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@", data)
        ):
            yield direct[1]
        elif _KEY.search(key.rpartition(".")[2]) and data.startswith(("/", "./", "../", "~")):
            yield data


def _in_yaml(text: str) -> Iterator[str]:
    """Channels and addresses of conda's files, a line each."""
    inside = False
    for line in lines_of(text):
        if re.match(r"\S", line):
            inside = line.startswith("channels:")
        item = re.match(r"\s*-\s*[\"']?([^\s\"'#]+)", line)
        if inside and item:
            yield item[1] if "//" in item[1] else f"https://conda.anaconda.org.{item[1]}"
        yield from (match[1] for match in _DIRECT.finditer(line))


def _in_ini(text: str) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    for section in parser.sections():
        for key, value in parser.items(section):
            value = value or ""
            if re.search(r"index|find-links|trusted-host|repository", key):
                yield from (
                    word if "//" in word or word.startswith("/") else f"https://{word}"
                    for word in value.split()
                )
            elif re.search(r"deps|requires|install|env", key):
                yield from _in_lines(value)
