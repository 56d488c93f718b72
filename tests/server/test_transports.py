"""The same server over http and ssh: git's own programs in between, real sockets and real keys."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.company import Clone, Company, isolated
from support.git_http import serving_git
from support.pushing import EVIL, audited, change, on_main

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")


@pytest.fixture
def address(guarded: Company) -> Iterator[str]:
    """Where the company's server can be reached by http."""
    with serving_git(guarded) as url:
        yield url


def refused_and_merged(company: Company) -> None:
    """What a team does, through the remotes as they are set: pushed past, refused, approved, merged, proven."""
    new = on_main(company.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    with pytest.raises(AssertionError, match=r"remote: gate: main: .* can't merge into main"):
        new.git("push", "-q", "origin", "main")
    senior = change(company)
    senior.approve("feature")
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert company.server.git("show", "main:a.py") == "x = 2"


@pytest.mark.slow
def test_over_http(guarded: Company, address: str) -> None:
    for name in ("newhire", "nehemiah"):
        guarded.clone(name).git("remote", "set-url", "origin", address)
    refused_and_merged(guarded)
    assert audited(guarded) == []


def ssh_to(company: Company, clone: Clone, keys: Path, home: Path) -> str:
    """The command by which a clone reaches a real sshd: it starts one of its own for each connection."""
    if SSHD is None:
        pytest.skip("there is no sshd: install openssh-server")
    folder = company.path / "sshd"
    if not folder.exists():
        folder.mkdir()
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")]
        subprocess.run(key, check=True)
    variables = isolated(home) | {"PATH": os.environ["PATH"]}
    settings = " ".join(f'"{name}={value}"' for name, value in variables.items())
    config = folder / "config"
    config.write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nSetEnv {settings}\n"
    )
    if os.geteuid() == 0:
        # Where no service has ever started sshd, root has to make the folder that it locks itself into.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    tried = subprocess.run([SSHD, "-t", "-f", str(config)], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"sshd does not start here: {tried.stderr.strip()}")
    own = clone.key(clone.owner)
    return (
        f"ssh -F none -o ProxyCommand='{SSHD} -i -f {config}' -o StrictHostKeyChecking=no "
        f"-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes -i {own}"
    )


@pytest.mark.slow
def test_over_ssh(guarded: Company) -> None:
    keys = guarded.path / "authorized_keys"
    people = ("newhire", "nehemiah")
    keys.write_text("".join(f"{guarded.public(name)}\n" for name in people))
    for name in people:
        clone = guarded.clone(name)
        clone.git("config", "core.sshCommand", ssh_to(guarded, clone, keys, guarded.path / "home"))
        clone.git("remote", "set-url", "origin", f"ssh://localhost{guarded.server.path}")
    refused_and_merged(guarded)
    assert audited(guarded) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gitolite") is None, reason="there is no gitolite: install gitolite3")
def test_under_gitolite(company: Company) -> None:
    people = ("newhire", "nehemiah", "ada")
    home = company.path / "git"
    home.mkdir()

    def gitolite(*args: str) -> None:
        env = isolated(home) | {"USER": "git"}
        subprocess.run(["gitolite", *args], cwd=home, env=env, capture_output=True, check=True)

    (home / ".gitconfig").write_text("[user]\nname = git\nemail = git@localhost\n")
    gitolite("setup", "-pk", str(company.keys / "other.pub"))
    for name in people:
        shutil.copy(company.keys / f"{name}.pub", home / ".gitolite" / "keydir")
    gitolite("setup")
    # gitolite begins with a repository `testing`, which everybody may push anything to.
    hosted = Clone(home / "repositories" / "testing.git", "nobody", company.keys)
    result = hosted.gate("install", "--server")
    assert result.code == 0, result.text
    gitolite("setup")
    for name in people:
        clone = company.clone(name)
        keys = home / ".ssh" / "authorized_keys"
        clone.git("config", "core.sshCommand", ssh_to(company, clone, keys, home))
        clone.git("remote", "set-url", "origin", "localhost:testing")
    company.clone("ada").git("push", "-q", "origin", "main")
    new = on_main(company.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    with pytest.raises(AssertionError, match=r"remote: gate: main: .* can't merge into main"):
        new.git("push", "-q", "origin", "main")
    senior = change(company)
    senior.approve("feature")
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert hosted.git("show", "main:a.py") == "x = 2"
    ada = on_main(company.clone("ada"))
    assert ada.gate("audit", "--fetch").code == 0
