"""Check that a tag, the package version, the changelog, and the built files all name the same release.

Usage: python .ci/check_release.py v1.2.3 dist
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def mistakes(tag: str, folder: Path) -> list[str]:
    """Every disagreement, as one sentence each."""
    version = tag.removeprefix("v")
    package = re.search(r'__version__ = "([^"]+)"', (ROOT / "gate" / "__init__.py").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    wrong = []
    if not package or package[1] != version:
        wrong.append(f"gate/__init__.py: expected version {version}, found {package and package[1]}")
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)$", changelog, re.MULTILINE):
        wrong.append(f"CHANGELOG.md: expected a dated section '## {version} (YYYY-MM-DD)'")
    expected = {f"merge_gate-{version}-py3-none-any.whl", f"merge_gate-{version}.tar.gz"}
    built = {path.name for path in folder.iterdir()}
    if built != expected:
        wrong.append(f"{folder}: expected {sorted(expected)}, found {sorted(built)}")
    return wrong


if __name__ == "__main__":
    problems = mistakes(sys.argv[1], Path(sys.argv[2]))
    print("\n".join(problems) or "tag, version, changelog, and files agree")
    sys.exit(bool(problems))
