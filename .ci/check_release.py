"""Check that a tag, the package version, the changelog, and the built files all name the same release.

The page on PyPI must have the project's URLs, and no relative links, which would lead nowhere.

Usage: python .ci/check_release.py v1.2.3 dist
"""

from __future__ import annotations

import re
import sys
import zipfile
from email.parser import Parser
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
    else:
        wrong += in_metadata(folder / f"merge_gate-{version}-py3-none-any.whl", version)
    return wrong


def in_metadata(wheel: Path, version: str) -> list[str]:
    """Mistakes in what PyPI shows about a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"merge_gate-{version}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    labels = {line.partition(",")[0] for line in metadata.get_all("Project-URL", [])}
    missing = sorted({"Homepage", "Documentation", "Changelog", "Issues"} - labels)
    relative = sorted(set(re.findall(r"\]\((?!https://|#)([^)]+)\)", str(metadata.get_payload()))))
    wrong = [f"{wheel.name}: expected the URLs {missing}"] if missing else []
    return wrong + ([f"{wheel.name}: the README has relative links: {relative}"] if relative else [])


if __name__ == "__main__":
    problems = mistakes(sys.argv[1], Path(sys.argv[2]))
    print("\n".join(problems) or "tag, version, changelog, and files agree")
    sys.exit(bool(problems))
