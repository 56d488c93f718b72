"""Settings and variables of uv that name another source of packages or Python, a program, or credentials."""

from __future__ import annotations

import pytest

from gate.weakenings import FileDiff, find_weakenings, may_weaken
from gate.weakenings.detectors.uv_settings import SETTINGS, VARIABLES

HARMLESS = frozenset({
    "add-bounds", "build-backend", "build-constraint-dependencies", "cache-keys", "compile-bytecode",
    "concurrent-builds", "concurrent-downloads", "concurrent-installs", "config-settings",
    "config-settings-package", "conflicts", "constraint-dependencies", "default-groups", "dependency-groups",
    "dependency-metadata", "dev-dependencies", "environments", "exclude-dependencies", "exclude-newer",
    "exclude-newer-package", "extra-build-dependencies", "fork-strategy", "index-strategy", "link-mode",
    "managed", "native-tls", "no-binary", "no-binary-package", "no-build", "no-build-isolation",
    "no-build-isolation-package", "no-build-package", "no-cache", "no-index", "no-proxy", "no-sources",
    "no-sources-package", "offline", "override-dependencies", "package", "prerelease", "prerelease-package",
    "preview", "preview-features", "python-downloads", "reinstall", "reinstall-package",
    "required-environments", "required-version", "resolution", "system-certs", "trusted-publishing",
    "upgrade", "upgrade-package",
})  # fmt: skip
"""Settings that name no source, or only within requirements, whose addresses are found in any table."""
TABLES = frozenset({"audit", "index", "pip", "sources", "workspace"})
ALL = frozenset({
    "add-bounds", "allow-insecure-host", "audit", "build-backend", "build-constraint-dependencies",
    "cache-dir", "cache-keys", "check-url", "compile-bytecode", "concurrent-builds", "concurrent-downloads",
    "concurrent-installs", "config-settings", "config-settings-package", "conflicts",
    "constraint-dependencies", "default-groups", "dependency-groups", "dependency-metadata",
    "dev-dependencies", "environments", "exclude-dependencies", "exclude-newer", "exclude-newer-package",
    "extra-build-dependencies", "extra-build-variables", "extra-index-url", "find-links", "fork-strategy",
    "http-proxy", "https-proxy", "index", "index-strategy", "index-url", "keyring-provider", "link-mode",
    "managed", "native-tls", "no-binary", "no-binary-package", "no-build", "no-build-isolation",
    "no-build-isolation-package", "no-build-package", "no-cache", "no-index", "no-proxy", "no-sources",
    "no-sources-package", "offline", "override-dependencies", "package", "pip", "prerelease",
    "prerelease-package", "preview", "preview-features", "publish-url", "pypy-install-mirror",
    "python-downloads", "python-downloads-json-url", "python-install-mirror", "python-preference",
    "reinstall", "reinstall-package", "required-environments", "required-version", "resolution", "sources",
    "system-certs", "torch-backend", "trusted-publishing", "upgrade", "upgrade-package", "workspace",
})  # fmt: skip
"""All settings of uv 0.13, from its schema."""


def found(path: str, old: str, new: str) -> list[str]:
    assert may_weaken(path)
    findings = find_weakenings([FileDiff(path, old.encode(), new.encode())])
    return [finding.message for finding in findings if finding.rule == "package-index"]


def test_every_setting_of_uv_is_classified() -> None:
    sources = {name.partition(".")[0] for name in SETTINGS} - {"python"}
    assert sources | TABLES | HARMLESS == ALL
    assert not (sources - TABLES) & HARMLESS


@pytest.mark.parametrize(
    "setting",
    [
        'python-preference = "only-system"',
        'python-install-mirror = "https://evil.test/python"',
        'python-install-mirror = "file:///opt/python"',
        'pypy-install-mirror = "https://evil.test/pypy"',
        'python-downloads-json-url = "https://evil.test/python.json"',
        'python-downloads-json-url = "ci/python.json"',
        'keyring-provider = "subprocess"',
        'index-url = "https://evil.test/simple"',
        'index-url = "simple"',
        'extra-index-url = ["https://evil.test/simple"]',
        'find-links = [\n  "wheels",\n]',
        'find-links = ["/opt/wheels"]',
        'allow-insecure-host = [\n  "evil.test",\n]',
        'cache-dir = "cache"',
        'torch-backend = "cpu"',
        'http-proxy = "http://evil.test:3128"',
        'https-proxy = "evil.test:3128"',
        'index = [{name = "a", url = "https://evil.test/simple"}]',
        'index = [{name = "a", url = "simple"}]',
        'index = [{name = "pypi", url = "https://pypi.org/simple", ignore-error-codes = [403]}]',
        'sources = {a = {path = "/opt/a"}}',
        'sources = {a = [{path = "../../a", marker = "python_version > \'3\'"}]}',
        'sources = {a = {git = "https://evil.test/a"}}',
        'sources = {a = {url = "https://evil.test/a.whl"}}',
        'workspace = {members = ["../../*"]}',
        'extra-build-variables = {a = {PIP_INDEX_URL = "https://evil.test"}}',
        'extra-build-variables = {a = {CC = "./cc"}}',
        'index-strategy = "unsafe-best-match"',
    ],
)
@pytest.mark.parametrize(("path", "table"), [("pyproject.toml", "[tool.uv]\n"), ("api/uv.toml", "")])
def test_a_setting_that_names_another_source(path: str, table: str, setting: str) -> None:
    text = f"{table}{setting}\n"
    assert len(found(path, "", text)) == 1
    assert found(path, text, text + "# as before\n") == []


@pytest.mark.parametrize(
    "setting",
    [
        'index-url = "https://evil.test/simple"',
        'index-url = "simple"',
        'find-links = ["wheels"]',
        'keyring-provider = "subprocess"',
        'torch-backend = "cu128"',
        'python = "bin/python"',
    ],
)
def test_a_setting_of_pip_that_names_another_source(setting: str) -> None:
    assert len(found("pyproject.toml", "", f"[tool.uv.pip]\n{setting}\n")) == 1
    assert len(found("uv.toml", "", f"[pip]\n{setting}\n")) == 1


@pytest.mark.parametrize(
    "setting",
    [
        'python-preference = "managed"',
        'keyring-provider = "disabled"',
        'python-downloads = "never"',
        'index-url = "https://pypi.org/simple"',
        'index = [{name = "pypi", url = "https://pypi.org/simple", default = true}]',
        'cache-dir = "/var/cache/uv"',
        'sources = {a = {workspace = true}, b = {path = "libs/b", editable = true}}',
        'workspace = {members = ["libs/*"]}',
        'extra-build-variables = {a = {SKIP_CUDA_BUILD = "TRUE"}}',
        'constraint-dependencies = ["a<2"]',
        'required-version = ">=0.9"',
        'cache-keys = [{file = "a.c"}]',
        'default-groups = ["dev"]',
        'pip = {python-version = "3.12"}',
    ],
)
@pytest.mark.parametrize(("path", "table"), [("pyproject.toml", "[tool.uv]\n"), ("uv.toml", "")])
def test_a_setting_that_names_none(path: str, table: str, setting: str) -> None:
    assert found(path, "", f"{table}{setting}\n") == []


@pytest.mark.parametrize("path", [".env", ".github/workflows/ci.yml", "Dockerfile", "tox.ini", "ci/test.sh"])
@pytest.mark.parametrize(
    "line",
    [
        "UV_PYTHON_INSTALL_MIRROR=https://evil.test/python",
        "UV_PYPY_INSTALL_MIRROR=https://evil.test/python",
        "UV_PYTHON_DOWNLOADS_JSON_URL=https://evil.test/a.json",
        "UV_PYTHON_PREFERENCE=only-system",
        "UV_PYTHON=./bin/python",
        "UV_PYTHON_INSTALL_DIR=pythons",
        "UV_PYTHON_SEARCH_PATH=bin",
        "UV_PROJECT_ENVIRONMENT=tools/env",
        "UV_KEYRING_PROVIDER=subprocess",
        "UV_CREDENTIALS_DIR=ci/secrets",
        "UV_DEFAULT_INDEX=https://evil.test/simple",
        "UV_INDEX=simple",
        "UV_FIND_LINKS=wheels",
        "UV_CONFIG_FILE=ci/uv.toml",
        "UV_ENV_FILE=ci/variables.txt",
        "UV_TORCH_BACKEND=cpu",
        "UV_HTTPS_PROXY=evil.test:3128",
        "UV_CONSTRAINT=https://evil.test/constraints.txt",
        "UV_INSTALLER_GITHUB_BASE_URL=https://evil.test",
        "UV_INSECURE_HOST=evil.test",
        "UV_INDEX_CORP_PASSWORD=hunter2",
        "UV_GITHUB_TOKEN=ghp_1",
    ],
)
def test_a_variable_that_names_another_source(path: str, line: str) -> None:
    text = {
        "Dockerfile": f"ENV {line}\n",
        "tox.ini": f"[testenv]\nset_env =\n    {line}\n",
        ".github/workflows/ci.yml": "env:\n  " + line.replace("=", ": ", 1) + "\n",
        "ci/test.sh": f"export {line}\n",
    }.get(path, f"{line}\n")
    assert len(found(path, "", text)) == 1
    assert found(path, text, text) == []


@pytest.mark.parametrize(
    "line",
    [
        "UV_PYTHON=3.12",
        "UV_PYTHON_PREFERENCE=managed",
        "UV_PYTHON_DOWNLOADS=never",
        "UV_PYTHON_INSTALL_DIR=/opt/python",
        "UV_PROJECT_ENVIRONMENT=/usr/local",
        "UV_PROJECT_ENVIRONMENT=.venv",
        "UV_CACHE_DIR=.uv-cache",
        "UV_ENV_FILE=.env.test",
        "UV_LINK_MODE=copy",
        "UV_COMPILE_BYTECODE=1",
        "UV_FROZEN=1",
        "UV_CONSTRAINT=constraints.txt",
        "UV_INDEX_CORP_PASSWORD=${{ secrets.CORP }}",
        "UV_PUBLISH_TOKEN=$PYPI_TOKEN",
    ],
)
def test_a_variable_that_names_none(line: str) -> None:
    assert found(".env", "", f"{line}\n") == []


def test_every_variable_without_a_condition_on_its_value_is_reported() -> None:
    for name, (what, matters) in VARIABLES.items():
        value = next(value for value in ("/opt/x", "x", "https://evil.test/x") if matters(".env", value))
        (message,) = found(".env", "", f"UV_{name}={value}\n")
        assert what in message or "packages come from" in message
