"""Record the files that compiled modules of the standard library look up without an audit event.

If such a file doesn't exist, nothing else shows that the run depends on it. This is part of the recorder in
`gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, Dict, Tuple

from gate_record import Inputs, depends
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
    elif name == "time" and hasattr(module, "tzset"):
        module.tzset = _setting_zone(module.tzset)


def already_loaded() -> None:
    """Wrap the functions of the modules that were loaded before the recorder started."""
    for name in (*PATHS, "time"):
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
        place = place_of(path) + os.sep
        if path is not None and any(place.startswith(root + os.sep) for root in Inputs.roots):
            depends("compiled code of the standard library looks up files")


def _setting_zone(original: Callable[[], None]) -> Callable[[], None]:
    def tzset() -> None:
        zone = os.environ.get("TZ", "").lstrip(":")
        if os.sep in zone:
            _note(zone)
        original()

    tzset.__doc__ = original.__doc__
    return tzset


def _starting_tcl(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(*args: Any) -> Any:
        depends("Tcl is started, which can look at files")
        return original(*args)

    create.__doc__ = original.__doc__
    return create
