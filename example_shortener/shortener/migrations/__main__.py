"""`python -m shortener.migrations DATABASE [NUMBER]`: migrate the tables to the newest step, or to that one."""

from __future__ import annotations

import argparse
from pathlib import Path

from shortener.database import MIGRATIONS, migrate


def main() -> None:
    """Migrate, forward or back, and print the step that was reached."""
    parser = argparse.ArgumentParser(prog="python -m shortener.migrations", description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("number", type=int, nargs="?", choices=range(len(MIGRATIONS) + 1))
    wish = parser.parse_args()
    print(migrate(wish.database, wish.number))


main()
