"""Read what a project's own commands install for its tests: tox, nox, hatch, and CI. Pure.

Nothing is run, so computed values are left out.
"""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gate.environment.locks import read_toml, table
from gate.environment.scripts import constants_of, parse_script
from gate.environment.tox_factors import common_packages
from gate.settings_input import parse_ini

FILES = frozenset({"tox.ini", "tox.toml", "noxfile.py", "hatch.toml", ".gitlab-ci.yml", "Makefile"})
WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
TESTING = re.compile(
    r"\b(?:pytest|py\.test|unittest|nose2|manage\.py test|zope-testrunner|tox|(?<!\.)nox"
    r"|hatch (?:run|test)|runtests?)\b"
)
"""Words in a command that runs tests."""
FOR_TESTS = re.compile(r"(?:unit[-_]?)?tests?|testing|pytest|unit|py(?:3\d*)?")
"""Names of environments and sessions that run tests."""
HATCH_TEST = ("coverage[toml]", "pytest", "pytest-mock", "pytest-rerunfailures", "pytest-xdist[psutil]")
"""What `hatch test` installs by default."""
TOOLS = frozenset({
    "build", "cibuildwheel", "codecov", "coveralls", "flit", "hatch", "nox", "pdm", "pip", "pipenv", "pipx", "poetry",
    "pre-commit", "python-coveralls", "setuptools", "tox", "tox-gh", "tox-gh-actions", "tox-uv", "twine", "uv",
    "virtualenv", "wheel",
})  # fmt: skip
"""Packages that CI installs to start other programs: no test imports them."""
WITH_VALUE = frozenset({
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--python", "--prefix", "-t", "--target",
    "--constraint", "-c", "--override", "--index", "--cache-dir", "--only-binary", "--no-binary", "--progress-bar",
})  # fmt: skip
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[\w,. -]+\])?\s*(?:[<>=!~;@ ].*)?")
NAMED = re.compile(r"""(?:-r|--requirement)["',=\s]*(?:\{(?:toxinidir|tox_root)\}/|\./)?([\w./-]+)""")
"""How these files refer to requirements files."""
LOCAL = re.compile(r"(?:\.|\{toxinidir\}|\{tox_root\})/?(?:\[([\w,. -]+)\])?")
FOLDER = re.compile(
    r"(?:\{(?:toxinidir|tox_root|root)\}/|(?=\.))((?:\.{1,2}/)*[\w-][\w./-]*)(?:\[[\w,. -]+\])?"
)
"""The folder of a package, by its path."""
INSTALL = re.compile(r"\bpip3? install\s+(.*)")
SYNC = re.compile(r"\b(?:uv (?:sync|run)|pdm (?:install|sync)|poetry install)\s+(.*)")
COMPUTED = re.compile(r"[$`{}*|]")
"""Characters of a value that only a shell or tox could expand."""
UNKNOWN_VERSION = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[\w,. -]+\])?)\s*[<>=!~]=?.*[$`{|].*")
"""A requirement whose version is computed, for example by a CI matrix: any of them has to do."""
JOB = re.compile(r"^(?:  )?[\w-]+:[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OwnSetup:
    """The requirements, requirements files, dependency groups, and extras that are installed for the tests.

    `local` are the folders of packages that are installed from the tree, relative to the project.
    """

    requirements: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    local: tuple[str, ...] = ()

    def __add__(self, more: OwnSetup) -> OwnSetup:
        """Combine both, without duplicates."""
        return OwnSetup(
            tuple(dict.fromkeys((*self.requirements, *more.requirements))),
            tuple(dict.fromkeys((*self.files, *more.files))),
            tuple(dict.fromkeys((*self.groups, *more.groups))),
            tuple(dict.fromkeys((*self.extras, *more.extras))),
            tuple(dict.fromkeys((*self.local, *more.local))),
        )


def is_own_setup(path: str) -> bool:
    """Return whether the file at `path`, relative to the project, may say how its tests are run."""
    return path in FILES or WORKFLOW.fullmatch(path) is not None


def read_own_setup(contents: Mapping[str, bytes]) -> OwnSetup:
    """Return what the project's files install for its tests."""
    setup = _tox(contents) + _nox(contents.get("noxfile.py", b"")) + _hatch(contents)
    for path, data in sorted(contents.items()):
        if WORKFLOW.fullmatch(path) or path == ".gitlab-ci.yml":
            setup += _ci(data.decode("utf-8", "replace"))
    return setup


def installed_by(words: Iterable[str]) -> OwnSetup:
    """Parse the arguments of `pip install`, `uv sync`, and the like."""
    named: dict[str, list[str]] = {"requirements": [], "files": [], "groups": [], "extras": [], "local": []}
    waiting = [word.strip() for word in words if word.strip()]
    while waiting:
        word = UNKNOWN_VERSION.sub(r"\1", waiting.pop(0))
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if re.match(r"-r.", word):
            name, value, equals = "-r", word[2:].strip(), "="
        takes_value = name in {
            "-r",
            "--requirement",
            "--group",
            "--extra",
            "-G",
            "-e",
            "--editable",
            *WITH_VALUE,
        }
        if takes_value and not equals:
            value = waiting.pop(0) if waiting else ""
        local = LOCAL.fullmatch(value if name in {"-e", "--editable"} else word)
        if local:
            named["extras"] += [extra.strip() for extra in (local[1] or "").split(",") if extra.strip()]
        elif folder := FOLDER.fullmatch(value if name in {"-e", "--editable"} else word):
            named["local"].append(posixpath.normpath(folder[1]))
        elif name in {"-r", "--requirement"}:
            named["files"].append(re.sub(r"^(?:\{(?:toxinidir|tox_root)\}|\.)/", "", value))
        elif name in {"--group", "-G"}:
            named["groups"] += value.split(",")
        elif name == "--extra":
            named["extras"].append(value)
        elif not takes_value and REQUIREMENT.fullmatch(word) and not COMPUTED.search(word):
            base = re.split(r"[^\w.-]", word)[0].lower().replace("_", "-")
            named["requirements"] += [] if base in TOOLS or base.endswith((".txt", ".whl", ".gz")) else [word]
    named["files"] = [path for path in named["files"] if path and not COMPUTED.search(path)]
    return OwnSetup(**{key: tuple(value) for key, value in named.items()})


def _lines(text: str) -> list[str]:
    """Return the lines of a list in tox.ini, without those for certain factors or with references to other sections."""
    lines = (re.sub(r"(?:^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line and not re.match(r"[\w!{},.-]+:\s|\{\[", line)]


def sections_for_tests(text: str) -> Iterator[dict[str, str]]:
    """Yield the settings of each environment in a tox.ini that runs tests, according to its name."""
    try:
        parser = parse_ini(text)
    except ValueError:
        return
    for section in parser.sections():
        if section == "testenv" or _is_named_for_tests(section.removeprefix("testenv:")):
            yield dict(parser.items(section))


def _tox(contents: Mapping[str, bytes]) -> OwnSetup:
    pyproject = table(read_toml(contents.get("pyproject.toml")), "tool", "tox")
    text = str(pyproject.get("legacy_tox_ini") or contents.get("tox.ini", b"").decode("utf-8", "replace"))
    setup = OwnSetup()
    for values in sections_for_tests(text):
        setup += _tox_environment({key: _lines(value) for key, value in values.items()})
        conditional = (line.strip() for line in values.get("deps", "").splitlines())
        setup += OwnSetup(tuple(common_packages(_env_list(text), conditional)))
    for data in (pyproject, read_toml(contents.get("tox.toml"))):
        environments = {"test": table(data, "env_run_base"), **table(data, "env")}
        for name, values in environments.items():
            if _is_named_for_tests(name) and isinstance(values, dict):
                setup += _tox_environment(values)
    return setup


def _env_list(text: str) -> str:
    """Return the environments that a tox.ini runs by default, as they are written there."""
    parser = parse_ini(text)
    section = dict(parser.items("tox")) if parser.has_section("tox") else {}
    return re.sub(r"(?m)(?:^|\s)#.*", "", section.get("envlist") or section.get("env_list") or "").strip()


def _tox_environment(values: Mapping[str, Any]) -> OwnSetup:
    def listed(key: str) -> list[str]:
        value = values.get(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    setup = OwnSetup(groups=_names(listed("dependency_groups")), extras=_names(listed("extras")))
    for line in listed("deps"):
        # A requirement may contain spaces, so split only options.
        setup += installed_by(shlex.split(line) if line.startswith("-") else [line])
    return setup


def _names(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for line in lines for name in re.split(r"[,\s]+", line) if name)


def _is_named_for_tests(name: str) -> bool:
    return FOR_TESTS.fullmatch(name.lower()) is not None


def _nox(data: bytes) -> OwnSetup:
    tree = parse_script(data)
    if tree is None:
        return OwnSetup()
    constants = constants_of(tree)
    setup = OwnSetup()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(
            "session" in ast.unparse(d) for d in node.decorator_list
        ):
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            installs = [call for call in calls if _method(call) == "install"]
            runs = [ast.unparse(call) for call in calls if _method(call) in {"run", "run_always"}]
            if _is_named_for_tests(node.name) or any(TESTING.search(run) for run in runs):
                for call in installs:
                    setup += installed_by(_literals(call.args, constants))
                    setup += OwnSetup(groups=tuple(_groups(call)))
    return setup


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _literals(nodes: Iterable[ast.expr], constants: Mapping[str, ast.expr]) -> Iterator[str]:
    for node in nodes:
        inner = node.value if isinstance(node, ast.Starred) else node
        inner = constants.get(inner.id, inner) if isinstance(inner, ast.Name) else inner
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
        elif isinstance(inner, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "$" for part in inner.values)
        elif isinstance(inner, ast.List | ast.Tuple):
            yield from _literals(inner.elts, constants)


def _groups(call: ast.Call) -> Iterator[str]:
    """Yield the groups in `*nox.project.dependency_groups(pyproject, "test")`."""
    for node in ast.walk(call):
        if isinstance(node, ast.Call) and _method(node) == "dependency_groups":
            yield from _literals(node.args[1:], {})


def _hatch(contents: Mapping[str, bytes]) -> OwnSetup:
    environments = table(read_toml(contents.get("pyproject.toml")), "tool", "hatch", "envs")
    environments |= table(read_toml(contents.get("hatch.toml")), "envs")
    names = [name for name in environments if _is_named_for_tests(name) or name == "hatch-test"]
    setup = OwnSetup()
    for name in names or [name for name in environments if name == "default"]:
        values = _with_template(name, environments)
        lines = {
            key: [v for v in values.get(key) or () if isinstance(v, str)]
            for key in values
            if isinstance(values[key], list)
        }
        own = HATCH_TEST if name == "hatch-test" else ()
        setup += OwnSetup(
            requirements=(*own, *lines.get("dependencies", ()), *lines.get("extra-dependencies", ())),
            groups=tuple(lines.get("dependency-groups", ())),
            extras=tuple(lines.get("features", ())),
        )
        for command in (*lines.get("pre-install-commands", ()), *lines.get("post-install-commands", ())):
            if install := INSTALL.search(command):
                setup += _of_arguments(install[1])
    return setup


def _with_template(name: str, environments: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment's settings, merged with its template's: `default`, unless it names another."""
    values, seen = table(environments, name), {name}
    while (template := str(values.get("template") or "default")) not in seen and not values.get("detached"):
        seen.add(template)
        values = {**table(environments, template), **values, "template": template}
    return values


def _ci(text: str) -> OwnSetup:
    """Return what is installed by the CI jobs that run tests."""
    setup = OwnSetup()
    for job in JOB.split(text):
        lines = job.replace("\\\n", " ").splitlines() if TESTING.search(job) else []
        for command in (command for line in lines for command in re.split(r"&&|\|\||\s#", line)):
            install, sync = INSTALL.search(command), SYNC.search(command)
            if install:
                setup += _of_arguments(install[1])
            elif sync:
                named = _of_arguments(sync[1])
                setup += OwnSetup(groups=named.groups, extras=named.extras)
    return setup


def _of_arguments(text: str) -> OwnSetup:
    try:
        words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "$", text))
    except ValueError:
        return OwnSetup()
    # The shell command ends at a semicolon after a word; one inside a word starts a marker.
    end = next((index for index, word in enumerate(words) if word.endswith(";")), len(words))
    return installed_by([*words[:end], *(word.rstrip(";") for word in words[end : end + 1])])
