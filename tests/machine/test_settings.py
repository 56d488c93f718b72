"""What `release.toml` may say, and what is said about it when it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from machine.problems import WrongUsage
from machine.settings import Settings, Target, load


def test_without_a_file_everything_has_a_value(tmp_path: Path) -> None:
    settings = load(tmp_path / "release.toml")
    assert settings == Settings(tmp_path)
    with pytest.raises(WrongUsage, match="No such file"):
        load(tmp_path / "release.toml", must_exist=True)
    assert settings.gate[-2:] == ("-m", "gate")
    assert list(settings.environments) == ["staging", "production"]


def test_an_explicit_value_replaces_the_default(tmp_path: Path) -> None:
    path = tmp_path / "release.toml"
    path.write_text(
        'gate = ["uvx", "merge-gate"]\n[environments.production]\nshares = [1, 100]\n[limits]\nslower = 3\n'
    )
    settings = load(path)
    assert settings.gate == ("uvx", "merge-gate")
    assert settings.environments["production"] == Target(port=8080, shares=(1, 100))
    assert settings.environments["staging"].port == 8081
    assert settings.limits.slower == 3


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "release.toml"
    path.write_text(
        'gate = "gate"\nhom = "x"\nnotices = 3\n[environments.production]\nshares = [50, 5]\nwatch = -1\n'
        "port = true\n"
    )
    with pytest.raises(WrongUsage) as raised:
        load(path)
    for mistake in (
        "gate: expected a list of strings, got 'gate'",
        "hom: unknown key; expected one of api_key, base_url, environments, gate, home,",
        "notices: expected a table",
        "environments.production.shares: expected rising percents that end with 100",
        "environments.production.watch: expected a number, got -1",
        "environments.production.port: expected a whole number, got True",
    ):
        assert f"{path}: {mistake}" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[limits]\nfalse_alarms = 0\n", "limits.false_alarms: expected a share between 0 and 1, got 0"),
        ("[environments.production]\nwatch = inf\n", "production.watch: expected a number, got inf"),
        ("[environments.production]\nwatch = nan\n", "production.watch: expected a number, got nan"),
        ("[environments.production]\nport = 70000\n", "port 70000: expected a number up to 65535"),
        ("[environments.production]\nworkers = 0\n", "environments.production.workers: expected at least 1"),
        ("gate = []\n", "gate: expected the words of a command"),
        ("prometheus = 8080\n", "port 8080: is used more than once"),
        ("environments = 3\n", "environments: expected a table for each environment"),
        ('[environments."../x"]\n', "environments.../x: expected a name of small letters"),
    ],
)
def test_values_that_would_break_a_release_later_are_refused(tmp_path: Path, text: str, mistake: str) -> None:
    path = tmp_path / "release.toml"
    path.write_text(text)
    with pytest.raises(WrongUsage, match=re.escape(mistake)):
        load(path)


def test_what_is_no_toml_is_reported_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "release.toml"
    path.write_text("gate =\n")
    with pytest.raises(WrongUsage, match="line 1"):
        load(path)
