"""HTTP clients: PyGithub for GitHub and compatible forges, python-gitlab for GitLab. Imported when needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from gate.errors import CannotDecide, UsageError
from gate.forges.places import PullRequestRef
from gate.forges.wire import PATIENCE, Answer, Json, Query, Refused

if TYPE_CHECKING:
    from github.Requester import Requester
    from gitlab import Gitlab
    from requests import Session


class GitHubClient:
    """A client for GitHub or Gitea that uses PyGithub. It never waits and never retries."""

    def __init__(self, source: PullRequestRef) -> None:
        """Create the client without connecting. Raises UsageError if PyGithub isn't installed."""
        try:
            from github import Auth, Github
        except ImportError as error:
            raise _not_installed(source, "PyGithub") from error
        client = Github(
            auth=Auth.Token(source.token),
            base_url=source.api,
            timeout=PATIENCE,
            retry=None,
            seconds_between_requests=None,
            lazy=True,
        )
        self.request_ref = source
        self._requester: Requester = client.requester

    def get(self, path: str, query: Query) -> Answer:
        """See `gate.forges.wire.Wire`."""
        return self._ask("GET", path, dict(query), None)

    def send(self, method: str, path: str, body: Json) -> None:
        """See `gate.forges.wire.Wire`."""
        self._ask(method, path, None, body)

    def _ask(self, method: str, path: str, query: dict[str, str | int] | None, sent: Json | None) -> Answer:
        from github import GithubException
        from requests import RequestException

        try:
            headers, body = self._requester.requestJsonAndCheck(method, path, query, input=sent)
        except GithubException as error:
            raise Refused(error.status, error.message or "", _small(error.headers or {})) from error
        except (RequestException, OSError, ValueError, AssertionError, RuntimeError) as error:
            raise _away(self.request_ref, path, error) from error
        return Answer(body, _small(headers))


class GitLabClient:
    """A client for GitLab that uses python-gitlab. It never waits and never retries."""

    def __init__(self, source: PullRequestRef) -> None:
        """Create the client without connecting. Raises UsageError if python-gitlab isn't installed."""
        try:
            from gitlab import Gitlab
        except ImportError as error:
            raise _not_installed(source, "python-gitlab") from error
        job = source.variable == "CI_JOB_TOKEN"
        self.request_ref = source
        self._gitlab: Gitlab = Gitlab(
            source.api.removesuffix("/api/v4"),
            job_token=source.token if job else None,
            private_token=None if job else source.token,
            timeout=PATIENCE,
            keep_base_url=True,
            session=_faithful(source.api),
        )

    def get(self, path: str, query: Query) -> Answer:
        """See `gate.forges.wire.Wire`."""
        return self._ask("get", path, dict(query), None)

    def send(self, method: str, path: str, body: Json) -> None:
        """See `gate.forges.wire.Wire`."""
        self._ask(method.lower(), path, {}, body)

    def _ask(self, method: str, path: str, query: dict[str, str | int], sent: Json | None) -> Answer:
        from gitlab.exceptions import GitlabError
        from requests import RequestException

        try:
            answer = self._gitlab.http_request(
                method, path, query_data=query, post_data=sent, obey_rate_limit=False, max_retries=0
            )
            return Answer(answer.json(), _small(answer.headers))
        except GitlabError as error:
            if error.response_code is None:
                raise _away(self.request_ref, path, error) from error
            headers = getattr(error, "response_headers", None) or {}
            raise Refused(error.response_code, str(error.error_message), _small(headers)) from error
        except (RequestException, OSError, ValueError, RecursionError) as error:
            raise _away(self.request_ref, path, error) from error


def _faithful(api: str) -> Session:
    """Return a session that follows redirects only within `api`, because they would carry GitLab's token header along.

    PyGithub does that by itself.
    """
    from requests import Response, Session
    from requests.exceptions import InvalidURL

    class Faithful(Session):
        def get_redirect_target(self, resp: Response) -> str | None:
            target = super().get_redirect_target(resp)
            if target and urlsplit(urljoin(resp.url, target))[:2] != urlsplit(api)[:2]:
                raise InvalidURL
            return target

    return Faithful()


def _small(headers: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}


def _not_installed(source: PullRequestRef, library: str) -> UsageError:
    return UsageError(
        f"reading reviews on {source.source} needs {library}, which is not installed",
        f"`pip install 'merge-gate[{source.source}]'`",
    )


def _away(source: PullRequestRef, path: str, error: Exception) -> CannotDecide:
    # The error's message may contain request headers; its kind is enough.
    return CannotDecide(
        f"{source.source} could not be reached for {path}: {_kind(error)}",
        f"check that {source.api} is reachable, and try again",
    )


def _kind(error: Exception) -> str:
    from requests import exceptions

    match error:
        case exceptions.Timeout():
            return f"no answer within {PATIENCE} seconds"
        case exceptions.SSLError():
            return "its certificate is not trusted here"
        case exceptions.ConnectionError():
            return "no connection"
        case exceptions.InvalidURL():
            return "it redirects to another address, which must not receive the token"
        case ValueError() | RecursionError():
            return "its answer cannot be read"
        case _:
            return type(error).__name__
