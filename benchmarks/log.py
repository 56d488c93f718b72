"""Measure the cost of a log of 10,000 records in processor seconds: in a new clone, later, on the server, and on disk.

    python benchmarks/log.py [RECORDS]

Creates a server with gate's hook, whose main has RECORDS merges (10,000), each approved by a valid record in its own
commit of the log, and a clone of it. Signatures are created in this process, so that this takes only seconds. The
processor time of a push includes the server's hook. Nothing is left behind.
"""

from __future__ import annotations

import base64
import os
import resource
import subprocess
import sys
import tempfile
from hashlib import sha512
from pathlib import Path

from approvals import ROOT, Scenario, show
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

INVALID = 2000


def text(data: bytes) -> bytes:
    """Encode a string as SSH does."""
    return len(data).to_bytes(4, "big") + data


class LogScenario(Scenario):
    """The scratch repository, with signatures made in this process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        key = load_ssh_private_key(self.key.read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self.private = key
        self.public = base64.b64decode(self.key.with_suffix(".pub").read_text().split()[1])
        self.server, self.clone = folder / "server.git", folder / "clone"

    def sign(self, data: bytes) -> bytes:
        head = text(b"gate@v1") + text(b"") + text(b"sha512")
        signed = self.private.sign(b"SSHSIG" + head + text(sha512(data).digest()))
        body = b"SSHSIG\0\0\0\1" + text(self.public) + head + text(text(b"ssh-ed25519") + text(signed))
        armored = base64.encodebytes(body).replace(b"\n", b"")
        lines = [armored[start : start + 70] for start in range(0, len(armored), 70)]
        return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])

    def cpu(self, folder: Path, *command: str, code: int = 0) -> float:
        """Return the processor seconds of a command and everything it starts."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        env = self.env | {"PYTHONPATH": str(ROOT), "PATH": f"{self.folder}/bin:{self.env['PATH']}"}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != code:
            raise SystemExit(f"{command} gave {done.returncode}: {(done.stdout + done.stderr).decode()}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def in_clone(self, *args: str, code: int = 0) -> float:
        return self.cpu(self.clone, sys.executable, "-m", "gate", *args, code=code)

    def branch(self, name: str, path: str) -> None:
        """Create a branch in the clone that changes one file."""
        for command in (
            ("git", "checkout", "-q", "-b", name, "origin/main"),
            ("sh", "-c", f"echo 'x = -1' > {path}"),
            ("git", "-c", "user.name=author", "-c", "user.email=author@x", "commit", "-qam", name),
        ):
            self.cpu(self.clone, *command)

    def set_up(self) -> None:
        """Create the server with its hook, and the clone."""
        self.cpu(self.folder, "git", "clone", "-q", "--bare", str(self.repository), str(self.server))
        self.cpu(self.server, "git", "fetch", "-q", str(self.repository), "refs/gate/log:refs/gate/log")
        self.cpu(self.server, sys.executable, "-m", "gate", "install", "--server", "--force")
        self.cpu(self.folder, "git", "clone", "-q", str(self.server), str(self.clone))
        for name, value in (("name", "senior"), ("email", "senior@x"), ("signingkey", str(self.key))):
            self.cpu(self.clone, "git", "config", f"user.{name}", value)

    def variant(self, name: str) -> str:
        """Create a commit with the same content as the branch's, whose check isn't cached yet."""
        return self.cpu_text(
            "git", "commit-tree", f"{name}^{{tree}}", "-p", name, "-m", os.urandom(8).hex()
        ).strip()

    def push_merge(self, name: str, path: str) -> float:
        """Approve and merge a branch in the clone, and measure its push with the log."""
        self.branch(name, path)
        self.in_clone("approve", name, "--yes")
        self.cpu(self.clone, "git", "branch", "-qf", "main", "origin/main")
        self.in_clone("merge", name, "--into", "main")
        taken = self.cpu(
            self.clone, "git", "push", "-q", "--no-verify", "--atomic", "origin", "main", "refs/gate/log"
        )
        self.cpu(self.clone, "git", "fetch", "-q")
        return taken

    def add_invalid(self, count: int) -> None:
        """Add this many invalid signatures to a record of the clone's log, bypassing all checks."""
        name = self.cpu_text("git", "ls-tree", "-r", "--name-only", "refs/gate/log", "records/").split()[0]
        record = name.partition(".")[0]
        parts = []
        for number in range(count):
            bad = self.sign(b"%d" % number)
            parts.append(b"blob\nmark :%d\ndata %d\n%s\n" % (number + 2, len(bad), bad))
        tip = self.cpu_text("git", "rev-parse", "refs/gate/log").strip()
        parts.append(
            b"commit refs/gate/log\nmark :1\ncommitter x <x@x> 0 +0000\ndata 1\nx\nfrom %s\n" % tip.encode()
        )
        parts += [b"M 100644 :%d %s.%040x.sig\n" % (n + 2, record.encode(), n) for n in range(count)]
        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=self.clone, env=self.env, input=b"".join(parts), check=True
        )

    def cpu_text(self, *command: str) -> str:
        return subprocess.run(
            command, cwd=self.clone, env=self.env, capture_output=True, check=True
        ).stdout.decode()


def measure(scenario: LogScenario) -> None:
    """Print how long each operation takes."""
    check = ("check", "--format", "json", "--into", "main", "--head")
    scenario.branch("empty", "src/m1.py")
    empty = min(scenario.in_clone(*check, scenario.variant("empty"), code=1) for _ in range(3))
    show("check in a clone without a log", empty)
    show("fetch the log and build its index", scenario.in_clone("approvals", "--fetch", "empty"))
    (scenario.clone / ".git/gate/log/index").unlink()
    first = scenario.in_clone(*check, scenario.variant("empty"), code=1)
    show("first check with the log", first, "(target 3 s)")
    later = min(scenario.in_clone(*check, scenario.variant("empty"), code=1) for _ in range(3))
    show("later check", later, f"({later / empty:.2f} times that without a log; target 1.2)")
    show("first audit", scenario.in_clone("audit"))
    show("audit again", scenario.in_clone("audit"), "(target 2 s)")
    show("push of a merge, the server's first", scenario.push_merge("cold", "src/m2.py"), "(target 3 s)")
    show("push of a merge, later", scenario.push_merge("warm", "src/m3.py"), "(target 0.5 s)")
    scenario.cpu(scenario.server, "git", "repack", "-adq")
    size = int(
        scenario.cpu_text(
            "git", "-C", str(scenario.server), "rev-list", "--disk-usage", "--objects", "refs/gate/log"
        )
    )
    print(f"{'packed log':<70}{size / 2**20:>9.1f} MiB  (target 15 MB)")
    scenario.add_invalid(INVALID)
    show(
        f"first check with {INVALID} invalid signatures",
        scenario.in_clone(*check, scenario.variant("empty"), code=1),
    )
    flooded = min(scenario.in_clone(*check, scenario.variant("empty"), code=1) for _ in range(3))
    show("later check with them", flooded, f"({(flooded - later) * 1000:+.0f} ms; target +100 ms)")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        scenario = LogScenario(Path(folder))
        steps = scenario.history(records)
        scenario.log(steps, records)
        scenario.set_up()
        measure(scenario)


if __name__ == "__main__":
    main()
