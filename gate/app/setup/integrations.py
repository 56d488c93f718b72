"""Write the workflow, pipeline, or hook that runs gate, adapted to the project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from gate import __version__
from gate.app.setup.observed import Observed
from gate.errors import UsageError

Kind = Literal["github", "gitlab", "jenkins", "bare"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TEMPLATES = Path(__file__).parent / "templates"
GITLAB_TEMPLATE = "gitlab-ci.yml"
NEXT: Mapping[Kind, tuple[str, ...]] = {
    "github": (
        "make the check `gate` required: Settings, Rules, Rulesets, Require status checks to pass",
        "optional: let CI record reviews and merges for `gate audit` (docs/github.md, Record reviews and merges)",
    ),
    "gitlab": (
        "Settings, Merge requests: Pipelines must succeed; a token GITLAB_TOKEN lets approvals count",
        "optional: let CI record approvals and merges for `gate audit` (docs/gitlab.md, Record approvals and merges)",
    ),
    "jenkins": ("set up the library `gate` once, and require the build on the forge (docs/jenkins.md)",),
    "bare": ("on the server, in the bare repository: `gate install --server`",),
}
"""The manual steps left to do outside the repository."""
FORGE: Mapping[Kind, str] = {"github": "github", "gitlab": "gitlab"}
"""The forge whose reviews the integration counts."""
MOST_SHARDS = 100
ALWAYS = """\
    needs: shard
    # Run even if a shard failed or was canceled: GitHub counts a skipped job as passed.
    if: ${{ always() }}
"""


def files_of(kind: Kind, observed: Observed, shards: int = 1) -> dict[str, str]:
    """Return the files of an integration by path, relative to the top of the repository.

    With more than one of `shards`, the checks are divided among as many jobs.
    """
    match kind:
        case "github":
            return _github(observed, shards)
        case "gitlab":
            return _gitlab(observed, shards)
        case "jenkins":
            return {"Jenkinsfile": _jenkins(observed, shards)}
        case "bare":
            return {}


def _package(extra: str) -> str:
    return f"merge-gate{extra}=={__version__}"


def _github(observed: Observed, shards: int) -> dict[str, str]:
    restore, save = (_cache(f"github-{step}.yml", observed) for step in ("restore", "save"))
    setup = _filled("github-setup.yml", CACHE=restore, PACKAGE=_package("[github]"))
    # GitHub reads branch names as patterns unless they are escaped; JSON is valid YAML.
    branch = json.dumps(re.sub(r"([+!])", r"\\\1", observed.branch), ensure_ascii=False)
    return {
        ".github/workflows/gate.yml": _filled("github.yml", **_jobs(setup, shards), SETUP=setup),
        ".github/workflows/gate-record.yml": _filled(
            "github-record.yml", SETUP=setup, SAVE=save, BRANCH=branch
        ),
    }


def _jobs(setup: str, shards: int) -> dict[str, str]:
    """Return what differs between a workflow whose only job runs the checks, and one with jobs of their own for them.

    With one job, later runs for the same commit use its results.
    """
    if shards == 1:
        return {
            **dict.fromkeys(("OPTION", "SHARDS", "NEEDS", "PARTS", "JOIN"), ""),
            "ACTIONS": "      actions: read # the results of earlier runs\n",
            "EARLIER": _filled("github-earlier.yml"),
            "CACHE_OF_COMMIT": "          GATE_COMMIT_CACHE: ${{ runner.temp }}/results\n",
            "KEEP": _filled("github-keep.yml"),
        }
    numbers = ", ".join(str(number) for number in range(1, shards + 1))
    return {
        **dict.fromkeys(("ACTIONS", "EARLIER", "CACHE_OF_COMMIT", "KEEP"), ""),
        "OPTION": f" --shards {shards}",
        "SHARDS": _filled("github-shards.yml", SETUP=setup, NUMBERS=numbers, COUNT=str(shards)),
        "NEEDS": ALWAYS,
        "PARTS": _filled("github-join.yml"),
        # Only jobs of this run can write its artifacts.
        "JOIN": ' \\\n            --join "$RUNNER_TEMP/parts" --unsigned',
    }


def _cache(template: str, observed: Observed) -> str:
    """Return a step that caches uv's downloads, keyed by the files that decide about them, or "" without any."""
    files = _deciding(observed)
    return _filled(template, FILES=", ".join(f"'{name}'" for name in files)) if files else ""


def _deciding(observed: Observed) -> list[str]:
    """Return the files that the environment of the checks is built from: the lock, or else the project's own."""
    if observed.lock:
        return [observed.lock]
    return [name for name in ("pyproject.toml", "setup.py") if name in observed.paths]


def _gitlab(observed: Observed, shards: int) -> dict[str, str]:
    text = gitlab_template().replace('value: "merge-gate[gitlab]"', f'value: "{_package("[gitlab]")}"')
    if files := _deciding(observed):
        text = text.replace(
            "    key: gate-uv\n", f"    key: {{prefix: gate-uv, files: [{', '.join(files)}]}}\n"
        )
    _, mark, rest = text.partition("\nvariables:")
    head = "# Written by `gate init --gitlab`. Then let merge requests be merged only when their pipeline succeeds.\n"
    if shards > 1:
        jobs, _, _ = rest.rpartition("\ngate:\n")
        rest = jobs + _filled("gitlab-shards.yml", COUNT=str(shards))
        head = head.replace("--gitlab`", f"--gitlab --shards {shards}`")
    # A pipeline of the project's own stays as it is, and includes this file.
    pipeline = observed.top / ".gitlab-ci.yml"
    own = pipeline.exists() and not pipeline.read_bytes().startswith(head.encode())
    return {".gitlab/gate.yml" if own else ".gitlab-ci.yml": f"{head}{mark}{rest}"}


def gitlab_template() -> str:
    """Return the template that GitLab projects include, as packaged with gate or next to its source."""
    package = Path(__file__).parents[2]
    for folder in (package / "_templates", package.parent / "templates"):
        if (folder / GITLAB_TEMPLATE).is_file():
            return (folder / GITLAB_TEMPLATE).read_text("utf-8")
    raise UsageError(f"this installation of gate lacks {GITLAB_TEMPLATE}", "install gate again")


def _jenkins(observed: Observed, shards: int) -> str:
    branch = observed.branch.replace("\\", "\\\\").replace("'", "\\'")
    numbers = ", ".join(f"'{number}'" for number in range(1, shards + 1))
    return _filled(
        "Jenkinsfile-shards" if shards > 1 else "Jenkinsfile",
        BRANCH=branch,
        PACKAGE=_package("[github]" if observed.forge else ""),
        COUNT=str(shards),
        NUMBERS=numbers,
    )


def after(kind: Kind, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the remaining steps once the files are merged."""
    include = ".gitlab/gate.yml" in files
    lines = ["add to .gitlab-ci.yml:  include: [{local: .gitlab/gate.yml}]"] if include else []
    return (*lines, *NEXT[kind])


def _filled(name: str, **values: str) -> str:
    text = (TEMPLATES / name).read_text("utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
