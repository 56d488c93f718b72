"""What a parser reads and Python refuses to compile is reported, and the rest of the file is checked all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.run import check

REFUSED = {
    "return outside": "print(1)\nreturn 1\n",
    "parameters of one name": "def load(path, path): ...\n",
    "await in a plain function": "def load(fetch):\n    return await fetch()\n",
    "continue without a loop": "for item in [1]:\n    print(item)\ncontinue\n",
    "global after the use": "def load():\n    print(total)\n    global total\n    total = 1\n",
    "nonlocal of nothing": "def load():\n    nonlocal counter\n    counter = 1\n",
    "a bare except too early": "try:\n    print(1)\nexcept:\n    print(2)\nexcept ValueError:\n    print(3)\n",
    "a future import too late": "print(1)\nfrom __future__ import annotations\n",
    "a keyword given twice": "print(dict(a=1, a=2))\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_compiler_refuses_is_a_syntax_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "example.py").write_text(REFUSED[name] + "\nprint(undefined_here)\n")
    (tmp_path / "other.py").write_text("from example import undefined_there\n")
    for _ in range(2):
        found = [(one.path, one.rule) for one in check(tmp_path, None, tmp_path.parent / "cache")[1]]
        assert ("example.py", "syntax-error") in found
        assert ("example.py", "undefined-name") in found or name == "a keyword given twice"
        assert ("other.py", "unknown-member") in found or name == "a keyword given twice"
