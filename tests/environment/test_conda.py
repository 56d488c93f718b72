"""Whether an environment of conda or pixi has what a change declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.environment.conda import is_conda, not_updated

LOCK = """\
version: 6
environments:
  default:
    channels:
    - url: https://localhost/conda-forge/
    packages:
      linux-64:
      - conda: https://localhost/conda-forge/linux-64/python-3.11.9-h1.conda
      - conda: https://localhost/conda-forge/noarch/idna-3.7-py_0.conda
      osx-arm64:
      - conda: https://localhost/conda-forge/osx-arm64/python-3.11.9-h2.conda
      - conda: https://localhost/conda-forge/noarch/idna-3.7-py_0.conda
  docs:
    packages:
      linux-64:
      - conda: https://localhost/conda-forge/linux-64/sphinx-7.0-h1.tar.bz2
packages:
- conda: https://localhost/conda-forge/linux-64/numpy-1.0-h1.conda
"""
MORE = LOCK.replace(
    "linux-64:\n", "linux-64:\n      - conda: https://localhost/conda-forge/linux-64/zlib-1-h1.conda\n", 1
)
YAML = "name: x\ndependencies:\n  - python=3.11\n  - conda-forge::idna>=3\n  - pip:\n    - tinynetrc==1.3\n"
PYTHON, IDNA = "python-3.11.9-h1", "idna-3.7-py_0"


@pytest.mark.parametrize(
    ("name", "text", "base", "installed", "packages", "problem"),
    [
        ("pixi.lock", LOCK, "", [PYTHON, IDNA], {}, ""),
        ("pixi.lock", LOCK, "", [PYTHON, IDNA, "numpy-1.0-h1"], {}, "it has numpy-1.0-h1, which is not in pixi.lock"),
        ("pixi.lock", LOCK, "", ["python-3.11.8-h1", IDNA], {}, "it has python-3.11.8-h1, which is not in pixi.lock"),
        ("pixi.lock", MORE, "", [PYTHON, IDNA], {}, "zlib-1-h1, which is in pixi.lock, is not installed"),
        ("pixi.lock", LOCK, LOCK, ["numpy-1.0-h1"], {}, ""),
        ("environment.yml", YAML, "", [PYTHON, IDNA], {"tinynetrc": "1.3"}, ""),
        ("environment.yml", YAML, "", [PYTHON], {"tinynetrc": "1.3"}, "idna is not installed in it"),
        ("environment.yml", YAML, "", ["python-3.12.1-h1", IDNA], {"tinynetrc": "1.3"}, "it has python 3.12.1"),
        ("environment.yml", YAML, "", [PYTHON, IDNA], {}, "tinynetrc is not installed in it"),
        ("environment.yml", YAML, YAML, [], {}, ""),
    ],
)  # fmt: skip
def test_what_is_installed_and_what_is_declared(
    tmp_path: Path,
    name: str,
    text: str,
    base: str,
    installed: list[str],
    packages: dict[str, str],
    problem: str,
) -> None:
    prefix = tmp_path / "default"
    (prefix / "conda-meta").mkdir(parents=True)
    for stem in installed:
        (prefix / "conda-meta" / f"{stem}.json").touch()
    reason, hint = not_updated(prefix, packages, {name: text.encode()}, {name: base.encode()})
    assert reason.startswith(problem)
    assert bool(reason) is bool(problem)
    assert not problem or hint.startswith("run `pixi install`" if "pixi" in name else "run `conda env update")
    assert is_conda(prefix)
