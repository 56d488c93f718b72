"""The manifests fit the schemas of Kubernetes, Argo Rollouts and the Gateway API; no cluster is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from incident.stage import SAMPLE
from support.shop import PATH, needs

FOLDER = SAMPLE / "kubernetes"
MODELS = ("@kubernetes-models/argo-rollouts@2.0.0", "@kubernetes-models/gateway-api@2.0.0")
"""Made from the CRDs, with their schemas."""
OWN_KINDS = ("argoproj.io/", "gateway.networking.k8s.io/", "flagger.app/")
VALIDATE = """\
import * as argo from '@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1';
import * as gateway from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1';
const models = { ...argo, ...gateway };
import { readFileSync } from 'node:fs';
for (const manifest of JSON.parse(readFileSync(0))) {
  new models[manifest.kind](manifest).validate();
  console.log(manifest.kind);
}
"""


def manifests() -> list[dict[str, Any]]:
    return [one for path in sorted(FOLDER.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [one for one in manifests() if one["kind"] == kind]
    return found


def fits_its_schema(manifest: dict[str, Any]) -> None:
    reason = "kubernetes-validate isn't installed (pip install -e '.[cluster]')"
    schemas = pytest.importorskip("kubernetes_validate", reason=reason)
    schemas.validate(manifest, schemas.latest_version(), strict=True)


def templates() -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == "AnalysisTemplate"}


@pytest.mark.parametrize("manifest", manifests(), ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_kinds_of_kubernetes_fit_their_schema(manifest: dict[str, Any]) -> None:
    if not manifest["apiVersion"].startswith(OWN_KINDS):
        fits_its_schema(manifest)


def test_the_pods_of_the_rollout_fit_the_schema_of_a_deployment() -> None:
    """The CRD leaves the template of the pods open; a Deployment does not."""
    spec = of_kind("Rollout")["spec"]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shortener"},
        "spec": {key: spec[key] for key in ("replicas", "selector", "template")},
    }
    fits_its_schema(deployment)


@pytest.fixture(scope="module")
def argo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of Argo Rollouts and the Gateway API."""
    needs("npm", "node")
    folder = tmp_path_factory.mktemp("argo")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", *MODELS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {MODELS}: {done.stderr[-200:]}")
    return folder


def validate(argo: Path, *wishes: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "--input-type=module", "-e", VALIDATE],
        cwd=argo,
        input=json.dumps(wishes),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_kinds_of_argo_fit_their_schema(argo: Path) -> None:
    wanted = [one for one in manifests() if one["apiVersion"].startswith(OWN_KINDS[:2])]
    done = validate(argo, *wanted)
    kinds = ["AnalysisTemplate", "AnalysisTemplate", "Rollout", "HTTPRoute"]
    assert (done.returncode, done.stdout.split()) == (0, kinds), done.stderr
    rollout = of_kind("Rollout")
    rollout["spec"]["strategy"]["canary"]["steps"] = [{"setWeight": "five"}]
    assert validate(argo, rollout).returncode != 0


def test_every_name_stands_for_something() -> None:
    rollout = of_kind("Rollout")["spec"]
    services = {one["metadata"]["name"] for one in manifests() if one["kind"] == "Service"}
    canary = rollout["strategy"]["canary"]
    assert {canary["stableService"], canary["canaryService"]} == services
    route = of_kind("HTTPRoute")
    assert (
        canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]["httpRoute"]
        == route["metadata"]["name"]
    )
    assert {one["name"] for one in route["spec"]["rules"][0]["backendRefs"]} == services
    # gate is asked before the first request, and the release is watched all the time.
    assert list(canary["steps"][0]) == ["analysis"]
    for analysis in (canary["analysis"], canary["steps"][0]["analysis"]):
        template = templates()[analysis["templates"][0]["templateName"]]
        given = {argument["name"] for argument in analysis["args"]}
        assert given == {argument["name"] for argument in template["spec"]["args"]}


def test_the_queries_are_valid_and_ask_for_what_the_service_exports(tmp_path: Path) -> None:
    needs("promtool")
    metrics = templates()["shortener-watch"]["spec"]["metrics"]
    queries = [metric["provider"]["prometheus"]["query"] for metric in metrics]
    rules = [
        {"record": f"query:{number}", "expr": re.sub(r"\{\{args\.(\w+)\}\}", r"\1", query)}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "watch", "rules": rules}]}))
    done = subprocess.run(
        [shutil.which("promtool", path=PATH) or "promtool", "check", "rules", "rules.yml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    source = (SAMPLE / "shortener" / "web" / "metrics.py").read_text()
    asked = set(re.findall(r"(shortener_\w+?)(?:_total|_sum|_count)?\{", " ".join(queries)))
    assert asked == {"shortener_requests", "shortener_request_seconds"}
    assert all(f'"{name}"' in source for name in asked)
