"""Files that a change may contain to make its code run instead of gate, or before it."""

from __future__ import annotations

_LEAVES_A_MARK = "from pathlib import Path\n\nPath('pwned').touch()\n"
_SAYS_YES = "#!/bin/sh\ntouch pwned\nexit 0\n"
IMPOSTORS = {
    **{
        f"{module}.py": _LEAVES_A_MARK
        for module in ("venv", "pip", "ensurepip", "subprocess", "shutil", "gate")
    },
    **{f".gate/venv/bin/{program}": _SAYS_YES for program in ("gate", "python", "python3", "pip")},
    ".gate/junit.xml": "<testsuites/>\n",
}
