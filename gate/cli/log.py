"""`gate log`: list the records in the approval log, and those that aren't admitted."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from gate.app.approving.log_listing import LogEntry, LogListing, list_log
from gate.approvals.record import QUARANTINE, Record
from gate.model import short_name
from gate.reports.words import one_line, visible
from gate.wording import count

SUMMARY = "show the approval log, including records that are not admitted"
EXAMPLES = """\
  gate log                         show the latest records, and all that are not admitted
  gate log --all                   show every record, and which key signed it
  gate log --fetch                 fetch the log from the remote first
  gate log --format json           print JSON, for scripts
  gate log --compact --key FILE    on the server: start a new log with only the admitted records, signed by a guardian
"""
SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"show every record, not only the latest {SHOWN}, with the keys that signed it",
    )
    parser.add_argument("--fetch", action="store_true", help="fetch the approval log from the remote first")
    parser.add_argument(
        "--compact", action="store_true", help="on the server: drop the records that are not admitted"
    )
    parser.add_argument("--key", metavar="FILE", help="the SSH key that signs the compacted log")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace) -> int:
    """Print the list, or compact the log. Always returns 0."""
    if options.compact:
        return _compact(options)
    listing = list_log(Path.cwd(), bring=options.fetch)
    if options.format == "json":
        from gate.reports.verdict_json import dump

        records = [
            {"id": entry.id, **asdict(entry.record), "keys": list(entry.keys)} for entry in listing.entries
        ]
        rejected = [
            {"id": identity, "reason": reason} for identity, reason in sorted(listing.rejected.items())
        ]
        print(dump({"tip": listing.tip, "records": records, "not_admitted": rejected}), end="")
    else:
        print("\n".join(_lines(listing, everything=options.all)))
    return 0


def _compact(options: argparse.Namespace) -> int:
    from gate.app.approving.compact import compact

    done = compact(Path.cwd(), int(time.time()), key=options.key)
    print(f"Compacted the approval log: {done.old[:12]} is replaced by {done.new[:12]}")
    print(f"{count(done.records, 'record')} kept, {done.left_out} left out because they are not admitted")
    print(
        "help: clones adopt it with their next fetch; the old log stays at refs/gate/replaced until you run"
    )
    print("      `git update-ref -d refs/gate/replaced && git gc --prune=now`")
    return 0


def _lines(listing: LogListing, *, everything: bool) -> list[str]:
    if not listing.tip:
        return [
            "There is no approval log here yet.",
            "  help: `gate log --fetch` fetches the log from the remote, if it has one",
        ]
    shown = listing.entries if everything else listing.entries[:SHOWN]
    lines = [_line(entry, keys=everything) for entry in shown]
    if len(listing.entries) > len(shown):
        lines.append(f"… and {count(len(listing.entries) - len(shown), 'earlier record')}: `gate log --all`")
    people = {entry.record.by for entry in listing.entries}
    total = count(len(listing.entries), "record")
    lines.append(f"{total} by {count(len(people), 'person', 'people')}, at {listing.tip[:12]}")
    if listing.rejected:
        lines.append(f"{count(len(listing.rejected), 'entry', 'entries')} not admitted: gate ignores them")
        lines += [
            f"  {visible(identity)[:12]}  {visible(reason)}"
            for identity, reason in sorted(listing.rejected.items())
        ]
    return lines


def _line(entry: LogEntry, *, keys: bool) -> str:
    record = entry.record
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.at))
    about = f"{record.head[:12]} into {visible(short_name(record.into))}"
    about = f"of {record.of[:12]}" if record.kind == "revoke" else about
    reason = f": {one_line(_reason(record))}" if record.reason else ""
    key = f"  ({', '.join(entry.keys)})" if keys else ""
    return f"{entry.id[:12]}  {when}  {record.kind:<7}  {visible(record.by)}{key}  {about}{reason}"


def _reason(record: Record) -> str:
    """Return the reason of a record for people; that of a quarantine also has its test, owner, and last day."""
    match = QUARANTINE.fullmatch(record.reason) if record.kind == "quarantine" else None
    if match is None:
        return record.reason
    return f"{match['test']} until {match['until']} (owner {match['owner']}): {match['reason']}"
