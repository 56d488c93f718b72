"""The layers hold: the table in docs/architecture.md is read, and every import is held against it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDGES = {
    "start a program": {
        "gate.process": "the process edge",
        "gate.answer_cache": "asks git once, before anything is imported",
        "gate.git.history": "the last commits and git's settings, through GitPython",
        "gate.names.store.workers": "its own workers, by fork",
        "gate.names.resolve.environment": "asks the project's interpreter where its packages are",
        "gate.plugins": "programs that run in the process of a tool, or supervise it",
    },
    "open a connection": {
        "gate.forges": "pull requests and webhooks",
        "gate.prometheus": "metrics",
        "gate.shared_results": "results of other machines",
    },
}
"""Who may do what, and why."""
MODULES_THAT = {
    "start a program": {"subprocess", "multiprocessing", "pty", "_posixsubprocess", "_winapi", "git"},
    "open a connection": {
        "socket", "ssl", "socketserver", "http", "urllib.request", "urllib3", "ftplib", "smtplib", "poplib", "imaplib",
        "telnetlib", "nntplib", "xmlrpc", "requests", "httpx", "aiohttp", "github", "gitlab", "obstore",
    },
}  # fmt: skip
NAMES_THAT = {
    "start a program": re.compile(
        r"os\.(system|popen|fork|forkpty|startfile|(posix_)?spawn\w*|exec[lv]\w*)"
        r"|asyncio(\.subprocess)?\.(create_subprocess_\w+)|concurrent\.futures(\.process)?\.ProcessPoolExecutor"
    ),
    "open a connection": re.compile(r"asyncio\.(open|start_server|open_unix|start_unix)\w*|os\.mkfifo"),
}
"""Functions that do it, by their full name."""
STANDALONE = {
    "gate.names": {"gate.names", "gate.store", "gate.finding"},
    "gate.plugins": set[str](),
    "gate.answer_cache": {"gate.cache_inputs", "gate.store"},
    "gate.__main__": {"gate.answer_cache", "gate.cli.main"},
    "gate": set[str](),
}
"""What is outside the layers, and all that it may import of gate: it runs by itself, or before anything else."""
IMPURE = ("subprocess", "os", "pathlib", "shutil", "tempfile", "socket", "time", "io", "git")


@cache
def layers() -> list[list[str]]:
    """The rows of the drawing, top to bottom, as the document has them."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.search(r"<!-- layers -->\n```\n(.*?)```", text, re.DOTALL)
    assert drawing, "docs/architecture.md has lost its drawing"
    rows = []
    for line in drawing[1].splitlines():
        names = line.split("  ")[0].split()
        if names and not line.startswith(("-", " ")):
            rows.append([f"gate.{name.rstrip('/')}" for name in names])
    return rows


@cache
def pure_rows() -> list[list[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.search(r"<!-- layers -->\n```\n(.*?)```", text, re.DOTALL)
    assert drawing
    below = drawing[1].split("-----", 1)[1].splitlines()[1:]
    return [
        [f"gate.{name.rstrip('/')}" for name in line.split("  ")[0].split()]
        for line in below
        if line and not line.startswith(" ")
    ]


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "gate").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def imports(path: Path) -> set[str]:
    """Every module that the file imports, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def row_of(module: str, rows: list[list[str]]) -> int | None:
    for number, row in enumerate(rows):
        if any(module == name or module.startswith(f"{name}.") for name in row):
            return number
    return None


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def standalone_of(module: str) -> str:
    """The entry of `STANDALONE` that the module belongs to; "" for none."""
    return next(
        (name for name in STANDALONE if module == name or (name != "gate" and is_within(module, name))), ""
    )


def reaches(tree: ast.Module) -> dict[str, set[str]]:
    """What in a module starts a program or opens a connection, however it is imported."""
    bound: dict[str, str] = {}
    uses: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            uses |= {alias.name for alias in node.names}
            bound |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            uses |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
            bound |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("__import__", "import_module")):
            uses |= {str(item.value) for item in node.args[:1] if isinstance(item, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            uses.add(f"{bound.get(first, first)}.{rest}")
    return {
        what: {
            use
            for use in uses
            if any(is_within(use, name) for name in MODULES_THAT[what]) or NAMES_THAT[what].fullmatch(use)
        }
        for what in EDGES
    }


@cache
def reaches_of(module: str) -> dict[str, set[str]]:
    """The same of a module of gate, which is parsed once for all tests."""
    return reaches(ast.parse(MODULES[module].read_text()))


MODULES = modules()


def test_every_module_has_a_place_in_the_drawing() -> None:
    rows = layers()
    assert [name for name in MODULES if row_of(name, rows) is None and not standalone_of(name)] == []


def test_everything_in_the_drawing_exists() -> None:
    for row in layers():
        for name in row:
            assert name in MODULES, f"the drawing shows {name}, which is not there"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module: str) -> None:
    rows = layers()
    own = row_of(module, rows)
    if own is None:
        return
    for target in imports(MODULES[module]):
        if not target.startswith("gate.") or target not in MODULES:
            continue
        other = row_of(target, rows)
        if other is not None:
            assert other >= own, f"{module} imports {target}, which is in a layer above it"


def package_of(module: str, parent: str) -> str:
    """What `parent` contains that the module is, or belongs to."""
    return ".".join(module.split(".")[: parent.count(".") + 2])


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other, each sorted."""

    def reachable(node: str) -> set[str]:
        reached: set[str] = set()
        ahead = [node]
        while ahead:
            new = edges.get(ahead.pop(), set()) - reached
            reached |= new
            ahead += new
        return reached

    closure = {node: reachable(node) for node in edges}
    groups = {
        frozenset(other for other in reached if node in closure.get(other, set()))
        for node, reached in closure.items()
        if node in reached
    }
    return sorted(sorted(group) for group in groups)


PACKAGES = sorted({name.rpartition(".")[0] for name in MODULES if "." in name})
CIRCULAR = {
    "gate.names": "its folders share the steps of one analysis",
    "gate.names.infer": "what a value is depends on classes, calls, and annotations, and these on values",
    "gate.log": "the store takes over a compacted log, which is read as part of what is admitted",
}
"""Packages whose parts import each other in a circle, and why."""


def circles_in(parent: str) -> list[list[str]]:
    """The parts of a package that import each other; imports inside functions and for types alone count as well."""
    edges: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if is_within(module, parent) and module != parent:
            own = package_of(module, parent)
            targets = {name for name in imports(path) if name in MODULES and name.startswith(f"{parent}.")}
            edges.setdefault(own, set()).update({package_of(target, parent) for target in targets} - {own})
    return circles(edges)


@pytest.mark.parametrize("parent", PACKAGES)
def test_the_parts_of_a_package_import_each_other_in_one_direction(parent: str) -> None:
    if parent in CIRCULAR:
        assert circles_in(parent), f"{parent} has no circle any more: remove it from the list"
    else:
        assert circles_in(parent) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.parametrize("module", [name for name in sorted(MODULES) if standalone_of(name)])
def test_what_runs_by_itself_imports_nothing_else(module: str) -> None:
    allowed = STANDALONE[standalone_of(module)]
    targets = {target for target in imports(MODULES[module]) if target in MODULES and target != "gate"}
    lost = {target for target in targets if not any(is_within(target, name) for name in allowed)}
    assert not lost, f"{module} imports {sorted(lost)}: only {sorted(allowed)} may be"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_edges_touch_the_outside(module: str) -> None:
    for what, uses in reaches_of(module).items():
        homes = EDGES[what]
        if not any(is_within(module, home) for home in homes):
            assert not uses, f"{module} uses {sorted(uses)}: only {sorted(homes)} may {what}"


@pytest.mark.parametrize("what", EDGES)
def test_every_edge_is_one(what: str) -> None:
    """A module that no longer reaches outside is taken off the list."""
    using = {name for name in MODULES if reaches_of(name)[what]}
    assert [home for home in EDGES[what] if not any(is_within(name, home) for name in using)] == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import subprocess", "start a program"),
        ("from git import Repo", "start a program"),
        ("import os\nos.posix_spawnp('git', [], {})", "start a program"),
        ("from os import execv as run", "start a program"),
        ("import os as system\nsystem.fork()", "start a program"),
        ("from multiprocessing import Pool", "start a program"),
        ("from concurrent.futures import ProcessPoolExecutor", "start a program"),
        ("import asyncio\nasyncio.create_subprocess_exec('git')", "start a program"),
        ("def f():\n    from urllib.request import urlopen", "open a connection"),
        ("from urllib import request", "open a connection"),
        ("import http.client", "open a connection"),
        ("import asyncio\nasyncio.open_connection('host', 80)", "open a connection"),
        ("__import__('socket')", "open a connection"),
        ("import importlib\nimportlib.import_module('socket')", "open a connection"),
    ],
)
def test_every_way_out_is_seen(source: str, what: str) -> None:
    assert [name for name, uses in reaches(ast.parse(source)).items() if uses] == [what]


def test_what_stays_inside_is_no_way_out() -> None:
    source = "import os\nfrom urllib.parse import quote\nos.path.join(os.getcwd(), os.environ['x'])"
    assert not any(reaches(ast.parse(source)).values())


SETTINGS_FORMATS = {
    "gate.settings_input": "the only parsers of TOML and INI",
    "gate.names": "runs by itself",
    "gate.environment.metadata": "entry points of installed packages, in a dialect of their own",
}
"""Who may import `tomllib` or `configparser`, and why."""


def test_settings_are_parsed_in_one_place() -> None:
    parsing = {name for name, path in MODULES.items() if imports(path) & {"tomllib", "configparser"}}
    assert [home for home in SETTINGS_FORMATS if not any(is_within(name, home) for name in parsing)] == []
    assert not {name for name in parsing if not any(is_within(name, home) for home in SETTINGS_FORMATS)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_pure_layers_import_nothing_that_does_io(module: str) -> None:
    if row_of(module, pure_rows()) is None:
        return
    touched = {found for found in imports(MODULES[module]) if found.split(".")[0] in IMPURE}
    assert not touched, f"{module} is pure, yet imports {sorted(touched)}"
