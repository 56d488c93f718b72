"""Locate a pull request: from a command-line option or from the CI system's environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gate.errors import CannotDecide, UsageError
from gate.json_input import parse_json
from gate.model import Source
from gate.wording import number_in

FORM = re.compile(r"(github|gitlab|gitea):([^\s#!]+/[^\s#!]+)([#!])([1-9][0-9]{0,17})")
PROJECT = re.compile(r"(github|gitlab|gitea):([^\s#!:]+/[^\s#!:]+)")
_HOSTED: Mapping[Source, tuple[str, str]] = {
    "github": ("GITHUB_API_URL", "/api/v3"),
    "gitlab": ("CI_API_V4_URL", "/api/v4"),
    "gitea": ("GITEA_API_URL", "/api/v1"),
}
QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([1-9][0-9]{0,17})-[0-9a-f]{40,64}")
OPENED = re.compile(r"([^\s!]+/[^\s!]+)!([1-9][0-9]{0,17})")
HOW = "say which, as in `--reviews github:OWNER/REPO#12` or `--reviews gitlab:GROUP/PROJECT!7`"
TOKENS: Mapping[Source, tuple[str, ...]] = {
    "github": ("GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab": ("GITLAB_TOKEN", "CI_JOB_TOKEN"),
    "gitea": ("GITEA_TOKEN",),
}
APIS: Mapping[Source, str] = {
    "github": "https://api.github.com",
    "gitlab": "https://gitlab.com/api/v4",
    "gitea": "",
}


@dataclass(frozen=True, slots=True)
class PullRequestRef:
    """A project on a forge, and a pull request in it: by `number`, or, if that is 0, by `commit`.

    `queued` means that the checked commit isn't the head of the pull request but one that the forge created from it.
    The token comes from the environment variable `variable` and is never shown.
    """

    source: Source
    api: str
    project: str
    number: int
    variable: str
    token: str = field(repr=False)
    commit: str = ""
    queued: bool = False

    @property
    def name(self) -> str:
        """The project and the number, as on the forge: `acme/shop#12`, `acme/shop!7`."""
        return f"{self.project}{'!' if self.source == 'gitlab' else '#'}{self.number}"

    @property
    def page(self) -> str:
        """The URL of the pull request's page, or "" if it has no number yet."""
        site = self.api.removesuffix(_HOSTED[self.source][1])
        site = "https://github.com" if self.api == APIS["github"] else site
        kind = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}[self.source]
        return f"{site}/{self.project}/{kind}/{self.number}" if self.number else ""


def find_request(spec: str, environ: Mapping[str, str]) -> PullRequestRef:
    """Return the pull request that `spec` names: `github:OWNER/REPO#12` and the like, or `auto` for the CI's own.

    Raises UsageError if there is none, or no token for it.
    """
    if spec == "auto":
        return _from_ci(environ)
    match = FORM.fullmatch(spec)
    if not match or (match[3] == "!") != (match[1] == "gitlab"):
        raise UsageError(
            f"--reviews {spec}: expected auto, github:OWNER/REPO#12, gitlab:GROUP/PROJECT!7, or gitea:OWNER/REPO#3"
        )
    sources: dict[str, Source] = {"github": "github", "gitlab": "gitlab", "gitea": "gitea"}
    return _request_ref(sources[match[1]], match[2], int(match[4]), environ)


def find_pushed(environ: Mapping[str, str]) -> PullRequestRef:
    """Return the project that CI runs for after a push; each commit's pull request is still to be found.

    Raises UsageError outside supported CI systems, or without a token for the forge.
    """
    if environ.get("GITLAB_CI") == "true":
        commit = environ.get("CI_COMMIT_SHA", "")
        return _request_ref("gitlab", environ.get("CI_PROJECT_PATH", ""), 0, environ, commit=commit)
    return replace(_from_ci(environ), number=0)


def find_project(spec: str, environ: Mapping[str, str]) -> PullRequestRef:
    """Return the project that `spec` names: `github:OWNER/REPO` and the like.

    Raises UsageError if it names none, or if there is no token for it.
    """
    match = PROJECT.fullmatch(spec)
    if not match:
        raise UsageError(
            f"--forge {spec}: expected github:OWNER/REPO, gitlab:GROUP/PROJECT, or gitea:OWNER/REPO"
        )
    sources: dict[str, Source] = {"github": "github", "gitlab": "gitlab", "gitea": "gitea"}
    return _request_ref(sources[match[1]], match[2], 0, environ)


def project_at(origin: str, source: str, project: str, environ: Mapping[str, str]) -> PullRequestRef:
    """Return the project that a clone came from: `project` on the forge `source`, located by origin's address.

    Raises UsageError if the address isn't on a supported forge, or if no token is set. For a self-hosted forge, the API
    address must be set, so that the token is only sent to a server that the user named.
    """
    if not source or not project:
        raise UsageError(
            f"origin ({origin or 'not set'}) is not on a forge that gate recognizes",
            "name the project, as in `--forge github:OWNER/REPO` (or gitlab:GROUP/PROJECT, gitea:OWNER/REPO)",
        )
    found = find_project(f"{source}:{project}", environ)
    host = re.sub(r"^(?:[\w+.-]+://)?(?:[^/@]*@)?", "", origin).partition("/")[0].partition(":")[0].casefold()
    if found.api == APIS[found.source] and urlsplit(found.api).hostname not in {host, f"api.{host}"}:
        name, path = _HOSTED[found.source]
        raise UsageError(
            f"origin is on {host}, and the address of its API is not set", f"set {name}=https://{host}{path}"
        )
    return found


def _request_ref(
    source: Source,
    project: str,
    number: int,
    environ: Mapping[str, str],
    *,
    commit: str = "",
    queued: bool = False,
) -> PullRequestRef:
    variable = next((name for name in _token_variables(source, environ) if environ.get(name)), "")
    if not variable:
        names = " or ".join(_token_variables(source, environ))
        raise UsageError(f"no token to read reviews on {source}", f"set {names}")
    api = _api(source, environ)
    return PullRequestRef(source, api, project, number, variable, environ[variable].strip(), commit, queued)


def _token_variables(source: Source, environ: Mapping[str, str]) -> tuple[str, ...]:
    on_gitea = environ.get("GITEA_ACTIONS") == "true"
    return (*TOKENS[source], "GITHUB_TOKEN") if source == "gitea" and on_gitea else TOKENS[source]


def _api(source: Source, environ: Mapping[str, str]) -> str:
    on_gitea = environ.get("GITEA_ACTIONS") == "true"
    names = {
        "github": () if on_gitea else ("GITHUB_API_URL",),
        "gitlab": ("CI_API_V4_URL",),
        "gitea": ("GITEA_API_URL", "GITHUB_API_URL") if on_gitea else ("GITEA_API_URL",),
    }[source]
    api = next((environ[name] for name in names if environ.get(name)), APIS[source]).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", api):
        raise UsageError(
            f"the address of {source}'s API is {api!r}" if api else f"the address of {source} is not set",
            f"set {(*names, 'its API address')[0]}, such as https://git.example.com/api/v1",
        )
    return api


def _from_ci(environ: Mapping[str, str]) -> PullRequestRef:
    if environ.get("GITHUB_ACTIONS") == "true" or environ.get("GITEA_ACTIONS") == "true":
        source: Source = "gitea" if environ.get("GITEA_ACTIONS") == "true" else "github"
        return _from_event(source, environ)
    if environ.get("GITLAB_CI") == "true":
        return _from_gitlab(environ)
    raise UsageError("--reviews auto works only in GitHub, GitLab, or Gitea CI", HOW)


def _from_event(source: Source, environ: Mapping[str, str]) -> PullRequestRef:
    """Return the pull request from the event file of the workflow run."""
    name, project = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_REPOSITORY", "")
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    pull = event.get("pull_request")
    number = pull.get("number") if isinstance(pull, dict) else None
    if isinstance(number, int) and not isinstance(number, bool):
        return _request_ref(source, project, number, environ)
    group = event.get("merge_group")
    queue = QUEUED.fullmatch(str(group.get("head_ref"))) if isinstance(group, dict) else None
    if queue:
        return _request_ref(source, project, int(queue[1]), environ, queued=True)
    pushed = event.get("after")
    if name == "push" and isinstance(pushed, str):
        return _request_ref(source, project, 0, environ, commit=pushed)
    raise UsageError(f"--reviews auto: the event {name or 'without a name'} has no pull request", HOW)


def _event(path: str) -> dict[str, Any]:
    try:
        event = parse_json(Path(path).read_bytes()) if path else None
    except (OSError, ValueError) as error:
        raise CannotDecide(f"the event in GITHUB_EVENT_PATH cannot be read: {error}", HOW) from error
    if not isinstance(event, dict):
        raise CannotDecide("GITHUB_EVENT_PATH has no event", HOW)
    return event


def _from_gitlab(environ: Mapping[str, str]) -> PullRequestRef:
    project = environ.get("CI_MERGE_REQUEST_PROJECT_PATH") or environ.get("CI_PROJECT_PATH", "")
    number = number_in(environ.get("CI_MERGE_REQUEST_IID", ""))
    if number is not None:
        queued = environ.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train"
        return _request_ref("gitlab", project, number, environ, queued=queued)
    opened = [OPENED.fullmatch(name) for name in environ.get("CI_OPEN_MERGE_REQUESTS", "").split(",") if name]
    if len(opened) == 1 and opened[0]:
        return _request_ref("gitlab", opened[0][1], int(opened[0][2]), environ)
    if opened:
        raise UsageError("--reviews auto: this branch has more than one open merge request", HOW)
    raise UsageError("--reviews auto: this pipeline has no merge request", HOW)
