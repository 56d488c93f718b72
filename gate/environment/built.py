"""Reuse what a build wrote to the working tree for an editable install, or build the project for a checked tree."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gate.environment.build import Builder
from gate.environment.editable import SKIPPED
from gate.environment.interpreter import Environment
from gate.git.objects import Entry
from gate.result_cache import key_of

COMPILED = (".so", ".pyd")
INERT = (
    ".py", ".pyi", ".md", ".rst", ".txt", ".json", ".yaml", ".yml", ".html", ".css", ".js", ".ts", ".svg", ".png",
    ".jpg", ".gif", ".ico", ".csv", ".po", ".mo", ".sh", ".ipynb", ".lock", ".ini", ".gitignore", ".editorconfig",
)  # fmt: skip
"""Suffixes of files whose content doesn't affect an editable install, unless they are inputs of the build."""
BUILDING = frozenset(
    {"setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "versioneer.py", "build.py", "hatch_build.py"}
)
NO_REBUILD = b"""
MesonpyMetaFinder._build_cmd = property(lambda self: ["true"], lambda self, command: None)
"""
"""Appended to the module that meson-python's editable install imports at each start."""
OLD_POETRY = re.compile(rb"""^\s*build-backend\s*=\s*["']poetry\.masonry\.api["']""", re.MULTILINE)
NOT_BUILT = frozenset({"tests", "test", "docs", "doc", "examples", ".github", ".gitlab", "benchmarks"})
COMPILES = (
    ".c",
    ".cc",
    ".cpp",
    ".cxx",
    ".h",
    ".hpp",
    ".pyx",
    ".pxd",
    ".pxi",
    ".rs",
    ".f",
    ".f90",
    ".f95",
    ".go",
    ".zig",
)
"""Suffixes of the source files of compiled modules."""
COMPILING = (
    b"Extension", b"ext_modules", b"ext-modules", b"cffi_modules", b"maturin", b"scikit-build", b"mesonpy",
    b"setuptools-rust", b"setuptools_rust", b"Cython", b"cython", b"pybind11", b"mypycify", b"build.py",
)  # fmt: skip
"""Words in the settings of a build that compiles code."""
MOST_CODE = 20_000


def build_inputs(entries: Iterable[Entry], folder: str) -> tuple[Entry, ...]:
    """Return the files of the project in `folder` that determine what an in-place build writes.

    An editable install imports modules from where they are, so only modules that may hold the version count.
    """
    prefix = f"{folder}/" if folder else ""
    return tuple(
        entry
        for entry in entries
        if entry.path.startswith(prefix) and _is_input(entry.path.removeprefix(prefix))
    )


def _is_input(path: str) -> bool:
    parts = path.split("/")
    name = parts[-1]
    if NOT_BUILT & set(parts[:-1]):
        return False
    if name in BUILDING or not name.endswith(INERT):
        return True
    return (
        name.endswith(".py")
        and ("version" in name or name in {"__init__.py", "__about__.py"})
        and len(parts) <= 4
    )


def generated_files(environment: Environment, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the files in the working tree that a build wrote for an editable install, and that the tree doesn't have.

    These are compiled modules whose sources are the same in the tree and no newer, and Python files that contain only
    constants, such as a version. Other files that git ignores are the user's own.
    """
    away = environment.project
    folders = [item.folder for item in environment.editables if environment.in_project(item.folder)]
    if away is None or not folders:
        return ()
    tracked = {entry.path: entry for entry in entries}
    paths: list[str] = []
    for path in _below(folders):
        relative = os.path.relpath(path, away)
        if relative in tracked:
            continue
        if path.endswith(COMPILED):
            paths += [path] if _is_up_to_date(Path(path), away, entries) else []
        elif _holds_constants(Path(path)):
            paths.append(path)
    return tuple(paths)


def _below(folders: Iterable[str]) -> Iterable[str]:
    for folder in dict.fromkeys(folders):
        for path, below, files in os.walk(folder):
            below[:] = sorted(
                name
                for name in below
                if name not in SKIPPED | NOT_BUILT
                and not name.startswith(".")
                and "pyvenv.cfg" not in _listed(path, name)
            )
            yield from (f"{path}/{name}" for name in sorted(files) if name.endswith((".py", *COMPILED)))


def _listed(path: str, name: str) -> list[str]:
    try:
        return os.listdir(f"{path}/{name}")  # noqa: PTH208  only names are needed
    except OSError:
        return []


def _is_up_to_date(compiled: Path, away: Path, entries: Iterable[Entry]) -> bool:
    """Return whether the sources of compiled modules are the same in the working tree and no newer than `compiled`."""
    with contextlib.suppress(OSError):
        made = compiled.stat().st_mtime
        for entry in entries:
            if entry.path.endswith(COMPILES):
                source = away / entry.path
                if source.stat().st_mtime > made or _blob(source.read_bytes(), len(entry.oid)) != entry.oid:
                    return False
        return True
    return False


def _blob(data: bytes, length: int) -> str:
    digest = hashlib.sha1 if length == 40 else hashlib.sha256
    return digest(b"blob %d\0" % len(data) + data).hexdigest()


def _holds_constants(path: Path) -> bool:
    """Return whether a Python file only assigns literals to names, like the version files that builds write."""
    try:
        if path.stat().st_size > MOST_CODE:
            return False
        body = ast.parse(path.read_bytes()).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    assigns = [node for node in body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return bool(assigns) and all(_is_plain(node) for node in body)


def _is_plain(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        with contextlib.suppress(ValueError, TypeError):
            if node.value is not None and not isinstance(node.value, ast.Name | ast.Subscript | ast.BinOp):
                ast.literal_eval(node.value)
            return True
        return False
    if isinstance(node, ast.ImportFrom):
        return node.module in {"typing", "__future__"}
    if isinstance(node, ast.If):
        # `if TYPE_CHECKING:`, as written by setuptools_scm.
        return isinstance(node.test, ast.Name) and all(
            _is_plain(inner) for inner in (*node.body, *node.orelse)
        )
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def take_generated(environment: Environment, root: Path) -> None:
    """Copy the files that a build wrote for the editable install to the same paths in the tree at `root`."""
    for name in environment.generated:
        target = root / os.path.relpath(name, environment.project or root)
        if target.parent.is_dir() and target.parent.resolve().is_relative_to(root.resolve()):
            shutil.copyfile(name, target)


def needs_compiling(entries: Iterable[Entry], contents: Mapping[str, bytes], folder: str) -> bool:
    """Return whether the project's files suggest that building it compiles something."""
    prefix = f"{folder}/" if folder else ""
    has_sources = any(
        entry.path.endswith(COMPILES) and not NOT_BUILT & set(entry.path.split("/"))
        for entry in entries
        if entry.path.startswith(prefix)
    )
    text = b"".join(contents.get(name, b"") for name in ("pyproject.toml", "setup.py", "setup.cfg"))
    return has_sources and any(word in text for word in COMPILING)


def install_project(
    builder: Builder,
    environment: Environment,
    root: Path,
    folders: Sequence[str],
    inputs: Iterable[Entry],
    store: Path,
) -> None:
    """Install the projects in `folders` of the tree at `root` into `environment`, in editable mode.

    What the build writes is cached by its inputs, so the next tree with the same inputs gets a copy. Raises
    BuildFailed.
    """
    identity = environment.identity or environment.fingerprint
    key = key_of("3", identity, *folders, *(f"{entry.mode} {entry.oid} {entry.path}" for entry in inputs))[
        :32
    ]
    saved = store / key
    site = environment.prefix / "lib"
    if (saved / "complete").is_file():
        os.utime(saved / "complete")
        _copy_in(saved, environment.prefix, root)
        return
    old_state = _snapshot(environment.prefix, site, root)
    editable_options = [word for folder in folders for word in ("--editable", f"./{folder}".rstrip("/"))]
    words = ["pip", "install", "--python", str(environment.python), "--no-deps", *editable_options]
    with old_backends(root / folder for folder in folders) as variables:
        builder.uv(root, words, variables)
    for loader in site.glob("python*/site-packages/_*_editable_loader.py"):
        leave_out_rebuild(loader)
    new_state = _snapshot(environment.prefix, site, root)
    _save(
        saved,
        environment.prefix,
        root,
        sorted(path for path in new_state if old_state.get(path) != new_state[path]),
    )


@contextlib.contextmanager
def old_backends(projects: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Return variables with which poetry-core also builds projects that name its backend as it was once called.

    `poetry install` doesn't look at that name, so it still works for them.
    """
    settings = [path for path in (project / "pyproject.toml" for project in projects) if path.is_file()]
    if not any(OLD_POETRY.search(path.read_bytes()) for path in settings):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        module = Path(scratch, "poetry", "masonry", "api.py")
        module.parent.mkdir(parents=True)
        module.write_text("from poetry.core.masonry.api import *\n", "utf-8")
        yield {"PYTHONPATH": scratch}


def leave_out_rebuild(loader: Path) -> None:
    """Let an editable install of meson-python import what was built, without rebuilding it first.

    The build environment, with Cython and the like, no longer exists by then, and the checkout doesn't change.
    """
    source = loader.read_bytes()
    if b"class MesonpyMetaFinder" in source:
        loader.write_bytes(source + NO_REBUILD)


def _snapshot(prefix: Path, site: Path, root: Path) -> dict[Path, tuple[int, int]]:
    """Return the modification time (in ns) and size of each file that a build may write."""
    state = {}
    for start in (prefix / "bin", site, root):
        for folder, below, files in os.walk(start):
            below[:] = [name for name in below if name not in {".git", "__pycache__"}]
            for name in files:
                path = Path(folder, name)
                with contextlib.suppress(OSError):
                    status = path.lstat()
                    state[path] = status.st_mtime_ns, status.st_size
    return state


def _save(saved: Path, prefix: Path, root: Path, paths: Iterable[Path]) -> None:
    shutil.rmtree(saved, ignore_errors=True)
    for path in paths:
        base, name = (root, "tree") if path.is_relative_to(root) else (prefix, "environment")
        target = saved / name / path.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    saved.mkdir(parents=True, exist_ok=True)
    (saved / "complete").write_text(f"{prefix}\n{root}\n", "utf-8", "surrogateescape")


def _copy_in(saved: Path, prefix: Path, root: Path) -> None:
    """Copy cached files into another environment and tree, and replace the old paths in text files."""
    old_prefix, old_root = (saved / "complete").read_text("utf-8", "surrogateescape").splitlines()
    pairs = [(old_prefix.encode(), str(prefix).encode()), (old_root.encode(), str(root).encode())]
    for name, base in (("environment", prefix), ("tree", root)):
        for folder, _, files in os.walk(saved / name):
            for file in files:
                source = Path(folder, file)
                target = base / source.relative_to(saved / name)
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_symlink() or b"\0" in (data := source.read_bytes()):
                    shutil.copy2(source, target, follow_symlinks=False)
                    continue
                for old, new in pairs:
                    data = data.replace(old, new)
                target.write_bytes(data)
                shutil.copymode(source, target)
