"""Record the files that compiled modules look up without an audit event.

If such a file doesn't exist, nothing else shows that the run depends on it. This is part of the recorder in
`gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, Dict, Tuple

from gate_record import depends, is_in_tree
from gate_writes import place_of

PATHS: Dict[str, Dict[str, Tuple[int, ...]]] = {
    "readline": {
        "read_init_file": (0,),
        "read_history_file": (0,),
        "write_history_file": (0,),
        "append_history_file": (1,),
    },
    "_dbm": {"open": (0,)},
    "_gdbm": {"open": (0,)},
    "_locale": {"bindtextdomain": (1,)},
}
"""By module and function, the positions of the arguments that are paths."""
OF_CONTEXT = {"load_cert_chain": (0, 1), "load_verify_locations": (0, 1), "load_dh_params": (0,)}
"""The same for the methods of an SSL context."""
NAMED = ("certfile", "keyfile", "cafile", "capath")
SEARCHED = frozenset({
    "CURL_CA_BUNDLE", "DYLD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "FONTCONFIG_SYSROOT", "GCONV_PATH",
    "GDAL_DATA", "GDAL_DRIVER_PATH", "HOSTALIASES", "ICU_DATA", "INPUTRC", "KRB5_CONFIG", "LD_LIBRARY_PATH",
    "LDAPCONF", "LDAPRC", "LOCPATH", "MAGIC", "MAGICK_CONFIGURE_PATH", "NLSPATH", "ODBCINI", "ODBCSYSINI",
    "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "PROJ_DATA",
    "PROJ_LIB", "SSL_CERT_DIR", "SSL_CERT_FILE", "TERMCAP", "TERMINFO", "TERMINFO_DIRS", "TZDIR",
})  # fmt: skip
"""Variables that name files and folders for C libraries. Python code looks up files where the recorder sees it."""


def loaded(module: Any) -> None:
    """Wrap the functions of a compiled module that has been loaded."""
    name = getattr(module, "__name__", "")
    for function, positions in PATHS.get(name, {}).items():
        original = getattr(module, function, None)
        if original is not None:
            setattr(module, function, _noting(original, positions))
    if name == "_ssl":
        context = module._SSLContext  # noqa: SLF001  ssl.SSLContext inherits from it
        methods = {
            method: _noting(getattr(context, method), tuple(number + 1 for number in positions))
            for method, positions in OF_CONTEXT.items()
        }
        noting: Any = type("_SSLContext", (context,), {"__module__": "_ssl", **methods})
        module._SSLContext = noting  # noqa: SLF001  ssl.SSLContext inherits from it
    elif name == "_tkinter":
        module.create = _starting_tcl(module.create)
    elif name == "_cffi_backend":
        module.load_library = _loading_library(module.load_library)
    elif name == "uvloop.loop":
        depends("uvloop is imported, which can start processes")


def already_loaded() -> None:
    """Wrap the functions of the modules that were loaded before the recorder started."""
    for name, value in os.environ.items():
        _note_variable(name, value)
    for name in (*PATHS, "_cffi_backend", "uvloop.loop"):
        if name in sys.modules:
            loaded(sys.modules[name])
    for name in ("_ssl", "_tkinter"):
        if name in sys.modules:
            depends(f"{name} is imported before the tests start")


def _noting(original: Callable[..., Any], positions: Tuple[int, ...]) -> Callable[..., Any]:
    def noting(*args: Any, **kwargs: Any) -> Any:
        paths = [args[number] for number in positions if number < len(args)]
        for path in (*paths, *(kwargs[name] for name in NAMED if name in kwargs)):
            _note(path)
        return original(*args, **kwargs)

    noting.__name__, noting.__doc__ = original.__name__, original.__doc__
    return noting


def _note(path: Any) -> None:
    with contextlib.suppress(TypeError, ValueError, OSError):  # the original function reports an invalid path
        if path is not None and is_in_tree(place_of(path)):
            depends("compiled code looks up files")


def setting(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap `os.putenv`. C libraries look up the files that a variable names at some later time."""

    def putenv(name: Any, value: Any) -> None:
        with contextlib.suppress(TypeError, ValueError):  # the original function reports an invalid variable
            _note_variable(os.fsdecode(name), os.fsdecode(value))
        original(name, value)

    return putenv


def _note_variable(name: str, value: str) -> None:
    if name == "TZ":
        # The C library looks up everything but absolute paths in $TZDIR.
        zone = value.lstrip(":")
        if zone.startswith(os.sep):
            _note(zone)
    elif name in SEARCHED:
        for path in value.split(os.pathsep):
            if path:
                _note(path)


def _loading_library(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap cffi's function. If code of the tree loads a library with it, that could call anything."""

    def load_library(*args: Any, **kwargs: Any) -> Any:
        frame: Any = sys._getframe(1)  # noqa: SLF001  only the caller distinguishes these
        while frame is not None and os.path.join("cffi", "api.py") in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is None or is_in_tree(os.path.abspath(frame.f_code.co_filename)):
            depends("a library is loaded (cffi)")
        return original(*args, **kwargs)

    return load_library


def _starting_tcl(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(*args: Any) -> Any:
        depends("Tcl is started, which can look at files")
        return original(*args)

    create.__doc__ = original.__doc__
    return create
