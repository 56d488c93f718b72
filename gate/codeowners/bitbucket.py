"""Bitbucket's dialect: like GitHub's, but owners can also be groups (`@@@group`).

Rules: https://support.atlassian.com/bitbucket-cloud/docs/set-up-and-use-code-owners/
"""

from __future__ import annotations

import re

from gate.codeowners import github
from gate.codeowners.rules import CodeOwners

OWNER = re.compile(r"@{1,3}[\w./-]+|[^\s@]+@[^\s@]+")


def parse(data: bytes, file: str) -> CodeOwners:
    """Parse a CODEOWNERS file. An invalid line adds no rule."""
    return github.parse(data, file, OWNER)
