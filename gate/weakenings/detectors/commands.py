"""Changes to files that the policy's commands execute: a rewritten script can check whatever it likes.

The same goes for a plugin that a tool's settings name, and for a table of settings that a command reads.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping

from gate.finding import Finding
from gate.model import FileChange
from gate.policy.types import CheckSettings
from gate.settings_input import parse_ini, parse_toml
from gate.weakenings.analysis.settings_files import items, read, table
from gate.weakenings.file_diff import FileDiff, weakening

WORD = re.compile(r"[^\s\"'`;&|()<>=,]+")
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
RUN_BY: dict[str, tuple[str, ...]] = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "nox": ("noxfile.py",),
    "pre-commit": (".pre-commit-config.yaml", ".pre-commit-config.yml"),
    "tox": ("tox.ini", "tox.toml"),
    "just": ("justfile", "Justfile", ".justfile"),
    "invoke": ("tasks.py",),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "doit": ("dodo.py",),
    "npm": ("package.json",),
    "sphinx-build": ("conf.py",),
    "mkdocs": ("mkdocs.yml",),
    "flake8": (".flake8",),
    "pylint": (".pylintrc", "pylintrc", ".pylintrc.toml", "pylintrc.toml"),
    "pyright": ("pyrightconfig.json",),
    "basedpyright": ("pyrightconfig.json",),
    "bandit": (".bandit", "bandit.yaml", "bandit.yml"),
    "lint-imports": (".importlinter",),
    "semgrep": (".semgrepignore", ".semgrep.yml"),
    "ty": ("ty.toml",),
    "pyrefly": ("pyrefly.toml",),
    "yamllint": (".yamllint", ".yamllint.yml", ".yamllint.yaml"),
    "codespell": (".codespellrc",),
}
"""Files that programs read or run on their own, at the top or in a folder that they are given."""
CHECKERS = ("ty", "pyrefly", "pyright", "basedpyright")
PROGRAMS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in (*CHECKERS, "pre-commit", "nox", "tox")},
    # The types check runs the one that the project has settings for.
    "mypy": CHECKERS,
}
"""The programs that a tool of the policy runs, and whose settings aren't compared key by key."""
TABLES = {"lint-imports": "importlinter", "basedpyright": "pyright", "sphinx-build": "sphinx"}
"""Settings tables named differently from their program."""
BY_MEANING = frozenset({"ruff", "mypy", "pytest", "coverage"})
"""Programs whose settings are compared key by key."""
FORMATTERS = re.compile(r"\b(?:format|black|yapf|autopep8|isort|blue)\b")


def with_commands(
    findings: Iterable[Finding],
    files: Iterable[FileChange],
    diffs: Iterable[FileDiff],
    around: Mapping[str, bytes],
    checks: Iterable[CheckSettings],
) -> tuple[Finding, ...]:
    """Return the findings that matter to these checks, plus those about files that their commands execute."""
    checks = [check for check in checks if check.command or check.args or check.tool in PROGRAMS]
    words = {check.id: _words(check) for check in checks}
    formats = any(FORMATTERS.search(" ".join(check.command)) for check in checks)
    relevant = [finding for finding in findings if formats or finding.rule != "new-format-off"]
    paths = [file.path for file in files]
    named = {path: f"changes what the check `{name}` runs" for path, name in _named(paths, words).items()}
    plugins = {
        path: f"changes a plugin of {tool}'s" for path, tool in _plugins(around).items() if path in paths
    }
    relevant += [
        weakening(path, "guarded-command", message) for path, message in {**plugins, **named}.items()
    ]
    return (*relevant, *_tables(diffs, words))


def _words(check: CheckSettings) -> list[str]:
    words = (*PROGRAMS.get(check.tool, ()), *check.command, *check.args)
    return [word.removeprefix("./") for part in words for word in WORD.findall(part)]


def _named(paths: Iterable[str], words: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the paths that a command names or is known to read, each with the check that the command belongs to."""
    exact: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for name, arguments in words.items():
        folders = ["", *(f"{word.rstrip('/')}/" for word in arguments)]
        for previous, word in zip(["", *arguments], arguments, strict=False):
            aliases = [word, *RUN_BY.get(word.rpartition("/")[2], ())]
            ways = [f"{folder}{file}" for folder in folders for file in aliases]
            ways += [f"{word.rstrip('/')}/__main__.py", *_modules(previous, word)]
            exact |= dict.fromkeys(ways, name)
            if re.search(r"[*?[]", word):
                patterns[word] = name
    by_path = {path: exact[path] for path in paths if path in exact}
    for pattern, name in patterns.items():
        by_path |= {path: name for path in paths if fnmatch.fnmatchcase(path, pattern)}
    return by_path


def _modules(previous: str, word: str) -> Iterator[str]:
    """Yield the files that Python would run for an argument that may name a module."""
    joined = re.fullmatch(r"-[A-Za-z]*m(.+)", word)
    name = joined[1] if joined else word
    is_module = joined or "." in name or re.fullmatch(r"-[A-Za-z]*m|import|from", previous)
    if not (is_module and MODULE.fullmatch(name)):
        return
    parts = name.split(".")
    path = "/".join(parts)
    yield from (f"{path}.py", f"{path}/__main__.py")
    yield from ("/".join([*parts[:depth], "__init__.py"]) for depth in range(1, len(parts) + 1))


def _plugins(around: Mapping[str, bytes]) -> dict[str, str]:
    """Return the files in the tree that a tool's settings make it execute, each with the tool."""
    by_path: dict[str, str] = {}
    for name, data in around.items():
        settings = read(name, data) or {}
        plugins = [(plugin, "mypy") for plugin in items(settings.get("mypy", {}).get("plugins"))]
        addopts = " ".join(re.split(r"[,\s]+", str(settings.get("pytest", {}).get("addopts", ""))))
        plugins += [(plugin, "pytest") for plugin in re.findall(r"-p[ '\"]*([A-Za-z_][\w.]*)", addopts)]
        for plugin, tool in plugins:
            module = plugin.partition(":")[0]
            paths = [module] if module.endswith(".py") else list(_modules("-m", module))
            by_path |= dict.fromkeys([*paths, *(f"src/{path}" for path in paths)], tool)
    return by_path


def _tables(diffs: Iterable[FileDiff], words: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Yield a finding for each changed settings table of a program that the policy's commands run."""
    programs = {word.rpartition("/")[2]: name for name, arguments in words.items() for word in arguments}
    tables = {TABLES.get(program, program): name for program, name in programs.items()}
    for side in diffs:
        if side.path not in {"pyproject.toml", "setup.cfg", "tox.ini"}:
            continue
        old, new = _by_program(side.path, side.old), _by_program(side.path, side.new)
        for program in sorted((old.keys() | new.keys()) & tables.keys() - BY_MEANING):
            if old.get(program) != new.get(program):
                message = f"changes the settings of `{program}`, which the check `{tables[program]}` runs"
                yield weakening(side.path, "guarded-command", message)


def _by_program(name: str, data: bytes | None) -> dict[str, object]:
    """Return the tables of a file by the program that reads them. Empty if it can't be parsed, which is reported
    elsewhere.
    """
    try:
        text = (data or b"").decode("utf-8-sig")
        if name.endswith(".toml"):
            return dict(table(parse_toml(text).get("tool")))
        parser = parse_ini(text)
    except ValueError:
        return {}
    by_program: dict[str, dict[str, str]] = {}
    for section in parser.sections():
        program = re.split(r"[:.]", section.removeprefix("tool:"))[0]
        program = "tox" if program.startswith("testenv") else program
        by_program.setdefault(program, {}).update(
            {f"{section}.{key}": value for key, value in parser.items(section)}
        )
    return dict(by_program)
