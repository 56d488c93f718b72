"""An imported module that doesn't exist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from string import digits

from gate.finding import Finding
from gate.names.report.finding import finding_at
from gate.names.resolve import known_packages
from gate.names.rules.context import Context, once_a_line
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import (
    candidates,
    is_common_typo,
    is_plausible_typo,
    is_transposition_or_doubling,
    sole_fix,
    suggestions,
)
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.facts import Use

ID = "unknown-module"
SUMMARY = "An imported module that doesn't exist."
WHY = """\
An import inside a function fails when the function is first called, not when the program starts. An import at the
top of a module fails when that module is first loaded. For a plugin or a command, that may be in production.
Generated modules are ignored: those that git ignores, or that a build file names. A well-known package that isn't
installed isn't reported here; the tests fail if they need it."""
BAD: Examples = (
    code("def read():\n    import josn  # <- did you mean `json`?\n"),
    code("import os.paht  # <- did you mean `os.path`?\n"),
)
GOOD: Examples = (
    code("try:\n    import ujosn as json\nexcept ImportError:\n    import json\n"),
    {
        ".gitignore": "shop/_build\n",
        "shop/__init__.py": "",
        "shop/page.py": "from shop._build import VERSION\n",
    },
)
PROVIDED_BY = {"distutils": "setuptools"}
"""Packages that provide a removed module. Other such packages, like `legacy-cgi`, contain the module's name."""
REPLACEMENTS = {"imp": "importlib", "asyncore": "asyncio", "asynchat": "asyncio", "smtpd": "aiosmtpd", "pipes": "shlex",
                "distutils": "setuptools", "cgi": "urllib.parse", "telnetlib": "telnetlib3", "imghdr": "filetype",
                "crypt": "hashlib", "uu": "base64", "binhex": "base64", "xdrlib": "struct"}  # fmt: skip


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for imports of modules that don't exist."""
    yield from once_a_line(map(partial(_imported, context), context.unresolved_imports))


def _imported(context: Context, use: Use) -> Finding | None:
    modules = context.vocabulary.modules
    if not use.owner or modules.is_ambiguous(use.owner, context.path):
        return None
    if modules.module(use.owner) is not None:
        return None
    if removed_in := modules.removed_in(use.owner.partition(".")[0]):
        return _removed(context, use, removed_in)
    if modules.is_known_package(use.owner):
        return _submodule(context, use) if "." in use.owner else None
    if use.owner.partition(".")[0] in known_packages.names():
        return _submodule_of_absent(context, use)
    return _package(context, use)


def _removed(context: Context, use: Use, version: str) -> Finding | None:
    """Return a finding for a module that the standard library no longer has, unless a dependency may provide it."""
    top = use.owner.partition(".")[0]
    provided = PROVIDED_BY.get(top, top)
    if any(
        {provided, f"py{provided}"} & {word, *word.split("_")} for word in context.vocabulary.requirements
    ):
        return None
    hint = f"use `{REPLACEMENTS[top]}` instead" if top in REPLACEMENTS else ""
    position = use.line, use.column, use.end_line
    message = f"Module `{top}` was removed in Python {version}"
    return Finding(context.path, *position, ID, "error", message, hint)


def _package(context: Context, use: Use) -> Finding | None:
    """Return a finding for an unknown package if it is a typo of one that exists or that the project uses more."""
    vocabulary, (top, _, rest) = context.vocabulary, use.owner.partition(".")
    required = vocabulary.required
    # `ldap` comes from `python-ldap`, and `serial` from `pyserial`.
    distributions = (f"python_{top}", f"py{top}", f"{top}_python")
    count = max(required.get(top, 0), *(2 * required.get(name, 0) for name in distributions))
    existing = [
        name
        for name in candidates(top, vocabulary.modules.top_level | known_packages.names(), shortest=2)
        if (count < 2 or required.get(name, 0) > 3 * count)
        and (len(top) > 2 or _has(f"{name}.{rest}".rstrip("."), "" if rest else use.name, vocabulary))
    ]
    alternatives = [name for name in candidates(top, required) if required[name] > 3 * count]
    # `boto` is an older package than `boto3`, not a typo.
    suggested = [
        name
        for name in dict.fromkeys((*existing, *alternatives))
        if (is_plausible_typo(top, name) or name.casefold() == top.casefold())
        and name.rstrip(digits) != top.rstrip(digits)
    ]
    if top in known_packages.others():
        suggested = [name for name in suggested if vocabulary.modules.origin(name) == "project"]
    if not vocabulary.installed:
        # On case-insensitive file systems, `import JSON` works.
        suggested = [
            name for name in suggested if is_common_typo(top, name) or name.casefold() == top.casefold()
        ]
    if not suggested:
        return None
    is_mechanical = is_transposition_or_doubling(top, suggested[0])
    fix = sole_fix(top, suggested, vocabulary.modules.top_level) if is_mechanical else None
    shown = [f"{name}.{rest}" if rest else name for name in suggested]
    return finding_at(context.path, use, ID, f"No module named `{top}`", shown, fix)


def _has(module: str, name: str, vocabulary: ProjectVocabulary) -> bool:
    """Return whether the module exists and has the name, if one is given."""
    finding = vocabulary.modules.module(module)
    return finding is not None and (name in finding.names if name else "." in module)


def misspelt_submodule(use: Use) -> tuple[str, list[str]] | None:
    """Return the wrong part of a module path in a known but not installed package, with suggestions, or None."""
    top, *inner = use.owner.split(".")
    words = known_packages.words_of(top).defined
    for number, part in enumerate(inner):
        if part in words:
            continue
        suggested = [word for word in candidates(part, words) if is_common_typo(part, word)]
        if suggested:
            return part, [".".join([top, *inner[:number], word, *inner[number + 1 :]]) for word in suggested]
    return None


def _submodule_of_absent(context: Context, use: Use) -> Finding | None:
    """Return a finding for a module of a package that isn't installed, only if it is a common typo of a known one."""
    finding = misspelt_submodule(use)
    if finding is None:
        return None
    part, suggested = finding
    message = f"Package `{use.owner.partition('.')[0]}` has no module `{part}`"
    return finding_at(context.path, use, ID, message, suggested)


def _submodule(context: Context, use: Use) -> Finding | None:
    """Return a finding for a missing module in an existing package, else None."""
    modules = context.vocabulary.modules
    if modules.generated.has(use.owner):
        return None
    package, _, last = use.owner.rpartition(".")
    parent = modules.module(package)
    while parent is None and "." in package:
        package, _, last = package.rpartition(".")
        parent = modules.module(package)
    if parent is None:
        return None
    names = parent.own
    close = candidates(last, names, shortest=2)
    if parent.open and not close:
        return None
    suggested = suggestions(last, names) or close
    missing = f"{package}.{last}"
    rest = use.owner.removeprefix(missing)
    fix = (missing, f"{package}.{suggested[0]}") if sole_fix(last, suggested, names) else None
    shown = [f"{package}.{name}{rest}" for name in suggested]
    return finding_at(context.path, use, ID, f"No module named `{missing}`", shown, fix)
