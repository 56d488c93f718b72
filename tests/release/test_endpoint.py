"""What a cluster gets to hear from the endpoint that asks gate: the real gate, in a real clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from incident.stage import SAMPLE
from support.company import Company, isolated

pytestmark = pytest.mark.slow
REGISTRY = "registry.acme.example/shortener"
GOOD, OTHER = "a" * 64, "b" * 64
POLICY = """\
      owners: false
      checks: [ok]
      approvals: 1
  staging: {kind: environment, require: {passed: [main]}}
"""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint, and a commit that gate has let in with an image that was attested for it."""

    port: int
    commit: str
    unmerged: str

    def ask(self, path: str, question: object) -> tuple[int, Any]:
        data = question if isinstance(question, bytes) else json.dumps(question).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - it is the server above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def flagger(self, revision: str, image: str, environment: str = "staging") -> tuple[int, Any]:
        """As Flagger calls a webhook (pkg/controller/webhook.go)."""
        fields = {"environment": environment, "revision": revision, "image": image}
        payload = {"name": "shortener", "namespace": "shop", "phase": "Progressing", "checksum": "85d557f47b"}
        return self.ask("/check", payload | {"metadata": fields})


@pytest.fixture
def endpoint(company: Company, tmp_path: Path) -> Iterator[Endpoint]:
    bob, ada = company.clone("bob"), company.clone("ada")
    for name, files in (("policy", {"gate.yaml": company.policy(POLICY)}), ("work", {"work.py": "x = 1\n"})):
        bob.commit(name, files, branch=name)
        for clone in (ada, company.clone("nehemiah")):
            clone.approve(f"origin/{name}")
        result = ada.gate("merge", f"origin/{name}", "--push")
        assert result.code == 0, result.text
        bob.fetch()
    commit = ada.git("rev-parse", "origin/main")
    unmerged = bob.commit("more", {"more.py": "x = 1\n"}, branch="more")
    attestations = tmp_path / "attestations"
    attestations.mkdir()
    words = (
        "attest",
        commit,
        "--subject",
        f"shortener=sha256:{GOOD}",
        "--output",
        str(attestations / f"{GOOD}.json"),
    )
    assert ada.gate(*words).code == 0
    # A good attestation under another name is none.
    (attestations / f"{OTHER}.json").write_bytes((attestations / f"{GOOD}.json").read_bytes())
    clone = company.clone("nobody", "cluster")
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE / "kubernetes" / "endpoint.py"), str(clone.path), str(attestations), "0"],
        env=isolated(tmp_path) | {"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield Endpoint(int(process.stdout.readline().split()[1]), commit, unmerged)
    finally:
        process.terminate()
        process.wait()


def pod(*images: str) -> dict[str, Any]:
    spec = {
        "initContainers": [{"name": "migrate", "image": images[0]}],
        "containers": [{"name": "a", "image": images[-1]}],
    }
    request = {"uid": "705ab4f5", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
               "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}}  # fmt: skip
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def test_engines_hear_what_gate_says(endpoint: Endpoint) -> None:
    good, other = f"{REGISTRY}@sha256:{GOOD}", f"{REGISTRY}@sha256:{OTHER}"
    status, answer = endpoint.flagger(endpoint.commit, good)
    assert (status, answer["outcome"]) == (200, "pass"), answer
    for revision, image, environment, reason in (
        (endpoint.commit, other, "staging", "it is not about shortener"),
        (endpoint.commit, f"{REGISTRY}@sha256:{'c' * 64}", "staging", "there is no attestation of it"),
        (endpoint.commit, f"{REGISTRY}:latest", "staging", "expected an image with its digest"),
        (endpoint.commit, f"{REGISTRY}@sha256:../{GOOD}", "staging", "expected an image with its digest"),
        (endpoint.unmerged, good, "staging", "it is about"),
        ("main", good, "staging", "a full commit id"),
        ("--help", good, "staging", "a full commit id"),
        (endpoint.commit, good, "--only", "expected `environment`"),
    ):
        status, answer = endpoint.flagger(revision, image, environment)
        assert (status, answer["outcome"], reason in answer["reason"]) == (403, "blocked", True), answer
    # There is no such environment: gate cannot decide, so that a pipeline asks again or somebody looks.
    status, answer = endpoint.flagger(endpoint.commit, good, "production")
    assert (status, answer["outcome"]) == (503, "undecided"), answer

    # Argo reads the outcome, Spinnaker the status; both send the fields at the top.
    question = {"environment": "staging", "revision": endpoint.commit, "image": good}
    assert endpoint.ask("/check", question)[0] == 200
    assert endpoint.ask("/verdict", question)[1]["outcome"] == "pass"
    status, answer = endpoint.ask("/verdict", question | {"image": other})
    assert (status, answer["outcome"]) == (200, "blocked")
    for garbage in (b"", b"[]", b"{", b'{"metadata": 3}', b"\xff"):
        assert endpoint.ask("/check", garbage)[0] in {400, 403}

    review = endpoint.ask("/admit?timeout=30s", pod(good))[1]
    assert review["response"] == {"uid": "705ab4f5", "allowed": True}
    for images in ((good, other), (other, good), (f"{REGISTRY}:v3",)):
        answer = endpoint.ask("/admit", pod(*images))[1]["response"]
        assert (answer["allowed"], "@sha256" in answer["status"]["message"]) == (False, True)
    for image, allowed in ((good, True), (other, False)):
        mounting = pod(good)
        mounting["request"]["object"]["spec"]["volumes"] = [
            {"name": "a"},
            {"name": "b", "image": {"reference": image}},
        ]
        assert endpoint.ask("/admit", mounting)[1]["response"]["allowed"] is allowed
