"""What the pipelines call, called: the commands of the Jenkinsfile and of the workflow, in a checkout of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from release.story.stage import SAMPLE
from support.shop import PATH, Shop, build_shop, needs

pytestmark = pytest.mark.slow


def of_jenkins() -> list[str]:
    return re.findall(r"sh '(\S+ -m release .*)'", (SAMPLE / "Jenkinsfile").read_text())


def of_github() -> list[str]:
    jobs = yaml.safe_load((SAMPLE / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    scripts = [jobs[name]["steps"][-1]["run"] for name in ("staging", "production")]
    return [line for script in scripts for line in script.splitlines() if " -m release " in line]


@pytest.mark.parametrize("commands", [of_jenkins(), of_github()], ids=["jenkins", "github"])
def test_from_main_over_staging_to_production(tmp_path: Path, commands: list[str]) -> None:
    """Whoever builds has a checkout that is gone afterwards; what runs lives on."""
    needs("haproxy", "prometheus", "prometheus-alertmanager")
    assert len(commands) == 2
    shop = build_shop(tmp_path)
    home = tmp_path / "home"
    at_home = ("--home", str(home))

    def build(revision: str) -> list[int]:
        checkout = tmp_path / "checkout"
        clone = ["git", "-c", "advice.detachedHead=false", "clone", "-q", str(shop.root), str(checkout)]
        subprocess.run(clone, check=True, capture_output=True)
        subprocess.run(["git", "checkout", "-q", revision], cwd=checkout, check=True, capture_output=True)
        shutil.copyfile(shop.root / "release.toml", checkout / "release.toml")
        (checkout / ".venv").symlink_to(Path(sys.executable).parents[1])
        env = {
            "PATH": PATH,
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "USER": "ci",
            "RELEASE_HOME": str(home),
        }
        codes = []
        for command in commands:
            codes.append(subprocess.run(["sh", "-c", command], cwd=checkout, env=env, check=False).returncode)
            if codes[-1]:
                break
        shutil.rmtree(checkout)
        return codes

    try:
        shop.done(*at_home, "up", "version-1")
        (home / "production" / "urls.json").write_text("{}")
        # Only production shows what is wrong with version 2.
        assert build("version-2") == [0, 1]
        assert build("version-3") == [0, 0]
        assert "Version 3" in shop.done(*at_home, "status")
        assert Shop(home).left() != []
    finally:
        shop.done(*at_home, "down")
    assert Shop(home).left() == []
