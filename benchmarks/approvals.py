"""Measure the cost of a long log: counting, approving, merging history, and auditing, in a repository made for it.

    python benchmarks/approvals.py [RECORDS [MERGES]]

Creates a scratch repository whose log has RECORDS signed approvals (10,000), and whose main has MERGES merges (10,000),
each approved and with a signed verdict, and prints how long the commands take in it. Creating the signatures takes a
few minutes. Nothing is left behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
POLICY = """\
version: 1
repository: bench/bench
protect:
  main: {{require: {{owners: true, approvals: 1, checks: []}}}}
people:
  "@senior": {{role: senior, emails: [senior@x], keys: ["{key}"]}}
"""


class Stream:
    """The input of git fast-import."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.mark = 0

    def blob(self, data: bytes) -> int:
        self.mark += 1
        self.parts.append(b"blob\nmark :%d\ndata %d\n%s\n" % (self.mark, len(data), data))
        return self.mark

    def commit(self, ref: str, who: str, when: int, files: dict[str, int], *parents: int) -> int:
        self.mark += 1
        lines = [b"commit %s\nmark :%d\n" % (ref.encode(), self.mark)]
        lines.append(b"committer %s <%s@x> %d +0000\ndata 4\nstep\n" % (who.encode(), who.encode(), when))
        for word, parent in zip((b"from", b"merge"), parents, strict=False):
            lines.append(b"%s :%d\n" % (word, parent))
        lines += [b"M 100644 :%d %s\n" % (mark, path.encode()) for path, mark in files.items()]
        self.parts.append(b"".join(lines))
        return self.mark


class Scenario:
    """A scratch repository, and the measurements in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.repository.mkdir()
        self.without = folder / "without"
        self.without.mkdir()
        (self.without / "cryptography.py").write_text("raise ImportError\n")
        self.key = folder / "key"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        self.git("init", "-q", "-b", "main")
        for name, value in (
            ("user.name", "senior"),
            ("user.email", "senior@x"),
            ("user.signingkey", str(self.key)),
        ):
            self.git("config", name, value)

    def git(self, *args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.repository, env=self.env, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def gate(self, *args: str, code: int = 0, fast: bool = True) -> float:
        """Return how many seconds `gate ARGS` takes, with `cryptography` or as if that weren't installed."""
        paths = [ROOT] if fast else [self.without, ROOT]
        env = self.env | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "gate", *args],
            cwd=self.repository,
            env=env,
            capture_output=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != code:
            raise SystemExit(f"gate {args} gave {done.returncode}: {(done.stdout + done.stderr).decode()}")
        return seconds

    def history(self, merges: int) -> list[tuple[str, str]]:
        """Create a main with this many merges. Return the base and merge commit of each."""
        stream = Stream()
        policy = POLICY.format(key=self.key.with_suffix(".pub").read_text().strip())
        files = {
            "gate.yaml": stream.blob(policy.encode()),
            "CODEOWNERS": stream.blob(b"* @senior\n"),
        }
        files |= {f"src/m{number}.py": stream.blob(b"x = 0\n") for number in range(200)}
        tip = stream.commit("refs/heads/main", "senior", 1_600_000_000, files)
        for number in range(merges):
            changed = {f"src/m{number % 200}.py": stream.blob(b"x = %d\n" % (number + 1))}
            when = 1_600_000_000 + number * 60
            branch = stream.commit("refs/heads/branch", "author", when, changed, tip)
            tip = stream.commit("refs/heads/main", "senior", when, changed, tip, branch)
        self.git("fast-import", "--quiet", stdin=b"".join(stream.parts))
        self.git("reset", "-q", "--hard", "main")
        self.git("branch", "-q", "-D", "branch")
        lines = self.git("log", "--first-parent", "--reverse", "--format=%P %H", "main").splitlines()
        return [(line.split()[0], line.split()[-1]) for line in lines[1:]]

    def log(self, steps: list[tuple[str, str]], records: int) -> None:
        """Create `records` approvals, each in its own commit of the log: one for each merge, then for other changes."""
        lists = [self.raw(old, new) for old, new in steps]
        lists += [
            b":100644 100644 %040d %040d M\0src/other%d.py\0" % (n, n + 1, n)
            for n in range(len(steps), records)
        ]
        made = []
        for number, raw in enumerate(lists):
            old, new = steps[min(number, len(steps) - 1)]
            fields = {
                "v": 1, "kind": "approve", "repository": "bench/bench", "into": "refs/heads/main", "base": old,
                "head": new, "change": sha256(raw).hexdigest(), "by": "@senior", "at": 1_600_000_000 + number * 60,
                "nonce": f"{number:032x}", "reason": "", "of": "", "source": "ssh",
            }  # fmt: skip
            made.append(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n")
        with ThreadPoolExecutor(4) as pool:
            signatures = list(pool.map(self.sign, made))
        stream = Stream()
        tip: list[int] = []
        for raw, data, signature in zip(lists, made, signatures, strict=True):
            name, digest = sha256(data).hexdigest(), sha256(raw).hexdigest()
            files = {
                f"records/{name[:2]}/{name}.json": stream.blob(data),
                f"records/{name[:2]}/{name}.sig": stream.blob(signature),
                f"changes/{digest[:2]}/{digest}": stream.blob(raw),
            }
            tip = [stream.commit("refs/gate/log", "gate", 1_700_000_000, files, *tip)]
        self.git("fast-import", "--quiet", stdin=b"".join(stream.parts))

    def forget(self) -> None:
        """Clear gate's cache of valid signatures."""
        (self.repository / ".git/gate/log/verified").unlink(missing_ok=True)

    def raw(self, old: str, new: str) -> bytes:
        argv = ["git", "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new]
        return subprocess.run(argv, cwd=self.repository, env=self.env, capture_output=True, check=True).stdout

    def sign(self, data: bytes) -> bytes:
        argv = ["ssh-keygen", "-Y", "sign", "-n", "gate@v1", "-f", str(self.key)]
        return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


def best(measure: Callable[[], float], times: int = 5) -> float:
    """Return the minimum of a few runs, because the others were disturbed."""
    return min(measure() for _ in range(times))


def show(what: str, seconds: float, limit: str = "") -> None:
    print(f"{what:<70}{seconds * 1000:>9.0f} ms  {limit}".rstrip(), flush=True)


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    merges = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        scenario = Scenario(Path(folder))
        print(f"making {merges:,} merges and {records:,} signed records …", file=sys.stderr)
        steps = scenario.history(merges)
        scenario.git("checkout", "-q", "-b", "feature")
        (scenario.repository / "src/m7.py").write_text("x = -1\n")
        scenario.git("-c", "user.email=author@x", "commit", "-q", "-a", "-m", "change")
        # A change of its own for each run, or the answer would come from the cache.
        check = ("check", "--format", "json", "--head")

        def fresh() -> str:
            return scenario.git("commit-tree", "feature^{tree}", "-p", "feature", "-m", str(time.time_ns()))

        empty = best(lambda: scenario.gate(*check, fresh(), code=1))
        show("gate check, no log", empty)
        scenario.log(steps, records)
        show(f"gate check, {records:,} records, the first time", scenario.gate(*check, fresh(), code=1))
        full = best(lambda: scenario.gate(*check, fresh(), code=1))
        show(f"gate check, {records:,} records", full)
        show("... which the log has added", full - empty, "(to stay below 100 ms)")
        show(
            f"gate approve, {records:,} records",
            scenario.gate("approve", "feature"),
            "(to stay below 500 ms)",
        )
        show("gate approvals", best(lambda: scenario.gate("approvals", "feature")))
        for fast in (False, True, False, True):
            scenario.forget()
            how = "with cryptography" if fast else "ssh-keygen alone"
            show(f"gate audit, {merges:,} merges, the first time, {how}", scenario.gate("audit", fast=fast))
        show(f"gate audit, {merges:,} merges", best(lambda: scenario.gate("audit"), 2), "(seconds)")


if __name__ == "__main__":
    main()
