"""A release: the workflow is sound, and a tag, the version, the changelog and the files must agree."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.people import ROOT

import gate
from gate.project import REPOSITORY, SCHEMA

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
CHECK = ROOT / ".ci" / "check_release.py"
FILES = (f"merge_gate-{gate.__version__}-py3-none-any.whl", f"merge_gate-{gate.__version__}.tar.gz")


URLS = "".join(
    f"Project-URL: {label}, https://example.com\n"
    for label in ("Homepage", "Documentation", "Changelog", "Issues")
)


def checked(
    tag: str, folder: Path, *files: str, metadata: str = f"{URLS}\n[docs](https://example.com/docs)\n"
) -> tuple[int, str]:
    for name in files:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(f"merge_gate-{gate.__version__}.dist-info/METADATA", metadata)
    done = subprocess.run(
        [sys.executable, str(CHECK), tag, str(folder)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_a_release_whose_parts_agree(tmp_path: Path) -> None:
    assert checked(f"v{gate.__version__}", tmp_path, *FILES) == (
        0,
        "tag, version, changelog, and files agree\n",
    )


@pytest.mark.parametrize(
    ("tag", "files", "message"),
    [
        ("v99.0.0", FILES, "gate/__init__.py: expected version 99.0.0"),
        ("v99.0.0", FILES, "CHANGELOG.md: expected a dated section '## 99.0.0 (YYYY-MM-DD)'"),
        (f"v{gate.__version__}", FILES[:1], "expected ["),
        (f"v{gate.__version__}", (*FILES, "other.whl"), "expected ["),
    ],
)
def test_a_release_whose_parts_differ(tmp_path: Path, tag: str, files: tuple[str, ...], message: str) -> None:
    code, text = checked(tag, tmp_path, *files)
    assert code == 1
    assert message in text


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("\nNo URLs\n", "expected the URLs ['Changelog', 'Documentation', 'Homepage', 'Issues']"),
        (f"{URLS}\n![picture](docs/a.svg)\n", "the README has relative links: ['docs/a.svg']"),
    ],
)
def test_what_pypi_would_show(tmp_path: Path, metadata: str, message: str) -> None:
    code, text = checked(f"v{gate.__version__}", tmp_path, *FILES, metadata=metadata)
    assert code == 1
    assert message in text


@pytest.mark.parametrize(
    "command",
    [
        ["zizmor", "--persona=pedantic", "--offline", "--quiet"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
    ids=["zizmor", "schema"],
)
def test_the_workflow_is_sound(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [str(program), *command[1:], str(WORKFLOW)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_published_gets_no_secret() -> None:
    text = WORKFLOW.read_text()
    assert "secrets." not in text
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v", text)) == text.count("uses:")


ADDRESSES = re.compile(
    r"""(?:github\.com[:/]|githubusercontent\.com/|uses:\ |project:\ |repository:\ |--repo\ |")
        (?P<address>(?!refs/|\.git/)[\w.-]+/(?:merge-)?gate)\b(?![\w/-]*\.(?:py|yml|html|yaml|sh))""",
    re.VERBOSE,
)


def test_the_address_of_the_project_is_the_same_everywhere() -> None:
    """Changing `REPOSITORY` alone lists here what else has to change."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name and not name.startswith("tests/")]
    seen: dict[str, set[str]] = {}
    for name in names:
        if (ROOT / name).suffix in {".md", ".py", ".yml", ".yaml", ".json", ".toml", ".groovy"}:
            text = (ROOT / name).read_text("utf-8", "replace") if (ROOT / name).is_file() else ""
            for match in ADDRESSES.finditer(text):
                seen.setdefault(match["address"], set()).add(name)
    others = {address: sorted(files) for address, files in seen.items() if address != REPOSITORY}
    assert others == {}
    assert len(seen[REPOSITORY]) > 4, "the pattern no longer matches the documents"


def test_the_entry_for_schemastore_names_the_schema_that_ships() -> None:
    entry = json.loads((ROOT / "contrib" / "schemastore.json").read_text())
    assert set(entry) == {"name", "description", "fileMatch", "url"}
    assert entry["fileMatch"] == ["gate.yaml"]
    prefix = f"https://raw.githubusercontent.com/{REPOSITORY}/"
    for url in (entry["url"], SCHEMA):
        revision, _, path = url.removeprefix(prefix).partition("/")
        assert revision in {"main", f"v{gate.__version__}"}
        assert (ROOT / path).is_file()
