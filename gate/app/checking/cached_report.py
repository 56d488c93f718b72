"""Decide which printed reports may be cached for the same question; `gate.answer_cache` stores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gate import answer_cache
from gate.app.checking.dependency_stamps import package_folders, stamped_paths
from gate.app.checking.request import Answer
from gate.model import ENVIRONMENTS, Ran, Verdict


def forget_reports() -> None:
    """Remove every cached report of the repository around the current folder."""
    folders = answer_cache.git_folders()
    if folders is not None:
        answer_cache.clear(f"{folders[1]}/gate")


def cache_report(
    answer: Answer, arguments: Sequence[str], code: int, render: Callable[[Verdict], bytes], started: float
) -> None:
    """Cache the report of `gate check ARGUMENTS`, which exited with `code`, if it may be repeated.

    `render` produces the output. `started` is when the check began: the answer doesn't include later changes.
    """
    if not _is_repeatable(answer):
        return
    folders = answer_cache.git_folders()
    if folders is None:
        return
    key = answer_cache.cache_key(list(arguments), *folders)
    if key is None:
        return
    state = folders[1]
    # No check runs when a cached report is printed, so the report says that the results are cached.
    checks = tuple(
        replace(item, cached=True) if isinstance(item, Ran) else item for item in answer.verdict.checks
    )
    answer_cache.store_answer(
        f"{state}/gate",
        key,
        code,
        render(replace(answer.verdict, checks=checks)),
        [*stamped_paths(answer), f"{state}/config", f"{state}/shallow"],
        answer.until,
        folders=package_folders(answer),
        started=started,
    )


def _is_repeatable(answer: Answer) -> bool:
    """Return whether the same question would get the same answer."""
    if not answer.environments or not answer.repeatable:
        return False
    # The answer for an environment also depends on the time and on live measurements.
    if answer.verdict.change.into.startswith(ENVIRONMENTS):
        return False
    # The cache key doesn't include the additional variables that the policy passes to a check.
    return not any(check.env for check in answer.settings)
