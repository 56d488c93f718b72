"""The table in docs/attacks.md is what the tests say, and no line of the threats is without a test."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import attacks

PAGE = attacks.ROOT / "docs" / "attacks.md"


def test_the_page_is_up_to_date(tmp_path: Path) -> None:
    copy = shutil.copy(PAGE, tmp_path)
    done = subprocess.run(
        [sys.executable, attacks.__file__, str(copy)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    written = Path(copy).read_text()
    assert written == PAGE.read_text(), "make it anew: python tests/support/attacks.py docs/attacks.md"


def test_every_line_has_a_test_that_carries_it_out() -> None:
    tested = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)}
    listed = [threat.number for threat in attacks.threats()]
    assert listed == list(range(1, len(listed) + 1))
    assert len(listed) >= 37
    assert set(listed) == tested
