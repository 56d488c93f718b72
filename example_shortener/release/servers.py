"""One release: its code written out, a Python with its dependencies, and a gunicorn with the data of all."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import os
import secrets
import shutil
import sys
import tarfile
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from release.environments import Environment, Running, free_port
from release.problems import CannotGo, Refused, WrongUsage
from release.services import PATIENCE, run


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, its first line, and who wrote it."""

    id: str
    subject: str
    author: str


def resolve(root: Path, name: str) -> Revision:
    """The commit that `name` is now; raises WrongUsage."""
    if name.startswith("-"):
        raise WrongUsage(f"{name}: expected a revision")
    form = "--format=%H%x00%s%x00%an <%ae>"
    code, output = run(["git", "log", "-1", form, f"{name}^{{commit}}", "--"], cwd=root)
    if code:
        raise WrongUsage(f"{name}: there is no such revision in {root}")
    revision, subject, author = output.split("\0")
    code, output = run(["git", "log", "-1", "--no-merges", "--format=%an <%ae>", revision, "--"], cwd=root)
    return Revision(revision, subject, output if code == 0 and output else author)


def write_out(root: Path, revision: str, folder: Path) -> Path:
    """The folder below `folder` that holds what `revision` holds. What is there already is not written again."""
    tree = folder / revision
    if tree.is_dir():
        return tree
    # The sample may be a folder of a larger repository: then the release is that folder.
    _, prefix = run(["git", "rev-parse", "--show-prefix"], cwd=root)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{revision[:9]}-", dir=folder) as beside:
        packed = Path(beside) / "packed.tar"
        argv = ["git", "archive", "--format=tar", f"--output={packed}", f"{revision}:{prefix}"]
        code, output = run(argv, cwd=root)
        if code:
            raise CannotGo(f"git archive {revision}: {output}")
        with tarfile.open(packed) as tar:
            tar.extractall(Path(beside) / "tree", filter="data")
        if not (Path(beside) / "tree" / "shortener" / "serving.py").is_file():
            raise WrongUsage(f"{revision}: there is no shortener in it")
        (Path(beside) / "tree").rename(tree)
    return tree


def interpreter(environment: Environment, tree: Path) -> str:
    """The Python for the release in `tree`; releases that name the same dependencies share one."""
    settings = environment.settings
    if settings.python:
        return settings.python
    project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [sys.version.split()[0], *sorted(project.get("dependencies", []))]
    place = settings.folder / "pythons" / hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *wanted[1:]]
        for argv in ([sys.executable, "-m", "venv", str(place)], install):
            code, output = run(argv, cwd=settings.folder)
            if code:
                raise Refused(f"{' '.join(argv[1:4])} … ended with {code}: {output.splitlines()[-1:]}")
        (place / "complete").touch()
    return str(python)


def api_key(environment: Environment) -> str:
    """A key that may create links; "" where none is needed."""
    path = environment.settings.api_key
    return (environment.settings.root / path).read_text("utf-8").split()[0] if path else ""


def variables(environment: Environment, scratch: Path) -> dict[str, str]:
    """What a release sees of this process's environment, which is little: no token of a CI server reaches it."""
    settings = environment.settings
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TZ") if name in os.environ}
    own = {
        "SHORTENER_BASE_URL": settings.base_url,
        "SHORTENER_API_KEYS": str(settings.root / settings.api_key),
    }
    if not settings.api_key:
        del own["SHORTENER_API_KEYS"]
    return {
        **kept,
        **{name: value for name, value in own.items() if value},
        "SHORTENER_DATABASE": str(environment.database),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }


def start(environment: Environment, release: Running) -> Running:
    """Start a release that is written out, in its slot; returns it with its port once it is ready.

    Raises Refused if it never is.
    """
    service, tree = environment.server(release.slot), environment.tree(release)
    scratch = environment.folder / f"{release.slot}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    port = free_port()
    argv = [interpreter(environment, tree), "-m", "gunicorn", "--config", "python:shortener.serving"]
    argv += ["--bind", f"127.0.0.1:{port}", "--workers", str(environment.target.workers)]
    service.start(argv, cwd=tree, env=variables(environment, scratch))
    end, pid = time.monotonic() + PATIENCE, service.pid
    looked = time.monotonic()
    while True:
        status, _, text = ask(port, "GET", "/readyz", timeout=2)
        if status == 200:
            return dataclasses.replace(release, port=port)
        if time.monotonic() > looked + 1:
            looked, now = time.monotonic(), service.pid
            if now is None or now != pid or looked > end:
                service.stop()
                raise Refused(
                    f"the release did not become ready: {text.strip() or status} (see {service.log})"
                )
        time.sleep(0.02)


def ask(
    port: int, method: str, path: str, body: str = "", timeout: float = 5.0, key: str = ""
) -> tuple[int, str, str]:
    """The status, the Location and the text that 127.0.0.1:port answers. Status 0 is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = ({"Content-Type": "application/json"} if body else {}) | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, "", str(error) or type(error).__name__
    finally:
        connection.close()


def verify(port: int, key: str, link: str = "https://example.com/") -> None:
    """The smoke test: do with the release what its users do; raises Refused that says what went wrong.

    It leaves one link behind, which expires in a minute.
    """
    alias = f"verify-{secrets.token_hex(6)}"
    wish = json.dumps({"url": link, "alias": alias, "expires_in": 60})
    _expect("GET /readyz", ask(port, "GET", "/readyz"), 200)
    _expect("POST /api/links", ask(port, "POST", "/api/links", wish, key=key), 201)
    followed = ask(port, "GET", f"/{alias}")
    _expect("GET /CODE", followed, 302)
    if followed[1] != link:
        raise Refused(f"verify: GET /CODE leads to {followed[1]!r}, expected {link!r}")
    shown = ask(port, "GET", f"/api/links/{alias}", key=key)
    _expect("GET /api/links/CODE", shown, 200)
    if json.loads(shown[2]).get("clicks") != 1:
        raise Refused("verify: a click was not counted")
    _expect("GET /UNKNOWN", ask(port, "GET", f"/{alias}-no"), 404)
    _expect("GET /metrics", ask(port, "GET", "/metrics"), 200)


def _expect(what: str, answer: tuple[int, str, str], status: int) -> None:
    if answer[0] != status:
        text = answer[2].strip()[:200]
        raise Refused(f"verify: {what} answered {answer[0] or 'nothing'}, expected {status}: {text}")
