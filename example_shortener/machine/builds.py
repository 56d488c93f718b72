"""Build and start a release: its code on disk, a Python with its dependencies, and its gunicorn."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from machine.client import ask
from machine.environments import Environment, Running
from machine.problems import Refused, WrongUsage
from machine.settings import Settings
from machine.system import PATIENCE, free_port, run, visible

LONGEST = 900.0
"""Time limit in seconds for a release's installation, and for its migrations."""
AS_REVIEWED = "* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n"
"""Git attributes that write files exactly as committed."""
KEPT = 10
"""How many releases and Pythons to keep, beside those that are used."""


def resolve(root: Path, name: str) -> Running:
    """Return the commit that `name` refers to, as a release that isn't running yet. Raises WrongUsage.

    A name that refers to several commits is an error: anyone who can push could add a tag `origin/main`. A full commit
    id or the full name of a ref refers to one.
    """
    warn = not re.fullmatch("[0-9a-f]{40,64}|refs/.+", name)
    words = [
        "-c",
        f"core.warnAmbiguousRefs={warn}",
        "rev-parse",
        "--verify",
        "--end-of-options",
        f"{name}^{{commit}}",
    ]
    code, output = run(["git", *words], cwd=root)
    *warnings, revision = output.splitlines() or [""]
    if code:
        raise WrongUsage(f"{name}: there is no such revision in {root}")
    if warnings:
        raise WrongUsage(f"{name}: {'; '.join(warnings)}; use a full name, such as refs/remotes/origin/main")
    _, subject = run(["git", "log", "-1", "--format=%s", revision, "--"], cwd=root)
    # The author of the change, not the person who merged it.
    _, author = run(["git", "log", "-1", "--no-merges", "--format=%an <%ae>", revision, "--"], cwd=root)
    return Running("", revision, visible(subject), visible(author))


def write_out(environment: Environment, revision: str) -> None:
    """Write the code of `revision` to the folder of releases, unless it exists.

    To run exactly what was reviewed, the code is read through an empty repository, whose attributes override those of
    the candidate, and which has no replacement objects.
    """
    root, folder = environment.settings.root, environment.settings.folder / "releases"
    if (folder / revision).is_dir():
        os.utime(folder / revision)
        return
    folder.mkdir(parents=True, exist_ok=True)
    # The sample may be in a subfolder of a larger repository. Then the release is that folder.
    top, *prefix = run(["git", "rev-parse", "--show-toplevel", "--show-prefix"], cwd=root)[1].splitlines()
    with tempfile.TemporaryDirectory(prefix=f"{revision[:9]}-", dir=folder) as beside:
        reader, tree = Path(beside) / "reader.git", Path(beside) / "tree"
        tree.mkdir()
        git = ["git", f"--git-dir={reader}", f"--work-tree={tree}"]
        _need(["git", "clone", "--quiet", "--bare", "--shared", "--template=", top, str(reader)], root)
        (reader / "info").mkdir()
        (reader / "info" / "attributes").write_text(AS_REVIEWED, "utf-8")
        _need([*git, "read-tree", f"{revision}:{''.join(prefix)}"], root)
        _need([*git, "checkout-index", "--all"], tree)
        if not (tree / "shortener" / "serving.py").is_file():
            raise WrongUsage(f"{revision}: there is no shortener in it")
        tree.rename(folder / revision)


def _need(argv: Sequence[str], cwd: Path) -> None:
    code, output = run(argv, cwd=cwd, seconds=LONGEST)
    if code:
        raise Refused(f"`{' '.join(argv[:4])} …` ended with {code}: {output[-1000:]}")


def interpreter(environment: Environment, tree: Path) -> str:
    """Return the Python for the release in `tree`. Releases with the same dependencies share one."""
    settings = environment.settings
    if settings.python:
        return settings.python
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
        wanted = [sys.version.split()[0], *sorted(project.get("dependencies", []))]
        # A dependency with a URL would be built from source, by its own build code.
        if address := next(filter(None, (Requirement(words).url for words in wanted[1:])), None):
            raise Refused(f"pyproject.toml: {address} is an address; expected a version of a package")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(f"pyproject.toml does not say what the release needs: {error}") from error
    place = settings.folder / "pythons" / hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = ["-I", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--", *wanted[1:]]
        _need([sys.executable, "-I", "-m", "venv", str(place)], settings.folder)
        _need([str(python), *install], settings.folder)
        (place / "complete").touch()
    os.utime(place)
    return str(python)


def remove_old(settings: Settings) -> None:
    """Remove the code and the Pythons that no environment uses, except the newest, so that the disk never fills."""
    used = "".join(path.read_text("utf-8") for path in settings.folder.glob("*/state.json"))
    for kind in ("releases", "pythons"):
        newest_last = sorted((settings.folder / kind).glob("*"), key=lambda path: path.stat().st_mtime)
        for old in newest_last[:-KEPT]:
            if old.name not in used:
                shutil.rmtree(old, ignore_errors=True)


def api_key(environment: Environment) -> str:
    """Return an API key that can create links, or "" if none is needed."""
    path = environment.settings.api_key
    return (environment.settings.root / path).read_text("utf-8").split()[0] if path else ""


def variables(environment: Environment, scratch: Path) -> dict[str, str]:
    """Return the few environment variables that a release gets, without any tokens of a CI system."""
    settings = environment.settings
    own = {
        "SHORTENER_DATABASE": str(environment.database),
        "SHORTENER_BASE_URL": settings.base_url,
        "SHORTENER_API_KEYS": str(settings.root / settings.api_key) if settings.api_key else "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }
    passed = {name: os.environ.get(name, "") for name in ("PATH", "LANG", "HOME", "TZ")}
    return {name: value for name, value in (passed | own).items() if value}


def in_slot(environment: Environment, release: Running, slot: str) -> Running:
    """Return the release in this slot, on a port of its own."""
    port, tree, scratch = free_port(), environment.tree(release), environment.folder / f"{slot}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    words = [f"{name}={value}" for name, value in variables(environment, scratch).items()]
    words += [interpreter(environment, tree), "-m", "gunicorn", "--config", "python:shortener.serving"]
    words += ["--bind", f"127.0.0.1:{port}", "--workers", str(environment.target.workers)]
    command = f"cd {shlex.quote(str(tree))} && exec env -i {shlex.join(words)}\n"
    return dataclasses.replace(release, slot=slot, port=port, command=command)


def wait(environment: Environment, release: Running) -> None:
    """Wait until a started release is ready. Raises Refused if it exits first, or doesn't become ready."""
    service, pid = environment.server(release.slot), environment.server(release.slot).pid
    looked = began = time.monotonic()
    while True:
        status, _, text = ask(release.port, "GET", "/readyz", timeout=2)
        if status == 200:
            return
        if time.monotonic() > looked + 1:
            looked, before, pid = time.monotonic(), pid, service.pid
            if looked > began + PATIENCE or (before and pid != before):
                reason = visible(text)[:200] or status
                raise Refused(f"the release did not become ready: {reason} (see {service.log})")
        time.sleep(0.02)
