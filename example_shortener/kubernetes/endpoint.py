"""Answer a cluster's requests for gate's decision: `python endpoint.py CLONE ATTESTATIONS [PORT]`. It changes nothing.

CLONE is a clone of the repository that only this service uses, with the cluster operator's settings and gate;
ATTESTATIONS is the folder in which CI stores what `gate attest` signs for an image, as `SHA256.json`.

| request | who sends it | answer |
| --- | --- | --- |
| `POST /verdict` | Argo Rollouts (web metric) | 200 and `{"outcome": "pass", "blocked" or "undecided", "reason": …}` |
| `POST /check` | Flagger (webhook), Spinnaker (webhook stage) | 200 pass · 403 blocked · 503 undecided, so try again |
| `POST /admit` | Kubernetes (validating admission webhook) | an AdmissionReview: are all images attested? |

A request body is JSON with `environment`, `revision` (a full commit id) and `image` (`NAME@sha256:…`), at the top level
or, from Flagger, in `metadata`. The image has to be attested for exactly this commit: a name alone proves nothing.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LARGEST = 4 * 1024 * 1024
GATE = [sys.executable, "-I", "-m", "gate"]
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
IMAGE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._:/-]*)@sha256:(?P<digest>[0-9a-f]{64})")
STATUS = {"pass": 200, "blocked": 403, "undecided": 503}


class Asker:
    """gate, run in a clone. Anything but a clear yes means no."""

    def __init__(self, clone: Path, attestations: Path) -> None:
        """Store the paths; nothing is read yet."""
        self.clone = clone
        self.attestations = attestations

    def verdict(self, question: dict[str, Any]) -> dict[str, str]:
        """Return whether this revision, as this image, can be released into this environment."""
        fields = {**question, **(question.get("metadata") or {})}
        environment, revision = str(fields.get("environment")), str(fields.get("revision"))
        if not ENVIRONMENT.fullmatch(environment) or not COMMIT.fullmatch(revision):
            return {
                "outcome": "blocked",
                "reason": "expected `environment`, and in `revision` a full commit id",
            }
        if reason := self.unattested(str(fields.get("image")), revision):
            return {"outcome": "blocked", "reason": reason}
        self._git("fetch", "--quiet", "origin")
        self._git("fetch", "--quiet", "origin", "+refs/gate/log:refs/gate/remotes/origin/log")
        code, output = self._run(
            *GATE, "check", "--into", environment, "--head", revision, "--format", "json"
        )
        try:
            requirements = json.loads(output)["requirements"]
            missing = [one["reason"] for one in requirements if one["outcome"] in {"unmet", "undecided"}]
        except (ValueError, LookupError, TypeError):
            missing = [output[-500:]]
        return {
            "outcome": {0: "pass", 1: "blocked"}.get(code, "undecided"),
            "reason": "; ".join(missing) if code else f"{revision[:12]} can be released into {environment}",
        }

    def unattested(self, image: str, revision: str = "") -> str:
        """Return why nothing attests that the image was built from a verified commit (`revision`); "" if attested."""
        match = IMAGE.fullmatch(image)
        if match is None:
            return f"{image}: expected an image with its digest, NAME@sha256:…"
        path = self.attestations / f"{match['digest']}.json"
        if not path.is_file():
            return f"{image}: there is no attestation of it"
        self._git("fetch", "--quiet", "origin")
        # The registry is only where an image is found; its digest identifies it.
        name = match["name"].split("/")[-1].split(":")[0]
        words = ["attest", "--verify", str(path.absolute()), "--subject", f"{name}=sha256:{match['digest']}"]
        code, output = self._run(*GATE, *words, *([revision] if revision else []))
        return "" if code == 0 else f"{image}: {' '.join(output.split())[-500:]}"

    def admit(self, review: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an AdmissionReview about a pod: all of its images have to be attested."""
        request = review["request"]
        spec = request["object"]["spec"]
        kinds = ("initContainers", "containers", "ephemeralContainers")
        images = [container["image"] for kind in kinds for container in spec.get(kind) or []]
        # A container may also run code from a mounted image.
        volumes = [volume["image"] for volume in spec.get("volumes") or [] if volume.get("image")]
        images += [image["reference"] for image in volumes]
        reasons = [reason for image in dict.fromkeys(images) if (reason := self.unattested(image))]
        answer = {"uid": request["uid"], "allowed": bool(images) and not reasons}
        if not answer["allowed"]:
            answer["status"] = {"code": 403, "message": "; ".join(reasons) or "a pod without images"}
        return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": answer}

    def _git(self, *words: str) -> None:
        # If the remote is unreachable, gate decides by the local clone, or reports that it can't.
        self._run("git", *words)

    def _run(self, *argv: str) -> tuple[int, str]:
        try:
            done = subprocess.run(  # noqa: S603  fixed arguments, and what was matched above
                argv, cwd=self.clone, stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                encoding="utf-8", errors="replace", check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return 3, str(error)
        return done.returncode, done.stdout.strip() or done.stderr.strip()


def handler(asker: Asker) -> type[BaseHTTPRequestHandler]:
    """Return the handler that answers requests with gate's decision."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 < length <= LARGEST:
                    raise ValueError(length)
                status, answer = self._answer(json.loads(self.rfile.read(length)))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                status, answer = (
                    400,
                    {"outcome": "blocked", "reason": "this is no question that gate can answer"},
                )
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answer(self, question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            if self.path.partition("?")[0] == "/admit":
                return 200, asker.admit(question)
            verdict = asker.verdict(question)
            if self.path == "/verdict":
                return 200, verdict
            return (STATUS[verdict["outcome"]], verdict) if self.path == "/check" else (404, verdict)

    return Handler


def main() -> None:
    """Serve until interrupted, with TLS if CLONE/../tls.pem exists (certificate and key), as admission requires it."""
    clone, attestations, *port = sys.argv[1:]
    server = ThreadingHTTPServer(
        ("", int(port[0]) if port else 8080), handler(Asker(Path(clone), Path(attestations)))
    )
    if (tls := Path(clone).parent / "tls.pem").exists():
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(f"port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
