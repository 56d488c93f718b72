"""What `gate explain` tells of each kind of weakening: what it hides, and what to do instead."""

from __future__ import annotations

from typing import Final

from gate.weakenings.settings import TOOLS
from gate.weakenings.suppressions import HIDES

ENDING: Final = """

It is there to be seen by a guardian, who approves the change or not (`gate explain guarded`); taken out of the
change, nobody is asked."""
_WEAKER: Final = """\
A setting of {tool} with which it sees, says or counts less than before: fewer rules or files, a looser mode, an
option that leaves something out. Settings are compared by what they mean, so their order and layout are free."""
_NEW: Final = """\
A `{kind}` that was not there before, or that is now over other code: it {hides}.

What to do: mend what it hides. Where the tool is wrong, name its rule in the comment, and say why beside it."""
_TOLD: Final[dict[str, str]] = {
    "guarded-policy": """\
The change edits `gate.yaml`: the policy of the gate, or the people in it. What holds for this change is the file at
the base; the edit holds from the next change on.""",
    "guarded-owners": """\
The change edits a CODEOWNERS file, or brings one to a place where it could take precedence. Who owns what is read at
the base, so the edit has no say about itself.""",
    "guarded-attributes": """\
The change edits `.gitattributes`, which decides how git shows and merges files for people. gate reads none of it.""",
    "guarded-ci": """\
The change edits what CI or the hooks run: a workflow, a pipeline, a hook manager's file. Whoever can edit it can leave
the gate out.""",
    "guarded-command": """\
The change edits what a check of the policy starts: its script, its plugin, or the settings of its program. With that
it could say yes to itself.""",
    "ignored-code": """\
A pattern of `.gitignore` (or of a file like it) by which tools that follow git's ignores would pass over code, or an
exception from one that no longer holds.""",
    "older-tool": """\
The project asks for an older version of a tool than before, or no longer for the tool at all. An older one sees
less.""",
    "unreadable-settings": """\
A file of settings that cannot be read any more, so that nobody can say what a check would still see.

What to do: mend its syntax.""",
    "nested-settings": """\
A file of settings in a folder, which takes the place of those that held there so far; for ruff the nearest file counts
alone, for mypy and pytest the first of several.""",
    "compiled-code": """\
Compiled code that could be imported in place of source. Nobody can review it, and no check reads it.

What to do: build it from source where it is needed.""",
    "shadowed-library": """\
A module by the name of one of the standard library's. Where its folder comes first, `import` finds it and not the real
one.

What to do: call it something else.""",
    "shadowed-tool": """\
A module by the name of a tool, or of one that Python loads by itself (`sitecustomize`), which it could run in place of.
gate's own tools do not look there.

What to do: call it something else.""",
    "shadowing-stub": """\
A stub (`.pyi`) beside a module. Type checkers then read the stub, and not the code.

What to do: write the types in the code.""",
    "path-file": """\
A `.pth` file. Python runs what is in it at every start, where it is installed.""",
    "lost-py-typed": """\
`py.typed` is gone. Without it the type checkers of whoever uses the package see nothing of it.""",
    "lost-test-hook": """\
A hook of pytest's is gone, which may have seen to something: to which tests run, or to what is reported.""",
    "deleted-test": """\
A test is gone, or where pytest does not collect it. One that moved to another file of the change is not gone.""",
    "emptied-test": """\
A test of the same name has fewer assertions, or fewer cases, than before.""",
    "unseen-code": """\
Code where no tool looks: in a folder that they all leave out, under a name that is no Python's, or behind a link or a
submodule.

What to do: put it where the rest of the code is.""",
    "odd-encoding": """\
Source that declares an encoding other than UTF-8. In it, Python could read other code than people do.

What to do: save it as UTF-8, and take the declaration out.""",
    "hidden-text": """\
Characters that turn the direction of text, or that no line shows: it reads otherwise than it runs (CVE-2021-42574).

What to do: write them as escapes, such as `\\u202e`.""",
}
PAGES: Final[dict[str, str]] = {
    rule: page + ENDING
    for rule, page in {
        **_TOLD,
        **{f"weaker-{tool}": _WEAKER.format(tool=tool) for tool in TOOLS},
        **{f"new-{kind}": _NEW.format(kind=kind, hides=hides) for kind, hides in HIDES.items()},
    }.items()
}
