"""The parts of the package's metadata that contain the project's address, which only gate/project.py has.

PyPI shows the README without the repository around it, so its relative links and pictures become absolute ones.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ProjectAddress(MetadataHookInterface):
    """Adds the URLs, and the README with absolute links, to the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `urls` and `readme`."""
        root = Path(self.root)
        repository = _value("REPOSITORY", root / "gate" / "project.py")
        tag = f"v{_value('__version__', root / 'gate' / '__init__.py')}"
        home = f"https://github.com/{repository}"
        metadata["urls"] = {
            "Homepage": home,
            "Documentation": f"{home}/blob/{tag}/docs/index.md",
            "Changelog": f"{home}/blob/{tag}/CHANGELOG.md",
            "Issues": f"{home}/issues",
        }
        text = (root / "README.md").read_text("utf-8")
        text = re.sub(
            r"(!\[[^\]]*\]\()(?!https?:)", rf"\1https://raw.githubusercontent.com/{repository}/{tag}/", text
        )
        text = re.sub(r"((?<!!)\[[^\]]*\]\()(?!https?:|#)", rf"\1{home}/blob/{tag}/", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def _value(name: str, path: Path) -> str:
    match = re.search(rf'^{name} = "([^"]+)"', path.read_text("utf-8"), re.MULTILINE)
    if match is None:
        raise ValueError(f'{path}: expected a line `{name} = "…"`')
    return match[1]
