"""The option `--reviews`: the pull request whose reviews count."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.forges.places import PullRequestRef


def add_reviews(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a pull request."""
    parser.add_argument(
        "--reviews",
        metavar="WHERE",
        help="count the reviews of a pull or merge request: auto (in CI), github:OWNER/REPO#12, "
        "gitlab:GROUP/PROJECT!7, gitea:OWNER/REPO#3",
    )


def request_of(reviews: str | None) -> PullRequestRef | None:
    """Return the pull request that `--reviews` names, if given. Raises UsageError if it names none."""
    if reviews is None:
        return None
    from gate.forges.places import find_request

    return find_request(reviews, os.environ)
