"""What `gate explain` says about each kind of weakened check: what it hides, and what to do instead."""

from __future__ import annotations

from typing import Final

from gate.weakenings.detectors.settings import TOOLS

ENDING: Final = """

It needs approval from a guardian (`gate explain guarded`). If you revert it, no guardian is needed."""
_WEAKER: Final = """\
A {tool} setting got looser, so {tool} reports less than before.

Fewer rules or files, a looser mode, or an option that excludes something. Settings are compared by meaning: their
order and layout do not matter.

What to do: keep the setting as it was, and fix what it reports."""
_PLUGINS: Final = """\
The pytest plugins that the project registers (`pytest11` entry points) changed.

pytest loads them in every run, and they can select tests and change what is reported.

What to do: leave the entry points as they are, or ask a guardian to approve them."""
_NEW_PAGES: Final[dict[str, tuple[str, str]]] = {
    "noqa": ("a `# noqa` comment", "it hides lint findings"),
    "ruff-disable": ("a `# ruff: disable` comment", "it hides lint findings"),
    "type-ignore": ("a `# type: ignore` comment", "it hides type errors"),
    "mypy-inline": ("a `# mypy:` comment", "it changes mypy's settings for the file"),
    "no-type-check": ("a `@no_type_check` decorator", "mypy skips everything below it"),
    "any-name": ("an untyped (`Any`) name in a stub", "every attribute of it exists for the type checker"),
    "gate-ignore": ("a `# gate: ignore` comment", "it hides findings of the names check"),
    "no-cover": ("a `# pragma: no cover` comment", "it excludes code from coverage"),
    "tool-ignore": ("a comment that another tool reads", "it hides findings of that tool"),
    "format-off": ("a `# fmt: off` comment", "it hides code from the formatter"),
    "skip": ("a skipped or expected-to-fail test", "its failure does not count"),
    "test-hook": ("a pytest hook", "it decides which tests run, or what is reported about them"),
}
_PAGES: Final[dict[str, str]] = {
    "guarded-policy": """\
The change edits `gate.yaml`: the policy or the people in it.

The file on the base branch applies to this change; the edit applies to later ones.""",
    "guarded-owners": """\
The change edits a CODEOWNERS file, or adds one that could take precedence.

Owners are read from the base branch, so the edit does not affect its own approval.""",
    "guarded-attributes": """\
The change edits `.gitattributes`, which decides how git shows and merges files.

gate itself ignores the file, but reviewers may not see what they approve.""",
    "guarded-ci": """\
The change edits what CI or the hooks run: a workflow, a pipeline, or the settings of a hook manager.

Anyone who can edit these files can turn gate off.""",
    "guarded-command": """\
The change edits what a check runs: its script, its plugin, or the settings of its program.

With such an edit a check could approve itself.""",
    "ignored-code": """\
An ignore file (`.gitignore` or similar) now covers code, so tools that honor it skip that code.""",
    "older-tool": """\
The project asks for an older version of a tool, or no longer for the tool.

An older version has fewer rules.""",
    "unreadable-settings": """\
A settings file can no longer be parsed, so nobody knows what the checks would report.

What to do: fix its syntax.""",
    "nested-settings": """\
A settings file in a subfolder replaces the settings that applied there.

ruff uses the nearest file alone, mypy and pytest the first that they find.""",
    "compiled-code": """\
Compiled code can be imported in place of source.

Nobody can review it, and no check reads it. What to do: build it from source where it is needed.""",
    "shadowed-library": """\
A module has the name of a standard library module.

If its folder comes first on the path, `import` finds it instead of the real one. What to do: rename it.""",
    "shadowed-tool": """\
A module has the name of a tool, or of one that Python loads by itself (`sitecustomize`).

It could run in place of the tool. gate's own tools do not look there. What to do: rename it.""",
    "shadowing-stub": """\
A stub (`.pyi`) is next to a module, so type checkers read the stub and not the code.

What to do: write the types in the code.""",
    "committed-environment": """\
A Python environment is committed to the repository.

Its packages could be anything, and tools may run in it. What to do: remove it and add it to `.gitignore`.""",
    "package-index": """\
Packages come from an index that was not used before.

The owner of that index decides what is installed. gate reads the settings and lock files of pip, uv, Poetry, PDM,
Hatch, Pipenv, conda, and pixi, and the options (`--index-url`) and variables (`PIP_INDEX_URL`) of installers in any
other configuration file, script, or Dockerfile. What to do: use the index that the project used so far.""",
    "path-file": """\
A `.pth` file: Python runs its content at every start where it is installed.""",
    "lost-py-typed": """\
`py.typed` was removed, so type checkers ignore the package's types wherever it is used.""",
    "lost-test-hook": """\
A pytest hook was removed, which may have selected tests or reported results.""",
    "deleted-test": """\
A test was removed, or moved to where pytest does not collect it.

A test that moved to another file of the same change is not reported.""",
    "emptied-test": """\
A test has fewer assertions or fewer cases than before.""",
    "unseen-code": """\
Code is where no tool looks: in an excluded folder, in a file without a Python extension, or behind a link or submodule.

What to do: move it to where the rest of the code is.""",
    "odd-encoding": """\
A source file declares an encoding other than UTF-8.

Python could read other code than people see. What to do: save it as UTF-8 and remove the declaration.""",
    "hidden-text": """\
Invisible or direction-changing characters: the code reads differently than it runs (CVE-2021-42574).

What to do: write them as escapes, such as `\\u202e`.""",
}


def _weaker(tool: str) -> str:
    if tool == "plugins":
        return _PLUGINS
    return _WEAKER.format(tool=tool)


def _new(what: str, effect: str) -> str:
    return (
        f"New suppression: {what}.\n\n{effect[:1].upper()}{effect[1:]}. It is reported if it was added, or if it now "
        "applies to other code.\n\nWhat to do: fix what it hides. If the tool is wrong, name the rule in the comment "
        "and say why."
    )


PAGES: Final[dict[str, str]] = {
    rule: page + ENDING
    for rule, page in {
        **_PAGES,
        **{f"weaker-{tool}": _weaker(tool) for tool in TOOLS},
        **{f"new-{kind}": _new(what, effect) for kind, (what, effect) in _NEW_PAGES.items()},
    }.items()
}
