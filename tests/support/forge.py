"""A stateful forge on loopback: requests whose head moves, reviews, pages, teams, and all kinds of failures.

It answers as GitHub, GitLab, or Gitea would, as far as gate uses them. GitLab says when somebody approved if it is
`exact`, and forgets the objection of a person who was `asked_anew`. Events are passed to it in terms that fit all
three: `push`, `approve`, `refuse`, `comment`, `take_back`, `aim`. Each event is a second after the last.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

Kind = Literal["github", "gitlab", "gitea"]
TOKEN = "forge-token-f00dfeed"
PROJECT = "acme/shortener"
NUMBER = 12

Json = dict[str, Any]


@dataclass
class Given:
    """A review."""

    id: int
    login: str
    state: str
    commit: str
    at: int
    body: str = ""
    bot: bool = False
    dismissed: bool = False


@dataclass
class Trouble:
    """A failure that replaces the answer for any path containing `where`, starting with the `after`th such request."""

    where: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"message": "trouble"}'
    after: int = 0


@dataclass
class Forge:
    """The state. `url` is the address of the API. Pages hold `page` items, regardless of the requested size."""

    kind: Kind
    url: str = ""
    head: str = ""
    into: str = "main"
    author: str = "newbie"
    state: str = "open"
    title: str = "Add export"
    draft: bool = False
    page: int = 2
    reviews: list[Given] = field(default_factory=list)
    commits: list[tuple[str, str]] = field(default_factory=list)
    versions: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    merge: str = ""
    landed_as: str = "merge_commit_sha"
    removed: int = 0
    exact: bool = False
    asked_anew: set[str] = field(default_factory=set)
    teams: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    written: list[tuple[str, str, Json]] = field(default_factory=list)
    comments: list[Json] = field(default_factory=list)
    lines: list[Json] = field(default_factory=list)
    hidden: frozenset[int] = frozenset()
    tokens: set[str] = field(default_factory=set)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    now: int = field(default_factory=lambda: int(time.time()) - 10_000)

    @property
    def spec(self) -> str:
        return f"{self.kind}:{PROJECT}{'!' if self.kind == 'gitlab' else '#'}{NUMBER}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that a job of this forge has."""
        api = {"github": "GITHUB_API_URL", "gitlab": "CI_API_V4_URL", "gitea": "GITEA_API_URL"}[self.kind]
        token = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN", "gitea": "GITEA_TOKEN"}[self.kind]
        return {api: self.url, token: TOKEN}

    def push(self, commit: str) -> None:
        self.head = commit
        self.versions.append((self._tick(), commit))

    def approve(self, login: str, commit: str = "", *, bot: bool = False) -> None:
        self._review(login, "approved", commit, bot=bot)

    def refuse(self, login: str, body: str = "drops the index") -> None:
        self._review(login, "objected", body=body)

    def comment(self, login: str) -> None:
        self._review(login, "commented", body="nice")

    def take_back(self, login: str) -> None:
        """Dismiss a person's last review, as a maintainer may. On GitLab, people withdraw it themselves."""
        last = [review for review in self.reviews if review.login == login][-1]
        last.dismissed = True
        self.notes.append((self._tick(), login, "unapproved this merge request"))

    def aim(self, branch: str) -> None:
        self.into = branch
        at = self._tick()
        self.moves.append(at)
        self.notes.append((at, self.author, f"changed target branch from `other` to `{branch}`"))

    def remove_a_comment(self) -> None:
        self._tick()
        self.removed -= 1

    def trouble(self, where: str, status: int = 0, **more: Any) -> None:
        self.troubles.append(Trouble(where, status, **more))

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def _review(self, login: str, state: str, commit: str = "", *, body: str = "", bot: bool = False) -> None:
        at = self._tick()
        self.reviews.append(Given(1000 + len(self.reviews), login, state, commit or self.head, at, body, bot))
        words = {"approved": "approved this merge request", "objected": "requested changes"}
        if state in words:
            self.notes.append((at, login, words[state]))

    def write(self, method: str, path: str, body: Json) -> bool:
        """Store what is written, as the forge's own comments. Returns False if there is nothing to change."""
        self.written.append((method, path, body))
        if method == "POST":
            lines = [*body.get("comments", ()), *([body] if "position" in body else [])]
            self.lines += lines
            if not lines:
                self.comments.append({"id": len(self.comments) + 1, "body": body["body"]})
            return True
        number = path.rpartition("/")[2]
        comment = next((item for item in self.comments if str(item["id"]) == number), None)
        if comment is not None:
            comment["body"] = body["body"]
        return comment is not None

    def answer(self, path: str) -> object:
        """Return the JSON at a path, or None if there is none."""
        return self._gitlab(path) if self.kind == "gitlab" else self._github(path)

    def _github(self, path: str) -> object:
        repository = f"/repos/{PROJECT}"
        gitea = self.kind == "gitea"
        pull = {
            "number": NUMBER,
            "state": self.state,
            "head": {"sha": self.head, "ref": "feature"},
            "base": {"ref": self.into},
            "user": {"login": self.author},
            "title": self.title,
            "draft": self.draft,
            "created_at": when(self.now - 7200),
            "updated_at": when(self.now),
            "merged_at": when(self.now) if self.merge else None,
            "merge_commit_sha": self.merge or "0" * 40,
        }
        events: list[Json] = [{"event": "labeled", "type": "label", "created_at": when(self.now)}]
        for at in self.moves:
            kind = {"type": "change_target_branch"} if gitea else {"event": "base_ref_changed"}
            events.append({**kind, "created_at": when(at)})
        answers: dict[str, object] = {
            f"{repository}/pulls/{NUMBER}": pull,
            f"{repository}/pulls": [pull],
            f"{repository}/pulls/{NUMBER}/reviews": [self._github_review(one) for one in self.reviews],
            f"{repository}/issues/{NUMBER}/comments": self.comments,
            f"{repository}/pulls/{NUMBER}/comments": self.lines,
            f"{repository}/pulls/{NUMBER}/commits": [
                {
                    "sha": str(number) * 40,
                    "commit": {"author": {"email": email}, "committer": {"email": email}},
                    "author": {"login": login} if login else None,
                    "committer": {"login": login} if login else None,
                }
                for number, (email, login) in enumerate(self.commits)
            ],
            f"{repository}/issues/{NUMBER}/{'timeline' if gitea else 'events'}": events,
            f"{repository}/commits/{self.head}/pulls": [pull],
            f"{repository}/commits/{self.merge}/pulls": [pull],
        }
        if gitea and self.merge:
            answers[f"{repository}/commits/{self.merge}/pull"] = {**pull, "merged": True}
        for number, (name, logins) in enumerate(self.teams.items()):
            organisation, _, team = name.partition("/")
            members = [{"login": login} for login in logins]
            answers[f"/orgs/{organisation}/teams/{team}/members"] = members
            answers[f"/orgs/{organisation}/teams"] = [{"id": number, "name": team}]
            answers[f"/teams/{number}/members"] = members
        return answers.get(path)

    def _github_review(self, review: Given) -> Json:
        gitea = self.kind == "gitea"
        names = {"approved": "APPROVED", "objected": "CHANGES_REQUESTED", "commented": "COMMENTED"}
        if gitea:
            names = {"approved": "APPROVED", "objected": "REQUEST_CHANGES", "commented": "COMMENT"}
        return {
            "id": review.id,
            "user": {"login": review.login, "type": "Bot" if review.bot else "User"}
            if review.login
            else None,
            "body": review.body,
            "state": "DISMISSED" if review.dismissed and not gitea else names[review.state],
            "commit_id": review.commit,
            "submitted_at": when(review.at),
            **({"dismissed": review.dismissed, "stale": False, "official": True} if gitea else {}),
        }

    def _gitlab(self, path: str) -> object:
        request = f"/projects/{PROJECT}/merge_requests/{NUMBER}"
        last = {review.login: review for review in self.reviews if review.state != "commented"}
        standing = [one for one in last.values() if one.state == "approved" and not one.dismissed]
        objecting = [one for one in last.values() if one.state == "objected"]
        answers: dict[str, object] = {
            request: {
                "iid": NUMBER,
                "sha": self.head,
                "target_branch": self.into,
                "author": {"username": self.author},
                "user_notes_count": sum(review.body != "" for review in self.reviews) + self.removed,
            },
            f"/projects/{PROJECT}/merge_requests": [
                {
                    "iid": NUMBER,
                    "sha": self.head,
                    "target_branch": self.into,
                    "author": {"username": self.author},
                    "title": self.title,
                    "draft": self.draft,
                    "created_at": when(self.now - 7200),
                    "state": "opened" if self.state == "open" else self.state,
                }
            ],
            f"/projects/{PROJECT}/repository/commits/{self.merge}/merge_requests": [
                {
                    "iid": NUMBER,
                    "state": "merged",
                    "sha": self.head,
                    **{name: self.merge for name in [self.landed_as] if name != "sha"},
                }
            ],
            f"{request}/approvals": {
                "approved_by": [
                    {"user": {"username": one.login}, **({"approved_at": when(one.at)} if self.exact else {})}
                    for one in standing
                ]
            },
            f"{request}/discussions": self.lines,
            f"{request}/notes": self.comments
            + [
                {"system": True, "author": {"username": login}, "body": body, "created_at": when(at)}
                for at, login, body in self.notes
            ]
            + [
                {
                    "system": False,
                    "author": {"username": "mallory"},
                    "body": body,
                    "created_at": when(self.now),
                }
                for body in ("approved this merge request", "requested changes")
            ],
            f"{request}/reviewers": [
                {
                    "user": {"username": one.login},
                    "state": "requested_changes",
                    "created_at": when(one.at),
                }
                for one in objecting
                if one.login not in self.asked_anew
            ],
            f"{request}/versions": [
                {"id": number, "head_commit_sha": commit, "created_at": when(at)}
                for number, (at, commit) in reversed(list(enumerate(self.versions)))
            ],
            f"{request}/commits": [
                {"author_email": email, "committer_email": email} for email, _ in self.commits
            ],
        }
        for name, logins in self.teams.items():
            answers[f"/groups/{name}/members/all"] = [{"username": login} for login in logins]
        return answers.get(path)


def when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    forge: Forge

    def do_GET(self) -> None:
        forge, parts = self.forge, urlsplit(self.path)
        path = unquote(parts.path).removeprefix(urlsplit(forge.url).path)
        forge.asked.append(path)
        names = ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN")
        forge.tokens.add(
            next((self.headers[name] for name in names if self.headers[name]), "").split(" ")[-1]
        )
        for where, act in list(forge.meanwhile.items()):
            if path.endswith(where):
                del forge.meanwhile[where]
                act()
        for trouble in forge.troubles:
            if trouble.where in self.path:
                trouble.after -= 1
                if trouble.after < 0:
                    return self._trouble(trouble)
        body = forge.answer(path)
        if body is None:
            return self._send(404, '{"message": "Not Found"}', {})
        if not isinstance(body, list):
            return self._send(200, json.dumps(body), {})
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        some = body[(page - 1) * forge.page : page * forge.page]
        return self._send(200, json.dumps(some), self._paging(page, len(body)))

    def _write(self) -> None:
        forge, parts = self.forge, urlsplit(self.path)
        path = unquote(parts.path).removeprefix(urlsplit(forge.url).path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for trouble in forge.troubles:
            if trouble.where == f"{self.command} {path}" or trouble.where == self.command:
                return self._trouble(trouble)
        lines = [*body.get("comments", ()), body.get("position", {})]
        if any(
            line.get(name) in forge.hidden for line in lines for name in ("line", "new_line", "new_position")
        ):
            return self._send(
                400 if forge.kind == "gitlab" else 422, '{"message": "line is not in the diff"}', {}
            )
        done = forge.write(self.command, path, body)
        return self._send(201 if done else 404, "{}", {})

    def do_POST(self) -> None:
        self._write()

    def do_PUT(self) -> None:
        self._write()

    def do_PATCH(self) -> None:
        self._write()

    def _paging(self, page: int, total: int) -> dict[str, str]:
        more = page * self.forge.page < total
        if self.forge.kind == "gitea":
            return {"X-Total-Count": str(total)}
        parts = urlsplit(self.path)
        query = urlencode({**dict(parse_qsl(parts.query)), "page": page + 1})
        address = f"http://{self.headers['Host']}{parts.path}?{query}"
        link = {"Link": f'<{address}>; rel="next"'} if more else {}
        return link | ({"X-Next-Page": str(page + 1) if more else ""} if self.forge.kind == "gitlab" else {})

    def _trouble(self, trouble: Trouble) -> None:
        if trouble.status:
            return self._send(trouble.status, trouble.body, trouble.headers)
        # Hang up in the middle of an answer.
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
        self.close_connection = True
        return None

    def _send(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        # Who asked may have lost patience.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Log nothing."""


@contextmanager
def serving(kind: Kind) -> Iterator[Forge]:
    """Yield a forge on a free port."""
    forge = Forge(kind)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"forge": forge}))
    root = {"github": "", "gitlab": "/api/v4", "gitea": "/api/v1"}[kind]
    forge.url = f"http://127.0.0.1:{server.server_port}{root}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
