"""Package sources: with another index or a direct link, a change can choose the code that checks run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.json_input import parse_json
from gate.settings_input import parse_ini, parse_toml
from gate.weakenings.detectors import installer_options, uv_settings
from gate.weakenings.file_diff import FileDiff, lines_of, weakening

FILES = re.compile(
    r"(?:^|/)(?:[^/]*(?:requirement|constraint)[^/]*\.(?:txt|in)|requirements?/[^/]*\.(?:txt|in)|pyproject\.toml|uv\.toml"
    r"|setup\.cfg|tox\.(?:ini|toml)|hatch\.toml|pants\.toml|buildout\.cfg|\.pip-tools\.toml|Pipfile|Pipfile\.lock|(?:uv|poetry|pdm|pixi|conda)\.lock|conda-lock\.yml|pylock[^/]*\.toml|poetry\.toml|\.?pdm\.toml"
    r"|pixi\.toml|\.?pip/pip\.conf|pip\.(?:conf|ini)|\.pypirc|environment\.ya?ml|\.condarc)$"
)
_DIRECT = re.compile(r"(?:^|\s|@\s*)((?:git|hg|svn|bzr)\+\S+|(?:https?|ftp|file)://\S+)", re.IGNORECASE)
_NAMED = re.compile(
    r"^\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@\s*((?:git|hg|svn|bzr)\+\S+|(?:https?|ftp|file)://\S+)",
    re.IGNORECASE | re.MULTILINE,
)
"""A requirement that names its source, in any file."""
_KEY = re.compile(
    r"index|find-?links|source|registry|url|channel|mirror|trusted|no-?build-isolation|allow-insecure|repository",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"\.(?:package|packages|source|_meta|default|develop|dependency-groups)\b"
    r"|^\.tool\.(?:uv|pdm|pixi|poetry|hatch|rye|tox|pip-tools|conda-lock|cibuildwheel)\.|dependenc|requires"
)
"""Tables that define what is installed, and from where. URLs in other tables are for people."""
_ADDRESS = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/@\s]*@)?(?P<host>[^/:?#\s]+)(?::\d+)?(?P<path>[^?#\s]*)")
USUAL = frozenset({"pypi.org", "files.pythonhosted.org", "pypi.python.org"})
"""The hosts of the default index."""


def may_hold(path: str) -> bool:
    """Return whether a file may set package sources."""
    return FILES.search(path) is not None or installer_options.may_hold(path)


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each package source that the change adds."""
    diffs = [file for file in files if may_hold(file.path)]
    old_origins = {origin for file in diffs for origin in origins(file.path, file.old_text)}
    reported: set[str] = set()
    for file in diffs:
        for origin in origins(file.path, file.new_text):
            if origin not in old_origins and origin not in reported:
                reported.add(origin)
                yield weakening(
                    file.path, "package-index", f"packages come from {origin}, which was not a source before"
                )
    old_settings = {text for file in diffs for text in _uv_settings(file.path, file.old_text)}
    for file in diffs:
        for text in _uv_settings(file.path, file.new_text):
            if text not in old_settings:
                old_settings.add(text)
                yield weakening(file.path, "package-index", f"{text}; on the base, it does not")


def _uv_settings(path: str, text: str) -> list[str]:
    """Return what uv's settings in a file decide, apart from those whose value is reported as a package source."""
    name, data = path.rpartition("/")[2], None
    with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError):
        if name == "uv.toml":
            data = parse_toml(text)
        elif name == "pyproject.toml":
            data = parse_toml(text)["tool"]["uv"]
    settings = uv_settings.settings_in(path, text, data)
    reported = {origin.removeprefix("./") for origin in ("", *origins(path, text))}
    return [decides for value, decides in settings if _origin(value).removeprefix("./") not in reported]


def origins(path: str, text: str) -> list[str]:
    """Return the package sources in a file, without duplicates: hosts of indexes or downloads, folders, and
    repositories.
    """
    addresses = [*_in_tool_file(path, text), *installer_options.sources_in(path, text)]
    return list(dict.fromkeys(filter(None, map(_origin, addresses))))


def _in_tool_file(path: str, text: str) -> list[str]:
    """Return the package sources in a file whose format is known."""
    name = path.rpartition("/")[2]
    if FILES.search(path) is None:
        return [match[1] for match in _NAMED.finditer(text)] if name.endswith((".txt", ".in", ".pip")) else []
    try:
        if name.endswith((".txt", ".in")):
            return list(_in_lines(text))
        if name == "Pipfile.lock":
            return list(_in_tables(parse_json(text or "{}")))
        if name.endswith((".toml", ".lock")) or name == "Pipfile":
            return list(_in_tables(parse_toml(text), own=name == "pyproject.toml"))
        if name.endswith((".yml", ".yaml", ".condarc")):
            return [match[1] for match in _DIRECT.finditer(text)]
        return list(_in_ini(text))
    except (ValueError, RecursionError):
        return [match[1] for match in _DIRECT.finditer(text)]


def _origin(value: str) -> str:
    """Return an address's host and repository, "" for the default index, or the value itself if it isn't an address."""
    value = value.strip().strip("'\"")
    if "://" not in value.partition(";")[0] or value.startswith(("file:", "$", "{")):
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
    """Yield the direct links in a requirements file. Its options are parsed like those of any other file."""
    for line in lines_of(text):
        stripped = re.sub(r"(?:^|\s)#.*", "", line)
        if not re.match(r"\s*-(?!r|c|e|-requirement|-constraint|-editable)", stripped):
            yield from (match[1] for match in _DIRECT.finditer(stripped))


def _in_tables(data: object, key: str = "", *, own: bool = False) -> Iterator[str]:
    """Yield addresses under keys that set package sources, and those in requirements.

    `own` is for files that aren't only about packages.
    """
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _in_tables(value, f"{key}.{name}", own=own)
    elif isinstance(data, list):
        for value in data:
            yield from _in_tables(value, key, own=own)
    elif data is False and re.search(r"verify[-_]ssl$", key):
        yield "an index whose certificate is not verified"
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
        elif re.search(r"\.channels$", key):
            yield installer_options.channel(data)
        elif _KEY.search(key.rpartition(".")[2]) and data.startswith(("/", "./", "../", "~")):
            yield data


def _in_ini(text: str) -> Iterator[str]:
    parser = parse_ini(text, allow_no_value=True)
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
