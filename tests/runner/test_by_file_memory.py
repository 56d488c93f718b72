"""What a file of tests leaves for others that run in the same process: each way is noticed, and no other is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gate.plugins

SHOP = """\
import abc, collections, functools, itertools, numbers, random, types

X = 1
items = {"a": [1]}
names = ["a"]
raw = bytearray(b"1")
rng = random.Random(1)
Order = collections.namedtuple("Order", "id")


class Payable(abc.ABC):
    pass


@numbers.Number.register
class Amount:
    pass



class Price:
    currency = "EUR"

    def __init__(self):
        self.value = 1


class Slotted:
    __slots__ = ("value",)


price, slotted = Price(), Slotted()
slotted.value = 1
hidden = types.ModuleType("hidden")
hidden.x = 1


@functools.lru_cache(maxsize=None)
def total(n):
    return n


def default(seen=[]):
    return seen


def counter():
    calls = 0

    def count():
        nonlocal calls
        calls += 1
        return calls

    return count


count = counter()


@functools.singledispatch
def show(value):
    return str(value)
"""
LEAVES = {
    "a name of a module": "shop.X = 2",
    "a new name in a module": "shop.Y = 2",
    "a name that is gone": "del shop.X",
    "an entry": "shop.items['b'] = 1",
    "a nested list": "shop.items['a'].append(2)",
    "the order of a list": "shop.names.insert(0, 'b')",
    "an attribute of a class": "shop.Price.currency = 'USD'",
    "a method": "shop.Price.pay = lambda self: 1",
    "an attribute of an object": "shop.price.value = 2",
    "a slot": "shop.slotted.value = 2",
    "a cache": "shop.total(1)",
    "a default": "shop.default().append(1)",
    "a closure": "shop.count()",
    "code of a function": "shop.counter.__code__ = shop.default.__code__",
    "an attribute of a function": "shop.default.marked = True",
    "a registered function": "shop.show.register(int)(lambda value: '')",
    "bytes": "shop.raw.append(1)",
    "a random generator": "shop.rng.random()",
    "a module that is not imported": "shop.hidden.x = 2",
    "a variable of the environment": "import os; os.environ['SHOP'] = '1'",
    "the working folder": "import os; os.chdir('/')",
    "a function of the standard library": "import textwrap; textwrap.dedent = None",
    "a method of the standard library": "import pathlib; pathlib.Path.exists = lambda self: True",
    "a built-in name": "import builtins; builtins.shop = 1",
    "the level of a logger": "import logging; logging.getLogger('shop').setLevel('ERROR')",
    "a handler of the root logger": "import logging; logging.getLogger().addHandler(logging.NullHandler())",
    "disabled logging": "import logging; logging.disable(50)",
    "a module of another kind": "import sys, types; sys.modules['boto3'] = types.ModuleType('boto3')",
    "a module imported anew": "import sys; del sys.modules['shop']; import shop",
    "a signal handler": "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "a thread": "import threading; threading.Thread(target=threading.Event().wait, args=(9,), daemon=True).start()",
    "the decimal context": "import decimal; decimal.getcontext().prec = 3",
    "the recursion limit": "import sys; sys.setrecursionlimit(3000)",
    "a context variable": "shop.var = None; import contextvars; contextvars.ContextVar('v').set(1)",
    "a warning filter at import": None,
    "a patch at import": None,
    "a folder to import from": "import sys; sys.path.insert(0, '/usr/share')",
    "a temporary file with a name": "import pathlib, tempfile; pathlib.Path(tempfile.gettempdir(), 'shop').touch()",
    "a virtual subclass": "shop.Payable.register(int)",
    "a way to copy": "import copyreg; copyreg.pickle(shop.Price, lambda price: (shop.Price, ()))",
    "a codec": "import codecs; codecs.register(lambda name: None)",
    "a handler of errors": "import codecs; codecs.register_error('shop', lambda error: ('', error.end))",
    "an audit hook": "import sys; sys.addaudithook(lambda *args: None)",
    "a dialect of csv": "import csv; csv.register_dialect('shop', delimiter=';')",
    "the size of csv fields": "import csv; csv.field_size_limit(9)",
    "an opener of addresses": "import urllib.request as r; r.install_opener(r.build_opener())",
    "a browser": "import webbrowser; webbrowser.register('shop', None)",
    "an event loop": "import asyncio; asyncio.set_event_loop(asyncio.new_event_loop())",
    "a run of asyncio": "import asyncio; asyncio.run(asyncio.sleep(0))",
    "a limit of the process": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "the priority": "import os; os.nice(1)",
    "a blocked signal": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
    "a timer": "import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 999)",
    "the stack of threads": "import threading; threading.stack_size(1 << 20)",
    "the switch interval": "import sys; sys.setswitchinterval(1)",
    "the limit of digits": "import sys; sys.set_int_max_str_digits(9999)",
    "a hook of generators": "import sys; sys.set_asyncgen_hooks(firstiter=print)",
    "a profile function": "import threading; threading.setprofile(print)",
    "a callback of the collector": "import gc; gc.callbacks.append(lambda *args: None)",
    "the time zone": "import os, time; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset(); del os.environ['TZ']",
    "an adapter of a database": "import sqlite3; sqlite3.register_adapter(shop.Price, str)",
    "a namespace": "import xml.etree.ElementTree as tree; tree.register_namespace('shop', 'urn:shop')",
    "a look at modules": "import sys; assert 'nothing' not in sys.modules",
    "a look at classes": "assert not shop.Price.__subclasses__()",
}
AT_IMPORT = {
    "a warning filter at import": "import warnings\nwarnings.simplefilter('error')\n",
    "a patch at import": "shop.X = 2\n",
}
HARMLESS = {
    "nothing": "pass",
    "what is its own": "seen.append(1)",
    "what is put back": "monkeypatch.setattr(shop, 'X', 2); monkeypatch.setenv('SHOP', '1')",
    "an entry that is put back": "monkeypatch.setitem(shop.items, 'b', 2)",
    "a mock": "from unittest import mock\n    with mock.patch('shop.total'): pass",
    "an import of its own": "import shop_extra, xml.dom.minidom, asyncio, decimal, uuid",
    "regular expressions": "import re; re.compile('a+b'); import time; time.strptime('2020', '%Y')",
    "a logger": "import logging; logging.getLogger('shop.new').warning('hello')",
    "temporary files": "import tempfile; tempfile.mkstemp(); tmp_path.joinpath('a').touch()",
    "signature and annotations": "import inspect; inspect.signature(shop.counter); vars(shop.price)",
    "a function by type": "import os, pkgutil; shop.show(1); assert list(pkgutil.iter_modules([os.curdir]))",
    "output": "print('hello'); assert capsys.readouterr().out",
    "an exception": "import pytest\n    with pytest.raises(KeyError): shop.items['x']",
    "combined flags": "import re; assert re.IGNORECASE | re.ASCII | re.DOTALL",
    "a subclass": "class Mine(shop.Price): pass",
    "its working folder": "monkeypatch.chdir(tmp_path)",
    "warnings": "import warnings\n    with warnings.catch_warnings(): warnings.simplefilter('error')",
}


DRIVER = """\
import os, sys
plugins, folder, *names = sys.argv[1:]
sys.path.insert(0, plugins)
import pytest
for name in names:
    child = os.fork()
    if not child:
        os.environ.update(
            GATE_PYTEST_REPORT=f"{folder}/{name}.report", GATE_INPUTS=f"{folder}/{name}.inputs",
            GATE_FILES=f"{folder}/{name}.files", TMPDIR=f"{folder}/{name}.tmp",
        )
        sys.argv = ["start", folder + "/tree", folder + "/tree", "", "--", "-q"]
        import start_pytest
        os._exit(start_pytest.start())
    os.waitpid(child, 0)
"""
"""Starts pytest as gate does, once for each test, and imports pytest itself but once."""


def shares(folder: Path, tests: dict[str, str]) -> dict[str, str]:
    """What of each test in a process of its own others could see, as the process says; empty if nothing."""
    tree = folder / "tree"
    tree.mkdir()
    (tree / "shop.py").write_text(SHOP)
    (tree / "shop_extra.py").write_text("import shop\n")
    numbers = {name: f"test_{number}.py" for number, name in enumerate(tests)}
    for name, body in tests.items():
        head = AT_IMPORT.get(name, "")
        test = f"import shop\n{head}seen = []\n\n\ndef test_it(monkeypatch, tmp_path, capsys):\n    {body}\n"
        (tree / numbers[name]).write_text(test)
        (folder / f"{numbers[name]}.files").write_text(json.dumps([numbers[name]]))
        (folder / f"{numbers[name]}.tmp").mkdir()
    env = {
        **os.environ,
        "GATE_PYTEST_ROOT": str(tree),
        "GATE_PYTEST_ROOTS": str(tree),
        "GATE_INPUTS_TREE": str(tree),
        "GATE_EACH": "proven",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    plugins = str(Path(gate.plugins.__file__).parent)
    argv = [sys.executable, "-c", DRIVER, plugins, str(folder), *numbers.values()]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    found = {}
    for name, file in numbers.items():
        events = [json.loads(line) for line in (folder / f"{file}.report").read_text().splitlines()]
        (ended,) = (event for event in events if event["event"] == "file-ended")
        assert ended["code"] == 0, done.stdout
        found[name] = str(ended["shares"])
    return found


@pytest.mark.slow
def test_what_is_left_in_memory_is_noticed_and_nothing_else(tmp_path: Path) -> None:
    found = shares(tmp_path, {**{name: body or "pass" for name, body in LEAVES.items()}, **HARMLESS})
    assert {name: found[name] for name in HARMLESS if found[name]} == {}
    assert [name for name in LEAVES if not found[name]] == []
    assert found["an entry"] == "it changes shop.items"
    assert found["a name of a module"] == "it changes shop.X"
