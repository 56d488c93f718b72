"""The folders that a project's tests can import from. Pure."""

from __future__ import annotations

import posixpath

from gate.checks import suites
from gate.checks.tool import Job


def import_roots(job: Job) -> list[str]:
    """Return the first folders on the import path, as the project's own command would have them.

    If the environment has the project installed, or the tree declares a package, the installation decides. pytest
    itself adds folders according to its settings and the test files.
    """
    roots = [*job.roots, *(folder for folder in job.import_path if _has_folder(job, folder))]
    if job.package and not job.installed:
        roots += _source_folders(job)
    elif suites.choose(job).kind != "pytest" or not job.plain_start:
        roots.append("")
    return [posixpath.normpath(f"{job.root}/{root}") for root in dict.fromkeys(roots)]


def project_roots(job: Job) -> list[str]:
    """Return the folders that may contain the project's modules, whether or not they can be imported."""
    folders = [*job.roots, *_source_folders(job)]
    return [posixpath.normpath(f"{job.root}/{folder}") for folder in dict.fromkeys(folders)]


def _source_folders(job: Job) -> list[str]:
    return [*(["src"] if _has_folder(job, "src") else []), ""]


def _has_folder(job: Job, folder: str) -> bool:
    return not folder or any(path.startswith(f"{folder}/") for path in job.files)


def top_level(job: Job) -> set[str]:
    """Return the modules and packages that can be imported from the tree."""
    return set().union(*(modules_in(job, folder) for folder in {*job.roots, "src", ""}))


def modules_in(job: Job, folder: str) -> set[str]:
    """Return the modules and packages in a folder of the tree, by file name."""
    prefix = f"{folder}/" if folder else ""
    names = set()
    for path in job.files:
        if path.startswith(prefix) and path.endswith(".py"):
            first, _, rest = path.removeprefix(prefix).partition("/")
            names.add(first if rest else first.removesuffix(".py"))
    return names
