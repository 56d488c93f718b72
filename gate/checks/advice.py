"""Advice on an environment that lacks something, in terms of the project's own tools. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gate.checks.tool import Job

# Files that show how a project is set up, most specific first, each with its command.
COMMANDS = (
    ("uv.lock", "`uv sync`"),
    ("poetry.lock", "`poetry install`"),
    ("pdm.lock", "`pdm install`"),
    ("pixi.lock", "`pixi install`"),
    ("pixi.toml", "`pixi install`"),
    ("Pipfile.lock", "`pipenv sync --dev`"),
    ("Pipfile", "`pipenv install --dev`"),
    ("environment.yml", "`conda env update --file environment.yml`"),
    ("environment.yaml", "`conda env update --file environment.yaml`"),
)
FOR_TESTS = ("dev", "test", "tests", "testing", "ci")
INSTALLABLE = ("pyproject.toml", "setup.py", "setup.cfg")


# Common pytest options in settings, and the plugins that define them.
PLUGINS = (
    ("--cov", "pytest-cov"), ("--no-cov", "pytest-cov"), ("--timeout", "pytest-timeout"), ("-n", "pytest-xdist"),
    ("--numprocesses", "pytest-xdist"), ("--dist", "pytest-xdist"), ("--maxprocesses", "pytest-xdist"),
    ("--reruns", "pytest-rerunfailures"), ("--ds", "pytest-django"), ("--dc", "pytest-django"),
    ("--reuse-db", "pytest-django"), ("--nomigrations", "pytest-django"), ("--asyncio-mode", "pytest-asyncio"),
    ("--benchmark-", "pytest-benchmark"), ("--randomly-", "pytest-randomly"), ("--random-order", "pytest-random-order"),
    ("--mypy", "pytest-mypy"), ("--ruff", "pytest-ruff"), ("--flake8", "pytest-flake8"), ("--black", "pytest-black"),
    ("--isort", "pytest-isort"), ("--html", "pytest-html"), ("--self-contained-html", "pytest-html"),
    ("--json-report", "pytest-json-report"), ("--snapshot-", "syrupy"), ("--nbval", "nbval"), ("--nbmake", "nbmake"),
    ("--socket", "pytest-socket"), ("--disable-socket", "pytest-socket"),
    ("--allow-hosts", "pytest-socket"), ("--record-mode", "pytest-recording"), ("--testmon", "pytest-testmon"),
    ("--splits", "pytest-split"), ("--picked", "pytest-picked"), ("--instafail", "pytest-instafail"),
)  # fmt: skip


def missing_plugins(message: str) -> list[str]:
    """Return the well-known pytest plugins that define the options an error message of pytest rejects."""
    words = message.partition("unrecognized arguments:")[2].split()
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    found = [
        name
        for option in options
        for prefix, name in PLUGINS
        if option == prefix or (option.startswith(prefix) and (prefix.endswith("-") or prefix == "--cov"))
    ]
    # `-nauto` and `-n4` are single words.
    found += ["pytest-xdist" for option in options if option.startswith("-n") and option != "-n"]
    return list(dict.fromkeys(found))


def setup_command(files: Iterable[str], *, existing: bool = False) -> str:
    """Return the command that installs a project with these `files` into a new or an `existing` environment."""
    paths = frozenset(files)
    for name, command in COMMANDS:
        if name in paths:
            return command
    pip = "pip" if existing else ".venv/bin/pip"
    options = [f"-r {path}" for path in _requirements(paths)]
    if paths & frozenset(INSTALLABLE):
        options.append("-e .")
    begin = "" if existing else "python3 -m venv .venv && "
    if not options:
        return f"`{begin}{pip} install pytest`, and the packages that the tests import"
    return f"`{begin}{pip} install {' '.join(options)}`, and the packages that only the tests need"


def install_command(job: Job, requirement: str) -> str:
    """Return how to install `requirement` into the project's environment, or add it to the file it is built from."""
    source = built_from(job)
    if source == "uv.lock":
        return f'`uv add --dev "{requirement}"`'
    if source == "poetry.lock":
        return f'`poetry add --group dev "{requirement}"`'
    if source == "pdm.lock":
        return f'`pdm add --dev "{requirement}"`'
    if source:
        return f'add "{requirement}" to {source}'
    return f'`pip install "{requirement}"`' + ("" if job.found else " there, or in `.venv`")


def add_to_environment(job: Job, what: str) -> str:
    """Return how to add `what`, which isn't the name of a package, to the environment."""
    source = built_from(job)
    return f"add {what} to {source}" if source else f"install {what} into {job.origin}"


def built_from(job: Job) -> str:
    """Return the file from which gate built the environment, or "" if the environment was found."""
    return job.origin.partition("built from ")[2]


def _requirements(paths: frozenset[str]) -> list[str]:
    """Return the project's requirements files, then those for development and tests."""
    names = ["requirements.txt"]
    for word in FOR_TESTS:
        names += [f"requirements-{word}.txt", f"requirements_{word}.txt", f"{word}-requirements.txt"]
        names.append(f"requirements/{word}.txt")
    return [name for name in names if name in paths]
