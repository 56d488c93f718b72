"""Texts of `gate explain` for each kind of weakened check: what it hides, and what to do instead."""

from __future__ import annotations

from typing import Final

from gate.weakenings.detectors.settings import TOOLS

ENDING: Final = """

This needs approval from a guardian (`gate explain guarded`). If you revert it, you don't need one."""
_WEAKER: Final = """\
A {tool} setting got looser, so {tool} reports less than before.

The setting selects fewer rules or files, uses a looser mode, or excludes something. gate compares settings by
meaning, so order and layout don't matter.

What to do: keep the old setting, and fix the findings."""
_PLUGINS: Final = """\
The pytest plugins that the project registers (`pytest11` entry points) changed.

pytest loads these plugins in every run. They can deselect tests and change results.

What to do: leave the entry points as they are, or ask a guardian to approve them."""
_NEW_PAGES: Final[dict[str, tuple[str, str]]] = {
    "noqa": ("a `# noqa` comment", "it hides lint findings"),
    "ruff-disable": ("a `# ruff: disable` comment", "it hides lint findings"),
    "type-ignore": ("a `# type: ignore` comment", "it hides type errors"),
    "mypy-inline": ("a `# mypy:` comment", "it changes mypy's settings for the file"),
    "no-type-check": ("a `@no_type_check` decorator", "mypy skips everything below it"),
    "any-name": ("an untyped (`Any`) name in a stub", "the type checker accepts any attribute of it"),
    "gate-ignore": ("a `# gate: ignore` comment", "it hides findings of the names check"),
    "no-cover": ("a `# pragma: no cover` comment", "it excludes code from coverage"),
    "tool-ignore": ("a comment that another tool reads", "it hides findings of that tool"),
    "format-off": ("a `# fmt: off` comment", "it hides code from the formatter"),
    "skip": ("a skipped or expected-to-fail test", "its failure doesn't count"),
    "test-hook": ("a pytest hook", "it can change which tests run, or what pytest reports"),
}
_PAGES: Final[dict[str, str]] = {
    "guarded-policy": """\
The change edits `gate.yaml`: the policy or the people in it.

The policy on the base branch applies to this change. The edit applies to later changes.""",
    "guarded-owners": """\
The change edits a CODEOWNERS file, or adds one that could take precedence.

gate reads owners from the base branch, so the edit doesn't affect who approves this change.""",
    "guarded-attributes": """\
The change edits `.gitattributes`, which decides how git shows and merges files.

gate itself ignores the file, but it can hide parts of a diff from reviewers.""",
    "guarded-ci": """\
The change edits a CI workflow, a pipeline, or the settings of a hook manager.

Anyone who can edit these files can turn gate off.""",
    "guarded-command": """\
The change edits a script or plugin that a check runs, or the settings of its program.

Such an edit can make a check pass without checking anything.""",
    "ignored-code": """\
An ignore file (`.gitignore` or similar) now covers code, so tools that honor it skip that code.""",
    "older-tool": """\
The project requires an older version of a tool, or no longer requires the tool.

An older version has fewer rules.""",
    "unreadable-settings": """\
A settings file can no longer be parsed, so the effect on the checks is unknown.

What to do: fix its syntax.""",
    "nested-settings": """\
A settings file in a subfolder replaces the settings that applied there.

ruff uses only the nearest settings file. mypy and pytest use the first one that they find.""",
    "compiled-code": """\
Python can import this compiled code in place of source.

Nobody can review it, and no check reads it. What to do: build it from source where it is needed.""",
    "shadowed-library": """\
A module has the name of a standard library module.

If its folder comes first on the path, `import` finds it instead of the real one. What to do: rename the module.""",
    "shadowed-tool": """\
A module has the name of a tool, or of a module that Python loads at startup (`sitecustomize`).

It could run in place of the tool. gate's own tools aren't affected. What to do: rename the module.""",
    "shadowing-stub": """\
A stub (`.pyi`) is next to a module, so type checkers read the stub instead of the code.

What to do: write the types in the code.""",
    "committed-environment": """\
A Python environment is committed to the repository.

Nobody reviews its packages, and tools may run in it. What to do: remove it, and add it to `.gitignore`.""",
    "package-index": """\
Packages come from an index that the project did not use before.

The owner of that index controls what gets installed. gate reads the settings and lock files of pip, uv, Poetry, PDM,
Hatch, Pipenv, conda, and pixi. It also reads the options (`--index-url`) and variables (`PIP_INDEX_URL`) of installers
in any other configuration file, script, or Dockerfile. For uv, settings that decide where Python, programs, or
credentials come from count as well, such as `python-preference` and `UV_PYTHON_INSTALL_MIRROR`. What to do: use the
project's previous index and settings.""",
    "path-file": """\
A `.pth` file: Python runs its code at every start of the environment that it is installed in.""",
    "lost-py-typed": """\
`py.typed` was removed, so type checkers ignore the package's types wherever it is used.""",
    "lost-test-hook": """\
A pytest hook was removed. It may have selected tests or reported results.""",
    "deleted-test": """\
A test was removed, or moved to a file that pytest doesn't collect.

gate doesn't report a test that moves to another collected file in the same change.""",
    "emptied-test": """\
A test has fewer assertions or fewer cases than before.""",
    "unseen-code": """\
No tool reads this code: it is in an excluded folder, in a file without a Python extension, or behind a link or
submodule.

What to do: move it to where the rest of the code is.""",
    "odd-encoding": """\
A source file declares an encoding other than UTF-8.

Python may run different code than people see. What to do: save the file as UTF-8, and remove the declaration.""",
    "hidden-text": """\
Invisible or direction-changing characters: reviewers see different code than Python runs (CVE-2021-42574).

What to do: write them as escapes, such as `\\u202e`.""",
}


def _weaker(tool: str) -> str:
    if tool == "plugins":
        return _PLUGINS
    return _WEAKER.format(tool=tool)


def _new(what: str, effect: str) -> str:
    return (
        f"New suppression: {what}.\n\n{effect[:1].upper()}{effect[1:]}. gate reports it if a change adds it or makes "
        "it apply to other code.\n\nWhat to do: fix the finding that it hides. If the tool is wrong, name the rule in "
        "the comment and give the reason."
    )


PAGES: Final[dict[str, str]] = {
    rule: page + ENDING
    for rule, page in {
        **_PAGES,
        **{f"weaker-{tool}": _weaker(tool) for tool in TOOLS},
        **{f"new-{kind}": _new(what, effect) for kind, (what, effect) in _NEW_PAGES.items()},
    }.items()
}
