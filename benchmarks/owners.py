"""Compare how long gate and PyPI's `codeowners` take to determine the owners of every file, side by side in one run.

    python benchmarks/owners.py FOLDER      every NAME.CODEOWNERS.gz in FOLDER with its NAME.paths.gz
    python benchmarks/owners.py             a made-up repository: 8,161 rules, 63,855 paths

Both parse the file and answer for every path. gate's time is the median of five runs, each with a new parse; the other,
which takes up to a minute, runs once. Every answer is compared, and each difference is listed with the one that is
right according to GitHub's documentation; the cases at the end show where the two are known to differ.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from codeowners import CodeOwners as Pypi

from gate.codeowners import parse

RUNS = 5
KNOWN = [
    # CODEOWNERS, path, who is right by GitHub's documentation (or that of gitignore, which it refers to).
    ("? @ada", "a b", "gate: `?` is one character; codeowners puts slashes in place of a blank in a path"),
    ("/a/ @ada", "a b/c", "gate: the folder is another one (the same slashes)"),
    ("*/?? @ada", "a b/cd", "gate: `*` matches a blank as well (the same slashes)"),
    ("** @ada", "a\nb", "gate: a name may hold a line break"),
    ("* @ada # not @bob", "a.py", "gate: `#` begins a comment, also after owners"),
    ("* @ada\nx[ab] @bob", "xa", "gate: no character ranges; GitHub skips the line, gate reports it"),
    ("* @ada\nx[ab @bob", "a.py", "gate: an invalid line does not make the others void"),
    ("* @ada\n!x @bob", "!x", "gate: `!` is not supported; the line is invalid"),
    ("* @ada\n\\#x @bob", "#x", "gate: `\\#` is not supported; the line is invalid"),
    ("* @ada\n*.py bob", "a.py", "gate: the line is invalid, so GitHub skips it; codeowners unowns the file"),
    ("* @ada\n*.py @a,@b", "a.py", "gate: no such owner; the line is invalid"),
    ("* @ada\n*.py @a/b/c", "a.py", "gate: no such owner; the line is invalid"),
    ("\ufeff* @ada", "a.py", "gate: a byte order mark is no part of the pattern"),
]


def made_up() -> tuple[str, str, list[str]]:
    """Create a repository of many packages, each with its own owners."""
    rules = ["* @org/everyone", "*.md @org/docs"] + [f"/packages/p{n}/ @user{n}" for n in range(8159)]
    paths = [f"packages/p{n % 8159}/src/f{n // 8159}.py" for n in range(63855)]
    return "made up", "\n".join(rules), paths


def real(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the repositories whose files are in `folder`."""
    for file in sorted(folder.glob("*.CODEOWNERS.gz")):
        name = file.name.removesuffix(".CODEOWNERS.gz")
        paths = gzip.decompress((folder / f"{name}.paths.gz").read_bytes()).decode().split("\n")
        yield name, gzip.decompress(file.read_bytes()).decode(), [path for path in paths if path]


def by_gate(text: str, paths: list[str]) -> dict[str, list[str]]:
    found = parse(text.encode(), "CODEOWNERS", "github").owners_of_all(paths)
    return {path: [owner for rule in rules for owner in rule.owners] for path, rules in found.items()}


def by_pypi(text: str, paths: list[str]) -> dict[str, list[str]]:
    try:
        other = Pypi(text)
    except ValueError as error:
        return {path: [f"ValueError: {error}"] for path in paths}
    return {path: [owner for _, owner in other.of(path)] for path in paths}


def measure(name: str, text: str, paths: list[str]) -> None:
    """Time both on one repository, and compare their answers."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        parse(text.encode(), "CODEOWNERS", "github").owners_of_all(paths)
        times.append(time.perf_counter() - started)
    own_seconds = statistics.median(times)
    started = time.perf_counter()
    theirs = by_pypi(text, paths)
    other_seconds = time.perf_counter() - started

    owners = parse(text.encode(), "CODEOWNERS", "github")
    ratio = other_seconds / own_seconds
    print(f"{name}: {len(owners.rules):,} rules, {len(paths):,} paths, {len(owners.mistakes)} invalid lines")
    print(f"  gate {own_seconds:.3f} s   codeowners {other_seconds:.3f} s   {ratio:.0f} times as fast")
    ours = by_gate(text, paths)
    different = [path for path in paths if ours[path] != theirs[path]]
    print(f"  answers that differ: {len(different)}")
    for path in different:
        print(f"    {path!r}: gate {ours[path]}, codeowners {theirs[path]}: {who_is_right(path, text)}")


def who_is_right(path: str, text: str) -> str:
    """Return the one that is right according to GitHub's documentation, if the cause is known."""
    if " " in path:
        return "gate (codeowners changes a path that holds a blank)"
    if "\n" in path:
        return "gate (a name may hold a line break)"
    if parse(text.encode(), "CODEOWNERS", "github").mistakes:
        return "gate, if an invalid line is the cause (GitHub skips such lines)"
    return "not known: look into it"


def main() -> None:
    """Measure what the command line says."""
    cases = real(Path(sys.argv[1])) if len(sys.argv) > 1 else iter([made_up()])
    for case in cases:
        measure(*case)
    print("known differences")
    for text, path, right in KNOWN:
        ours, theirs = by_gate(text, [path])[path], by_pypi(text, [path])[path]
        assert ours != theirs, (text, path, ours, theirs)
        print(f"  {text!r} for {path!r}: gate {ours}, codeowners {theirs}\n    {right}")


if __name__ == "__main__":
    main()
