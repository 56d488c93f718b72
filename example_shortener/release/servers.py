"""One release: its code written out, a Python with its dependencies, and a gunicorn with the data of all."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import os
import re
import secrets
import shutil
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from release.environments import Environment, Running, free_port
from release.problems import CannotGo, Refused, WrongUsage
from release.services import PATIENCE, run

AS_REVIEWED = "* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n"
"""Git's attributes of a file that is written as it was committed."""


def resolve(root: Path, name: str) -> Running:
    """The commit that `name` is now, as a release that does not run yet; raises WrongUsage."""
    words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
    code, revision = run(["git", *words], cwd=root)
    if code:
        raise WrongUsage(f"{name}: there is no such revision in {root}")
    _, subject = run(["git", "log", "-1", "--format=%s", revision, "--"], cwd=root)
    # Who wrote the change, not who merged it.
    _, author = run(["git", "log", "-1", "--no-merges", "--format=%an <%ae>", revision, "--"], cwd=root)
    return Running("", revision, subject, author, 0)


def write_out(environment: Environment, revision: str) -> None:
    """Write what `revision` holds to where releases are, unless it is there already.

    What was reviewed is what runs: it is read through an empty repository, whose attributes come before those of the
    candidate, and which replaces no object by another.
    """
    root, folder = environment.settings.root, environment.settings.folder / "releases"
    if (folder / revision).is_dir():
        return
    # The sample may be a folder of a larger repository: then the release is that folder.
    words = ["--path-format=absolute", "--show-object-format", "--git-path", "objects", "--show-prefix"]
    form, objects, *prefix = run(["git", "rev-parse", *words], cwd=root)[1].splitlines()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{revision[:9]}-", dir=folder) as beside:
        reader, packed, tree = (Path(beside) / name for name in ("reader.git", "packed.tar", "tree"))
        init = ["git", "init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(reader)]
        code, output = run(init, cwd=root)
        if code == 0:
            (reader / "info").mkdir()
            (reader / "info" / "attributes").write_text(AS_REVIEWED, "utf-8")
            (reader / "objects" / "info" / "alternates").write_text(f"{objects}\n", "utf-8")
            argv = ["git", "archive", "--format=tar", f"--output={packed}", f"{revision}:{''.join(prefix)}"]
            code, output = run(argv, cwd=reader)
        if code:
            raise CannotGo(f"{revision[:9]} cannot be read: {output}")
        try:
            with tarfile.open(packed) as tar:
                tar.extractall(tree, filter="data")
        except tarfile.TarError as error:
            raise Refused(f"{revision[:9]} cannot be written out: {error}") from error
        if not (tree / "shortener" / "serving.py").is_file():
            raise WrongUsage(f"{revision}: there is no shortener in it")
        tree.rename(folder / revision)


def interpreter(environment: Environment, tree: Path) -> str:
    """The Python for the release in `tree`; releases that name the same dependencies share one."""
    settings = environment.settings
    if settings.python:
        return settings.python
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
        wanted = [sys.version.split()[0], *sorted(project.get("dependencies", []))]
        # An address would be built from source, by what it says itself.
        if address := next(filter(None, (Requirement(words).url for words in wanted[1:])), None):
            raise Refused(f"pyproject.toml: {address} is an address; expected a version of a package")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(f"pyproject.toml does not say what the release needs: {error}") from error
    place = settings.folder / "pythons" / hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = ["-I", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--", *wanted[1:]]
        for argv in ([sys.executable, "-I", "-m", "venv", str(place)], [str(python), *install]):
            code, output = run(argv, cwd=settings.folder)
            if code:
                raise Refused(f"{' '.join(argv[2:5])} … ended with {code}: {output.splitlines()[-1:]}")
        (place / "complete").touch()
    return str(python)


def api_key(environment: Environment) -> str:
    """A key that may create links; "" where none is needed."""
    path = environment.settings.api_key
    return (environment.settings.root / path).read_text("utf-8").split()[0] if path else ""


def variables(environment: Environment, scratch: Path) -> dict[str, str]:
    """What a release sees of this process's environment, which is little: no token of a CI server reaches it."""
    settings = environment.settings
    own = {
        "SHORTENER_DATABASE": str(environment.database),
        "SHORTENER_BASE_URL": settings.base_url,
        "SHORTENER_API_KEYS": str(settings.root / settings.api_key) if settings.api_key else "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }
    passed = {name: os.environ.get(name, "") for name in ("PATH", "LANG", "HOME", "TZ")}
    return {name: value for name, value in (passed | own).items() if value}


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
                reason = text.strip() or status
                raise Refused(f"the release did not become ready: {reason} (see {service.log})")
        time.sleep(0.02)


def ask(
    port: int, method: str, path: str, body: str = "", timeout: float = 5.0, key: str = ""
) -> tuple[int, str, str]:
    """The status, the Location and the text that 127.0.0.1:port answers. Status 0 is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/json"} if body else {}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
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

    def expect(status: int, method: str, path: str, body: str = "") -> tuple[int, str, str]:
        answer = ask(port, method, path, body, key=key)
        if answer[0] != status:
            got = f"{answer[0] or 'nothing'}, expected {status}: {answer[2].strip()[:200]}"
            raise Refused(f"verify: {method} {path.replace(alias, 'CODE')} answered {got}")
        return answer

    expect(200, "GET", "/readyz")
    expect(201, "POST", "/api/links", wish)
    if (location := expect(302, "GET", f"/{alias}")[1]) != link:
        raise Refused(f"verify: GET /CODE leads to {location!r}, expected {link!r}")
    shown = expect(200, "GET", f"/api/links/{alias}")[2]
    if not re.search(r'"clicks": *1\b', shown):
        raise Refused(f"verify: a click was not counted: {shown.strip()[:200]}")
    expect(404, "GET", f"/{alias}-no")
    expect(200, "GET", "/metrics")
