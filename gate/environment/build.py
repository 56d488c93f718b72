"""Build environments from a tree's declarations with uv, once for each content. Old and large ones are pruned."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gate.cache_inputs import BUILD, seen_by_check
from gate.environment.build_failures import BuildFailed, failure, withheld
from gate.environment.declarations import names_of_local
from gate.environment.declared import INTERPRETER, Declared, pins
from gate.environment.interpreter import own_tool
from gate.environment.own_setup import is_own_setup
from gate.json_input import parse_json
from gate.platforms import locked
from gate.process import Cancel, supervise
from gate.result_cache import key_of

TIMEOUT = 15 * 60.0
MOST_OUTPUT = 4 * 1024 * 1024
UNUSED_FOR = 30 * 24 * 3600
MOST_BYTES = 6 * 1024**3
VERSION = re.compile(r"[0-9<>=!~^][\w.,<>=!~^* +-]*")
"""A request for a Python version that uv can't mistake for anything else."""
COMPLETE = "complete.json"
"""Written last: a folder without it is an unfinished build, and is built again."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds environments below `folder`. `environ` are the caller's variables. Setting `cancel` ends a build."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    cancel: Cancel = field(default_factory=Cancel)

    def key(self, declared: Declared) -> str:
        """Return the cache key of an environment.

        It covers the declaring files, the sources of packages, and the interpreters that uv could take.
        """
        files = {path: data for path, data in declared.contents.items() if not is_own_setup(path)}
        files |= {f"/{folder}": data for folder, data in declared.local.items()}
        parts = [repr((declared.own, declared.for_tests_alone))]
        parts += [f"{path} {key_of(data.decode('latin-1'))}" for path, data in sorted(files.items())]
        variables = {name: self.environ.get(name, "") for name in BUILD}
        # The interpreters that uv would choose: PATH may differ in a hook.
        programs = [shutil.which(name, path=self.environ.get("PATH")) for name in ("python3", "python")]
        pythons = [os.path.realpath(path) for path in programs if path]
        return key_of("2", json.dumps([variables, pythons]), *parts)

    def built(self, declared: Declared) -> Path | None:
        """Return the environment for these declarations and mark it as used, or None if it doesn't exist."""
        prefix = self.folder / self.key(declared)[:32]
        with contextlib.suppress(OSError):
            os.utime(prefix / COMPLETE)
            return prefix
        return None

    def build(self, declared: Declared, root: Path, folder: str) -> Path:
        """Return the environment for the project in `folder` of the tree at `root`, building it if necessary.

        The project itself and other packages of the tree aren't installed in it, because that is done for each tree.
        Raises BuildFailed.
        """
        existing = self.built(declared)
        if existing is not None:
            return existing
        prefix = self.folder / self.key(declared)[:32]
        with self._locked(prefix):
            existing = self.built(declared)
            if existing is not None:
                return existing
            self.prune()
            shutil.rmtree(prefix, ignore_errors=True)
            try:
                local = self._make(declared, root, folder, prefix)
                _refuse_interpreter_of_the_tree(prefix, root)
            except BaseException:
                shutil.rmtree(prefix, ignore_errors=True)
                raise
            size = sum(path.stat().st_size for path in prefix.rglob("*") if path.is_file())
            (prefix / COMPLETE).write_text(
                json.dumps({"source": declared.source, "bytes": size, "local": local})
            )
        return prefix

    @staticmethod
    def local(prefix: Path) -> tuple[str, ...]:
        """Return the folders of the tree whose packages must be added to an environment that gate built."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            return tuple(parse_json((prefix / COMPLETE).read_text())["local"])
        return ()

    def prune(self) -> None:
        """Remove environments unused for long, and the least recently used ones if all take too much space."""
        by_age = sorted(
            self.folder.glob(f"*/{COMPLETE}"), key=lambda path: path.stat().st_mtime, reverse=True
        )
        total = 0
        for path in by_age:
            with contextlib.suppress(OSError, ValueError, KeyError):
                total += int(parse_json(path.read_text())["bytes"])
                if total > MOST_BYTES or time.time() - path.stat().st_mtime > UNUSED_FOR:
                    path.unlink()
                    shutil.rmtree(path.parent, ignore_errors=True)

    @contextlib.contextmanager
    def _locked(self, prefix: Path) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(prefix.with_suffix(".lock")):
                yield
        except OSError as error:
            raise BuildFailed(
                f"gate can't build an environment in {self.folder}: {error.strerror or error}",
                "gate needs disk space and write access in the git folder",
            ) from error

    def _make(self, declared: Declared, root: Path, folder: str, prefix: Path) -> list[str]:
        """Build the environment, and return the folders of the tree whose packages must be added to it."""
        project = root / folder
        interpreter = [] if self.environ.get("UV_PYTHON") else _interpreter(declared, project)
        if declared.source == "uv.lock":
            self.uv(
                project,
                ["sync", "--locked", *interpreter, *_sync_options(declared)],
                {"UV_PROJECT_ENVIRONMENT": str(prefix)},
            )
            return list(declared.local)
        self.uv(project, ["venv", "--quiet", *interpreter, str(prefix)])
        python = str(prefix / "bin" / "python")
        with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
            overrides = Path(scratch, "local.txt")
            urls = (f"{name} @ {(root / path).as_uri()}" for name, path in names_of_local(declared).items())
            overrides.write_text("\n".join(urls), "utf-8")
            local = ["--override", str(overrides)] if declared.local else []
            for words in _install_steps(declared, Path(scratch)):
                self.uv(project, ["pip", "install", "--python", python, *words, *local])
        installed = _installed_from(prefix, root)
        if installed:
            self.uv(project, ["pip", "uninstall", "--python", python, *installed])
        return list(dict.fromkeys([*declared.local, *installed.values()]))

    def uv(self, project: Path, words: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Run uv in the folder `project`, with the same short list of variables as checks. Raises BuildFailed."""
        program = own_tool("uv")
        path = (
            program.program
            if program and program.program
            else shutil.which("uv", path=self.environ.get("PATH"))
        )
        if not path:
            raise BuildFailed("uv is not installed, so no environment can be built", "pip install uv")
        with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
            environ = build_variables(self.environ, scratch) | dict(variables or {})
            finished = supervise(
                [path, *words],
                cwd=str(project),
                env=environ,
                timeout=TIMEOUT,
                limit=MOST_OUTPUT,
                cancel=self.cancel,
            )
        if finished.ended != "exit" or finished.returncode != 0:
            raise failure(finished, withheld(self.environ))


def build_variables(environ: Mapping[str, str], scratch: str) -> dict[str, str]:
    """Return the variables of a build: those of a check, and the sources of packages if they hold no credentials."""
    secret_names = withheld(environ)
    variables = {name: environ[name] for name in BUILD if name in environ and name not in secret_names}
    settings = {"TMPDIR": scratch, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return seen_by_check(environ) | variables | settings


def _interpreter(declared: Declared, project: Path) -> list[str]:
    """Return the option that selects uv's interpreter. Raises BuildFailed if a file names a program by its path.

    uv starts whatever is at a path before gate can check it. uv reads these files by itself, but if no pyproject.toml
    marks the project, it would also look for them above the checkout.
    """
    file = next((name for name in INTERPRETER if name in declared.contents), "")
    for name in declared.interpreters:
        if not VERSION.fullmatch(name) and ("/" in name or "\\" in name or os.path.lexists(project / name)):
            raise BuildFailed(
                f"{file} names the program {name}, not a version",
                f"name a version in {file}, such as 3.12: what is at a path could be part of the change",
            )
    is_project = b"[project]" in declared.contents.get("pyproject.toml", b"")
    return [] if file or is_project else ["--python=default"]


def _refuse_interpreter_of_the_tree(prefix: Path, root: Path) -> None:
    """Raise BuildFailed if the interpreter is a file of the tree, which would then check itself."""
    interpreter = (prefix / "bin" / "python").resolve()
    if interpreter.is_relative_to(root.resolve()):
        path = interpreter.relative_to(root.resolve())
        raise BuildFailed(
            f"the interpreter {path} is part of the tree to check",
            "name a version in .python-version, not a path",
        )


def _sync_options(declared: Declared) -> list[str]:
    chosen = [f"--group={name}" for name in declared.test_groups]
    chosen += [f"--extra={name}" for name in declared.test_extras]
    workspace = b"[tool.uv.workspace]" in declared.contents.get("pyproject.toml", b"")
    chosen += [f"--no-install-package={name}" for name in names_of_local(declared)]
    return ["--no-install-workspace", *chosen, *(["--all-packages"] if workspace else [])]


def _install_steps(declared: Declared, scratch: Path) -> Iterator[list[str]]:
    """Yield the arguments of each call of `uv pip install`, in order. Files that they name are written to `scratch`."""
    source = declared.source
    if source == "pylock.toml":
        yield ["-r", "pylock.toml"]
        return
    if source in {"poetry.lock", "pdm.lock"}:
        (scratch / "pins.txt").write_text("\n".join(pins(declared)), "utf-8")
        (scratch / "wanted.txt").write_text("\n".join((*declared.required, *declared.others)), "utf-8")
        yield ["-r", str(scratch / "wanted.txt"), "-c", str(scratch / "pins.txt")]
        return
    if source == "Pipfile.lock":
        (scratch / "wanted.txt").write_text("\n".join(_pipfile(declared.contents[source])), "utf-8")
        yield ["--no-deps", "-r", str(scratch / "wanted.txt")]
        return
    words = [word for path in declared.test_files for word in ("-r", path)]
    if declared.metadata:
        words += ["-r", declared.metadata, *(f"--extra={name}" for name in declared.test_extras)]
    words += [f"--group={name}" for name in declared.test_groups]
    if declared.own.requirements:
        (scratch / "own.txt").write_text("\n".join(declared.own.requirements), "utf-8")
        words += ["-r", str(scratch / "own.txt")]
    if words:
        yield words


def _pipfile(data: bytes) -> Iterator[str]:
    lock = parse_json(data)
    for section in ("default", "develop"):
        for name, entry in (lock.get(section) or {}).items():
            extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
            if "version" in entry:
                marker = f" ; {entry['markers']}" if entry.get("markers") else ""
                yield f"{name}{extras}{entry['version']}{marker}"
            elif "git" in entry:
                yield f"{name}{extras} @ git+{entry['git']}@{entry.get('ref', 'HEAD')}"


def _installed_from(prefix: Path, root: Path) -> dict[str, str]:
    """Return the packages that were installed from the tree at `root`: their folders in it, by name."""
    urls = {}
    for note in prefix.glob("lib/python*/site-packages/*.dist-info/direct_url.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            urls[note.parent.name.partition("-")[0]] = str(parse_json(note.read_text("utf-8")).get("url"))
    top = root.resolve()
    urls = {name: url.rstrip("/") for name, url in urls.items() if url.startswith(top.as_uri())}
    if not urls:
        return {}
    folders = {path.parent for name in ("pyproject.toml", "setup.py") for path in top.rglob(name)}
    folder_names = {folder.as_uri(): folder.relative_to(top).as_posix() for folder in folders}
    return {
        name: "" if folder_names[url] == "." else folder_names[url]
        for name, url in urls.items()
        if url in folder_names
    }
