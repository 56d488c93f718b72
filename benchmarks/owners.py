"""How long it takes to say who owns every file: gate and PyPI's `codeowners`, side by side in one run.

    python benchmarks/owners.py FOLDER      every NAME.CODEOWNERS.gz in FOLDER with its NAME.paths.gz
    python benchmarks/owners.py             a made-up repository with a rule for each of 8,000 packages

Each answer is compared; where they differ, GitHub's documentation decides (see docs/codeowners.md).
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from codeowners import CodeOwners as Pypi

from gate.codeowners import parse

SHOWN = 5


def made_up() -> tuple[str, str, list[str]]:
    """A repository of many packages, each with owners of its own."""
    rules = ["* @org/everyone", "*.md @org/docs"] + [f"/packages/p{n}/ @user{n}" for n in range(8000)]
    paths = [f"packages/p{n}/src/f{m}.py" for n in range(8000) for m in range(8)]
    return "made up", "\n".join(rules), paths


def real(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """The repositories whose files lie in `folder`."""
    for file in sorted(folder.glob("*.CODEOWNERS.gz")):
        name = file.name.removesuffix(".CODEOWNERS.gz")
        paths = gzip.decompress((folder / f"{name}.paths.gz").read_bytes()).decode().split("\n")
        yield name, gzip.decompress(file.read_bytes()).decode(), [path for path in paths if path]


def measure(name: str, text: str, paths: list[str]) -> None:
    """Time both over one repository, and compare their answers."""
    started = time.perf_counter()
    owners = parse(text.encode(), "CODEOWNERS", "github")
    ours = owners.owners_of_all(paths)
    own_seconds = time.perf_counter() - started

    started = time.perf_counter()
    other = Pypi(text)
    theirs = {path: [owner for _, owner in other.of(path)] for path in paths}
    other_seconds = time.perf_counter() - started

    print(f"{name}: {len(owners.rules):,} rules, {len(paths):,} paths")
    ratio = other_seconds / own_seconds
    print(f"  gate {own_seconds:.3f} s   codeowners {other_seconds:.3f} s   {ratio:.0f} times as fast")
    different = [path for path in paths if [o for rule in ours[path] for o in rule.owners] != theirs[path]]
    print(f"  {len(different):,} answers differ; {len(owners.mistakes)} lines are invalid for GitHub")
    for path in different[:SHOWN]:
        rule = f"{ours[path][0].line}: {ours[path][0].pattern}" if ours[path] else "no rule"
        print(f"    {path}\n      gate: line {rule}\n      codeowners: {theirs[path]}")


def main() -> None:
    """Measure what the command line names."""
    cases = real(Path(sys.argv[1])) if len(sys.argv) > 1 else iter([made_up()])
    for case in cases:
        measure(*case)


if __name__ == "__main__":
    main()
