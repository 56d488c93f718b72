"""Record which of the environment variables that differ between a person's machine and CI are read.

This is part of the recorder in `gate_inputs.py`, and runs in the project's interpreter, so it must work with Python 3.7
and later.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, Iterator, Set

RECORDED = frozenset({b"CI"})
"""The variables whose reads are recorded. The C library reads others, such as LANG and TZ, without being asked."""


class Variables:
    """The recorded variables that were read so far."""

    read: Set[str] = set()


def _read(name: Any) -> None:
    if name in RECORDED:
        Variables.read.add(os.fsdecode(name))


def read_all() -> None:
    """Record that all variables are read."""
    Variables.read.update(map(os.fsdecode, RECORDED))


class _Environment(Dict[bytes, bytes]):
    """The variables behind `os.environ`. A program that lists or copies all of them has read each."""

    def __getitem__(self, name: bytes) -> bytes:
        _read(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        _read(name)
        return super().__contains__(name)

    def get(self, name: Any, *default: Any) -> Any:
        _read(name)
        return super().get(name, *default)

    def setdefault(self, name: Any, *default: Any) -> Any:
        _read(name)
        return super().setdefault(name, *default)

    def pop(self, name: Any, *default: Any) -> Any:
        _read(name)
        return super().pop(name, *default)

    def __delitem__(self, name: bytes) -> None:
        _read(name)
        super().__delitem__(name)

    def __iter__(self) -> Iterator[bytes]:
        read_all()
        return super().__iter__()

    def __len__(self) -> int:
        read_all()
        return super().__len__()

    def __eq__(self, mapping: object) -> bool:
        read_all()
        return super().__eq__(mapping)

    def __ne__(self, mapping: object) -> bool:
        read_all()
        return super().__ne__(mapping)

    def __repr__(self) -> str:
        read_all()
        return super().__repr__()

    def __reversed__(self) -> Iterator[bytes]:
        read_all()
        return super().__reversed__()

    def keys(self) -> Any:
        read_all()
        return super().keys()

    def values(self) -> Any:
        read_all()
        return super().values()

    def items(self) -> Any:
        read_all()
        return super().items()

    def copy(self) -> Dict[bytes, bytes]:
        read_all()
        return super().copy()

    def popitem(self) -> Any:
        read_all()
        return super().popitem()

    def __or__(self, mapping: Any) -> Any:
        return self.copy() | mapping

    def __ror__(self, mapping: Any) -> Any:
        return mapping | self.copy()


def begin() -> None:
    """Record reads from now on. Where that isn't possible, all variables count as read."""
    environ: Any = os.environ
    data = getattr(environ, "_data", None)
    if type(data) is not dict or not all(isinstance(name, bytes) for name in data):
        read_all()
        return
    environ._data = _Environment(data)  # noqa: SLF001  there is no other place that all reads go through
    for module, name in ((os, "environb"), (sys.modules.get("posix"), "environ")):
        environment: Any = getattr(module, name, None)
        if isinstance(environment, type(environ)):
            environment._data = environ._data  # noqa: SLF001  the same
        elif environment is data:
            setattr(module, name, environ._data)  # noqa: SLF001  the same
