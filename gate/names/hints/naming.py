"""Guess from a name whether a value is a file, text, or a client's response, if nothing else shows it."""

from __future__ import annotations

import ast
import re
from typing import Literal

Kind = Literal["file", "text", "response", ""]

FILE_CALLS = frozenset({"open", "urlopen", "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "StringIO",
                        "BytesIO", "TextIOWrapper", "fdopen", "makefile", "openfile", "open_text", "open_binary",
                        "getresponse", "extractfile", "GzipFile", "BZ2File", "LZMAFile"})  # fmt: skip
TEXT_CALLS = frozenset({"read", "read_text", "read_bytes", "readline", "decode", "encode", "strip", "lstrip", "rstrip",
                        "getvalue", "dumps", "get_data", "join", "format", "replace", "str", "bytes", "repr", "text",
                        "getenv", "b64decode", "b64encode", "hexdigest", "check_output", "group", "recv", "getoutput",
                        "decompress", "urlsafe_b64decode", "unquote", "unquote_plus", "unhexlify", "tobytes", "input",
                        "json_dumps", "lower", "upper", "unescape", "safe_dump", "model_dump_json", "tostring",
                        "removeprefix", "removesuffix", "decrypt", "force_str", "smart_str"})  # fmt: skip
LINES_CALLS = frozenset({"splitlines", "readlines", "split", "rsplit", "partition", "communicate", "findall",
                         "iter_lines", "lrange", "smembers", "strings"})  # fmt: skip
TEXT_NAMED_CALL = re.compile(
    r"(?:get|read|fetch|load|download|render|http|curl)_?(?:\w+_)?(?:content|html|text|body|source|page|string|str|xml)s?(?:_\w+)?$"
    r"|(?:\w+_)?to_(?:str|text|string|json|unicode|bytes|native)$|native_?str$"
)
FILE_NAMES = re.compile(
    r"(?:fp|fh|fd|fobj|f|file|infile|outfile|fileobj|file_obj|handle|filehandle|\w+_(?:file|fp|fh))$"
)
CLEAR_FILE_NAMES = re.compile(r"(?:fp|fh|fobj|fileobj|file_obj|filehandle|\w+_(?:fp|fh))$")
TEXT_NAMES = re.compile(
    r"(?:text|string|s|str_|raw|line|payload|value|val|v|blob_text|contents?|body|json_?(?:text|str|string|data_str)"
    r"|html|query|data|json_data|raw_data|response_data|reply|\w+_(?:text|str|string|html|content|body|raw))$"
)
CLEAR_TEXT_NAMES = re.compile(
    r"(?:text|string|contents?|body|html|line|xml|raw|reply|json_?(?:text|str|string)"
    r"|\w+_(?:text|str|string|html|contents?|body|line|xml))$"
)
# An argument of `load` with any other name, or from a call to any other function, is rarely a file.
MAY_BE_FILE = re.compile(
    r"(?i)^.$|f$|fp|fh|fd|file|stream|source|src|read|input|inp|buf|io$|conn|pipe|std|resp|handle|resource|upload"
    r"|config|cfg|manifest|open|obj|body|result|out|sock|archive|member|path|url|req|fixture|blob|asset|artifact|raw|get$"
)
TEXT_TYPES = frozenset({"str", "bytes", "bytearray", "AnyStr"})
FILE_TYPES = re.compile(
    r"(?:IO|TextIO|BinaryIO|TextIOBase|TextIOWrapper|BufferedReader|IOBase|StringIO|BytesIO)\b"
)
# Values in mappings with these names are text, except for uploaded files.
TEXT_MAPPINGS = frozenset({"form", "args", "headers", "cookies", "POST", "GET", "META", "environ", "values", "params",
                           "cache", "redis", "row", "record", "argv"})  # fmt: skip
TEXT_STORES = frozenset({"cache", "redis", "redis_client", "redis_conn", "memcache", "rdb", "kv", "environ", "cookies",
                         "headers", "form", "args", "params", "POST", "GET", "config", "row"})  # fmt: skip
TEXT_ATTRIBUTES = frozenset({"text", "content", "data", "body", "stdout", "stderr"})
ANSWERS = frozenset({"request", "response", "resp", "r", "res", "req", "result", "reply", "msg", "message", "event",
                     "answer"})  # fmt: skip
CLIENTS = frozenset({"requests", "session", "client", "http", "httpx", "s", "api", "sess"})
VERBS = frozenset({"get", "post", "put", "patch", "delete", "request"})
FILE_METHODS = frozenset(
    {"readline", "readlines", "seek", "tell", "fileno", "truncate", "isatty", "readable"}
)
TEXT_METHODS = frozenset({"startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "splitlines",
                          "isdigit", "partition"})  # fmt: skip


def of_parameter(argument: ast.arg, default: Kind) -> Kind:
    """Return the kind of a parameter: by its annotation if it has one, else by its default, else by its name."""
    if argument.annotation is not None:
        return of_annotation(argument.annotation)
    if default:
        return default
    if FILE_NAMES.match(argument.arg):
        return "file"
    return "text" if TEXT_NAMES.match(argument.arg) else ""


def of_annotation(node: ast.expr) -> Kind:
    """Return the kind that an annotation says: "text", "file", or "" for anything else."""
    annotation = ast.unparse(node).strip("\"'")
    parts = {
        part.strip()
        for part in re.sub(r"^(?:typing\.)?(?:Optional|Union)\[(.*)\]$", r"\1", annotation)
        .replace(",", "|")
        .split("|")
    }
    parts.discard("None")
    if parts and parts <= TEXT_TYPES:
        return "text"
    return "file" if FILE_TYPES.search(annotation) and not parts & TEXT_TYPES else ""


def of_name(name: str, *, entered: bool) -> Kind:
    """Return the kind that a variable's name suggests. If a `with` binds it, more names suggest a file."""
    if (FILE_NAMES if entered else CLEAR_FILE_NAMES).match(name):
        return "file"
    return "text" if CLEAR_TEXT_NAMES.match(name) and not entered else ""
