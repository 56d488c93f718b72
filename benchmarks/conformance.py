"""Measure how many mistakes in other checkers' tests the `names` check finds, and what else it reports.

    python benchmarks/conformance.py SOURCES [--suites pylint,ruff] [--misses KIND] [--alarms]

SOURCES contains the source trees of pylint, pyflakes, ruff, and mypy, each in a folder of its name. None of their code
is copied here: expectations are read from their tests, where they are next to the code. The floors in
`conformance.json` say how many mistakes of how many were found, and at which commit of each project; `--record`
rewrites them.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import sys
import tempfile
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gate.finding import Finding
from gate.names.run import check

RECORD = Path(__file__).with_name("conformance.json")
UNDEFINED = {
    "UndefinedName": "undefined name",
    "UndefinedLocal": "undefined local",
    "UndefinedExport": "export",
}
PYLINT = frozenset({"no-member", "no-value-for-parameter", "too-many-function-args", "unexpected-keyword-arg",
                    "redundant-keyword-arg", "undefined-variable", "undefined-all-variable",
                    "no-name-in-module"})  # fmt: skip
MYPY = (
    (re.compile(r'Name "[^"]+" is not defined'), "undefined name"),
    (re.compile(r'Module "[^"]+" has no attribute|Module has no attribute'), "module member"),
    (re.compile(r'(?!"None")(?!Item )"[^"]+" has no attribute'), "attribute"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One test of a suite: files by name, and the kinds of mistakes expected in each line of its main file.

    Line 0 matches any line: pyflakes' tests only count.
    """

    suite: str
    name: str
    files: dict[str, str]
    main: str
    expected: dict[int, list[str]]
    other: frozenset[int] = frozenset()
    """Lines where the suite expects something else, so that a finding there proves nothing."""


@dataclass(slots=True)
class Result:
    """The result of one suite."""

    found: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    misses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def pyflakes(sources: Path) -> Iterator[Snippet]:
    """Yield `self.flakes(text, *messages)` in pyflakes' tests, except those it skips itself and those in doctests."""
    for path in sorted((sources / "pyflakes/pyflakes/test").glob("test_*.py")):
        for test in ast.walk(ast.parse(path.read_text())):
            if not isinstance(test, ast.FunctionDef) or any(
                "skip(" in ast.unparse(one) for one in test.decorator_list
            ):
                continue
            for node in ast.walk(test):
                match node:
                    case ast.Call(
                        func=ast.Attribute(attr="flakes"), args=[ast.Constant(value=str(text)), *messages]
                    ):
                        if ">>>" not in text:
                            yield _flakes(f"{path.name}:{node.lineno}", node, textwrap.dedent(text), messages)


def _flakes(name: str, call: ast.Call, text: str, messages: list[ast.expr]) -> Snippet:
    """Return the snippet of one call. Messages are counted: `*undefined_names_before_py314(n=2)` counts as two."""
    expected: list[str] = []
    for message in messages:
        match message:
            case ast.Attribute(attr=kind) if kind in UNDEFINED:
                expected.append(UNDEFINED[kind])
            case ast.Starred(value=ast.Call(keywords=[ast.keyword(value=ast.Constant(value=int(count)))])):
                expected += ["undefined name"] * count
    file = next((word.value.value for word in call.keywords
                 if word.arg == "filename" and isinstance(word.value, ast.Constant)), "case.py")  # fmt: skip
    return Snippet("pyflakes", name, {str(file): text}, str(file), {0: expected} if expected else {})


def pylint(sources: Path) -> Iterator[Snippet]:
    """Yield the functional tests, whose expected messages are in a text file next to each."""
    for path in sorted((sources / "pylint/tests/functional").rglob("*.txt")):
        code = path.with_suffix(".py")
        settings = path.with_suffix(".rc")
        if not code.exists() or (settings.exists() and "requires" in settings.read_text()):
            continue
        reported = [line.split(":") for line in path.read_text().splitlines() if line.count(":") > 5]
        expected: dict[int, list[str]] = defaultdict(list)
        for kind, line, *_ in reported:
            if kind in PYLINT:
                expected[int(line)].append(kind)
        if expected:
            other = frozenset(int(line) for _, line, *_ in reported)
            text = code.read_text(encoding="utf-8", errors="replace")
            yield Snippet("pylint", code.name, {code.name: text}, code.name, dict(expected), other)


def ruff(sources: Path) -> Iterator[Snippet]:
    """Yield the fixtures of the rules on undefined names, whose findings are in snapshots."""
    rules = sources / "ruff/crates/ruff_linter"
    for snapshot in sorted((rules / "src/rules/pyflakes/snapshots").glob("*__tests__F82?_*.snap")):
        name = snapshot.name.removesuffix(".snap").partition("__tests__")[2][5:]
        code = rules / "resources/test/fixtures/pyflakes" / name
        if not code.exists() or code.suffix == ".ipynb":
            continue
        expected: dict[int, list[str]] = defaultdict(list)
        reported = re.findall(r"(?m)^(F82\d) .*\n *--> [^:\n]+:(\d+):", snapshot.read_text())
        for rule, line in reported:
            expected[int(line)].append(rule)
        yield Snippet("ruff", name, {name: code.read_text()}, name, dict(expected))


def mypy(sources: Path) -> Iterator[Snippet]:
    """Yield the type checker's cases in which a name or an attribute doesn't exist."""
    for path in sorted((sources / "mypy/test-data/unit").glob("check-*.test")):
        for block in re.split(r"(?m)^\[case ", path.read_text())[1:]:
            head, _, body = block.partition("\n")
            name = head.rstrip("]")
            parts = re.split(
                r"(?m)^\[((?:file|out|builtins|typing|case|stale|rechecked|targets|delete)[^\]]*)\]$", body
            )
            main = parts[0]
            files = {"main.py": main}
            output = ""
            for title, text in zip(parts[1::2], parts[2::2], strict=True):
                if title.startswith("file ") and title.endswith((".py", ".pyi")):
                    files[title.removeprefix("file ").strip()] = text
                elif title == "out":
                    output = text
            expected: dict[int, list[str]] = defaultdict(list)
            other: set[int] = set()
            result = [(number, line) for number, line in enumerate(main.splitlines(), 1) if "# E:" in line]
            result += [
                (int(line), text)
                for line, text in re.findall(r"(?m)^main:(\d+)(?::\d+)?: error: (.*)", output)
            ]
            for number, text in result:
                other.add(number)
                kinds = [kind for pattern, kind in MYPY if pattern.search(text)]
                expected[number] += kinds
            expected = {number: kinds for number, kinds in expected.items() if kinds}
            if (
                expected
                and not any(".test" in one or ".." in one for one in files)
                and "[file mypy" not in body
            ):
                yield Snippet("mypy", f"{path.name}:{name}", files, "main.py", expected, frozenset(other))


SUITES = {"pyflakes": pyflakes, "pylint": pylint, "ruff": ruff, "mypy": mypy}


def judge(snippet: Snippet, cache: Path) -> list[Finding]:
    """Return what the check reports in the snippet's main file."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.13"\n')
        for name, text in snippet.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _, findings = check(root, None, cache)
    return [finding for finding in findings if finding.path == snippet.main]


def score(snippet: Snippet, findings: list[Finding], result: Result) -> None:
    """Add the mistakes found and missed to `result`."""
    lines = Counter(finding.line for finding in findings if finding.rule != "wrong-ignore")
    for line, kinds in snippet.expected.items():
        left = sum(lines.values()) if line == 0 else lines[line]
        for kind in kinds:
            result.total[kind] += 1
            if left > 0:
                result.found[kind] += 1
                # A finding that names two mistakes of one line is one finding.
                left -= line == 0
            else:
                result.misses[kind].append(f"{snippet.name}:{line}")
    if 0 in snippet.expected:
        return
    for finding in findings:
        if finding.line not in snippet.expected and finding.line not in snippet.other:
            what = f"{finding.rule}: {finding.message}"
            if snippet.suite != "pyflakes" or finding.rule in {"undefined-name", "undefined-export"}:
                result.alarms.append(f"{snippet.name}:{finding.line}: {what}")


def main() -> int:
    """Measure the suites, and compare the results with the floors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", type=Path)
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--misses", default="", help="list what was missed of this kind, or of 'all'")
    parser.add_argument("--alarms", action="store_true", help="list findings where the suite expects nothing")
    parser.add_argument("--record", action="store_true", help="rewrite the floors")
    options = parser.parse_args()
    floors = json.loads(RECORD.read_text())
    cache = Path(tempfile.mkdtemp())
    is_lower = False
    for suite in options.suites.split(","):
        result = Result()
        for snippet in SUITES[suite](options.sources):
            score(snippet, judge(snippet, cache), result)
        floor = floors["floors"].setdefault(suite, {})
        for kind, total in sorted(result.total.items()):
            found = result.found[kind]
            lost = found < floor.get(kind, [0])[0]
            is_lower |= lost
            print(f"{suite:9} {kind:26} {found:4} of {total:4}{'  below the floor' if lost else ''}")
            if options.misses in {kind, "all"}:
                print(*(f"    {miss}" for miss in result.misses[kind]), sep="\n")
            if options.record:
                floor[kind] = [found, total]
        print(f"{suite:9} findings where none is expected: {len(result.alarms)}")
        if options.alarms:
            print(*(f"    {alarm}" for alarm in result.alarms), sep="\n")
    if options.record:
        RECORD.write_text(json.dumps(floors, indent=2) + "\n")
    shutil.rmtree(cache, ignore_errors=True)
    return int(is_lower)


if __name__ == "__main__":
    sys.exit(main())
