"""Find strings in code that name Python objects: Django's settings, logging, pytest plugins, entry points."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from gate.names.syntax.object_reference import ObjectReference, reference_of

DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_IN_OBJECT = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}")
ENTRY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
SURELY_DJANGO = frozenset(
    {"INSTALLED_APPS", "MIDDLEWARE", "MIDDLEWARE_CLASSES", "ROOT_URLCONF", "AUTHENTICATION_BACKENDS"}
)
"""Names of which a module has to set at least one to count as Django settings."""
DJANGO = SURELY_DJANGO | {
    "ASGI_APPLICATION", "CELERY_IMPORTS", "CELERY_INCLUDE", "CSRF_FAILURE_VIEW", "DEFAULT_AUTO_FIELD",
    "DEFAULT_EXCEPTION_REPORTER", "DEFAULT_EXCEPTION_REPORTER_FILTER", "DEFAULT_FILE_STORAGE", "EMAIL_BACKEND",
    "FILE_UPLOAD_HANDLERS", "FORM_RENDERER", "LOGGING_CONFIG", "MESSAGE_STORAGE", "PASSWORD_HASHERS",
    "SESSION_ENGINE", "SESSION_SERIALIZER", "SIGNING_BACKEND", "STATICFILES_FINDERS", "STATICFILES_STORAGE",
    "TEST_RUNNER", "WSGI_APPLICATION",
}  # fmt: skip
DJANGO_KEYS = {
    "AUTH_PASSWORD_VALIDATORS": {"NAME"},
    "CACHES": {"BACKEND", "KEY_FUNCTION"},
    "CHANNEL_LAYERS": {"BACKEND"},
    "DATABASES": {"ENGINE"},
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES", "DEFAULT_FILTER_BACKENDS", "DEFAULT_PAGINATION_CLASS",
        "DEFAULT_PARSER_CLASSES", "DEFAULT_PERMISSION_CLASSES", "DEFAULT_RENDERER_CLASSES", "DEFAULT_SCHEMA_CLASS",
        "DEFAULT_THROTTLE_CLASSES", "DEFAULT_VERSIONING_CLASS", "EXCEPTION_HANDLER",
    },
    "STORAGES": {"BACKEND"},
    "TEMPLATES": {"BACKEND", "builtins", "context_processors", "libraries", "loaders"},
}  # fmt: skip
"""Settings that are mappings, with the keys whose values name objects."""
SETTINGS_MODULE = "DJANGO_SETTINGS_MODULE"
HANDLED = frozenset({"handlers", "formatters", "filters"})
FACTORIES = frozenset({"class", "()"})
"""Keys in a logging configuration whose values name a factory."""
EXTERNAL = "ext://"


def in_module(tree: ast.Module) -> Iterator[ObjectReference]:
    """Yield the references in the module's own statements: Django's settings, and `pytest_plugins`."""
    assigned = list(_assigned(tree.body))
    is_django = any(name in SURELY_DJANGO for name, _ in assigned)
    for name, value in assigned:
        if name == "pytest_plugins":
            yield from _dotted(value, "module")
        elif is_django and name in DJANGO:
            yield from _dotted(value)
        elif is_django and name in DJANGO_KEYS:
            yield from _below(value, DJANGO_KEYS[name])


def in_call(node: ast.Call) -> Iterator[ObjectReference]:
    """Yield the references in the arguments of a call, if it is one of those that take names of objects."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="setdefault"),
            args=[ast.Constant(value="DJANGO_SETTINGS_MODULE"), value],
        ):
            yield from _dotted(value, "module")
        case ast.Call(func=ast.Attribute(value=ast.Name(id="uvicorn"), attr="run"), args=[value, *_]):
            yield from _entries(value)
        case ast.Call(
            func=ast.Name(id="setup") | ast.Attribute(value=ast.Name(id="setuptools"), attr="setup")
        ):
            for keyword in node.keywords:
                if keyword.arg == "entry_points":
                    yield from _entries(keyword.value)
        case ast.Call(func=ast.Name(id="Celery")):
            for keyword in node.keywords:
                if keyword.arg == "include":
                    yield from _dotted(keyword.value, "module")
        case ast.Call(
            func=ast.Name(id="patch")
            | ast.Attribute(value=ast.Name(id="mock" | "mocker"), attr="patch")
            | ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr" | "delattr"),
            args=[ast.Constant(value=str(target)) as value, *_],
        ) if DOTTED.fullmatch(target):
            # With `create`, the attribute need not exist, nor with `raising=False`.
            if not any(keyword.arg in {"create", "raising"} for keyword in node.keywords):
                yield from _dotted(value, "object")


def patched_object(node: ast.Call) -> tuple[ast.expr | None, ast.Constant] | None:
    """Return what a call replaces for a test: an object and an attribute name, or None and a dotted name.

    Returns None for any other call, and for one that allows the attribute to be missing.
    """
    is_optional = any(
        keyword.arg == "create"
        or (keyword.arg == "raising" and getattr(keyword.value, "value", None) is not True)
        for keyword in node.keywords
    )
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="patch") | ast.Attribute(attr="patch"), attr="object")
            | ast.Attribute(value=ast.Name(id="monkeypatch" | "mp"), attr="setattr" | "delattr"),
            args=[owner, ast.Constant(value=str()) as text, *_],
        ) if not isinstance(owner, ast.Constant) and not is_optional:
            return owner, text
        case ast.Call(
            func=ast.Name(id="patch")
            | ast.Attribute(value=ast.Name(id="mock" | "mocker"), attr="patch")
            | ast.Attribute(value=ast.Name(id="monkeypatch" | "mp"), attr="setattr" | "delattr"),
            args=[ast.Constant(value=str(target)) as text, *_],
        ) if _IN_OBJECT.fullmatch(target) and not is_optional:
            return None, text
    return None


def in_dict(node: ast.Dict) -> Iterator[ObjectReference]:
    """Yield the references in a logging configuration. Any other mapping has none."""
    keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    if "version" not in keys or not keys & HANDLED:
        return
    yield from _below(node, FACTORIES)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and str(inner.value).startswith(EXTERNAL):
            yield from _dotted(inner)


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a module sets, with their values, including those under an `if`."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.If():
                yield from _assigned([*node.body, *node.orelse])


def _texts(node: ast.expr) -> Iterator[ast.Constant]:
    """Yield the strings of a value: the value itself, or those of its items and values at any depth."""
    match node:
        case ast.Constant(value=str()):
            yield node
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) | ast.Dict(values=items):
            for item in items:
                yield from _texts(item)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _texts(left)
            yield from _texts(right)


def _below(node: ast.expr, keys: Collection[str]) -> Iterator[ObjectReference]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Dict):
            for key, value in zip(inner.keys, inner.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in keys:
                    yield from _dotted(value)


def _dotted(node: ast.expr, kind: str = "object") -> Iterator[ObjectReference]:
    for text in _texts(node):
        yield from dotted(reference_of(text, kind))


def dotted(text: ObjectReference) -> Iterator[ObjectReference]:
    """Yield the reference if it is a dotted name, without logging's prefix `ext://`."""
    name = text.text.removeprefix(EXTERNAL)
    if DOTTED.fullmatch(name):
        yield ObjectReference(name, text.line, text.column + len(text.text) - len(name), text.kind)


def _entries(node: ast.expr) -> Iterator[ObjectReference]:
    for text in _texts(node):
        yield from entries(reference_of(text))


def entries(text: ObjectReference) -> Iterator[ObjectReference]:
    """Yield every `module:object` in a string, which may have several lines of `name = module:object`."""
    for number, line in enumerate(text.text.split("\n")):
        match = ENTRY.search(line)
        if match:
            # The first line starts at the string's column, later lines at column 1.
            column = text.column + match.start() if not number else match.start() + 1
            yield ObjectReference(match[0], text.line + number, column, "entry")
