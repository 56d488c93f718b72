"""What the names check reports about values whose kind the code shows, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.run import check

WRONG = {
    "a loop over a split text": (
        "def f(text: str):\n    for part in text.split(','):\n        part.trim()\n", "unknown-attribute", "strip"),
    "what a helper returns": (
        "def read(path):\n    return open(path).read()\n\ndef f(path):\n    return read(path).to_lower()\n",
        "unknown-attribute", "lower"),
    "an attribute of self": (
        "class A:\n    def __init__(self):\n        self.all = []\n\n    def add(self, x):\n        self.all.push(x)\n",
        "unknown-attribute", "append"),
    "a class method of the library": (
        "from datetime import datetime\n\ndatetime.utc_now()\n", "unknown-attribute", "utcnow"),
    "a module's function by another language's name": (
        "import json\n\njson.stringify({})\n", "unknown-member", "dumps"),
    "a keyword of the library": (
        "open('x', encodign='utf-8')\n", "unexpected-keyword", "encoding"),
    "a keyword of the project": (
        "def save(data, path): ...\n\nsave(1, pth='x')\n", "unexpected-keyword", "path"),
    "an argument too many": ("def save(data): ...\n\nsave(1, 2)\n", "wrong-call", ""),
    "a module that is called": ("import time\n\ntime()\n", "wrong-call", "time.time"),
    "a mapping that is called": ("import os\n\nos.environ('HOME')\n", "wrong-call", "os.environ.get"),
    "text for bytes": ("import base64\n\nbase64.b64encode('x')\n", "wrong-argument", "encode"),
    "a name of an enclosing class": (
        "class A:\n    size = 1\n\n    def f(self):\n        return size\n", "undefined-name", ""),
    "what only the use tells": (
        "def f(value):\n    if value.startswith('#'):\n        return value.replace_all('#', '')\n",
        "unknown-attribute", "replace"),
    "a coroutine that is thrown away": (
        "class A:\n    async def load(self): ...\n\n    async def f(self):\n        self.load()\n",
        "missing-await", ""),
    "a file that has the name of something before it": (
        ("import json, os, tempfile\n\ndef f():\n    out, name = tempfile.mkstemp()\n    os.close(out)\n"
        "    with open(name) as out:\n        return json.loads(out)\n"), "wrong-json-argument", "load"),
    "text that a list became": (
        "def f():\n    text = ['a']\n    text = ','.join(text)\n    return text.trim()\n",
        "unknown-attribute", "strip"),
    "a coroutine that is only given on": (
        "async def load(): ...\n\nasync def f():\n    page = load()\n    print(page)\n", "missing-await", "await"),
    "a coroutine that is returned for its result": (
        "async def load(): ...\n\nasync def f():\n    return load()\n", "missing-await", "await"),
    "what is awaited elsewhere in the class": (
        ("class A:\n    def __init__(self, app):\n        self.app = app\n\n    async def f(self):\n"
        "        await self.app(1)\n\n    async def g(self):\n        self.app(2)\n"), "missing-await", "await"),
    "a name that no star can have brought yet": (
        "HOME = os.sep\n\nfrom unknown_package import *\n", "undefined-name", ""),
    "a name in a try that is ready for other errors": (
        ("def f(data):\n    try:\n        return josn(data)\n    except (AttributeError, TypeError):\n"
        "        return None\n"), "undefined-name", ""),
    "a module that is asked for something else": (
        "import os\n\ndef f():\n    if hasattr(os, 'sync'):\n        os.sync()\n    return os.env['HOME']\n",
        "unknown-member", "environ"),
    "the method of a value in the case of a class": (
        "def f(a, b, c):\n    a.upper()\n    b.upper()\n    c.upper()\n    return a.size.Upper()\n",
        "unknown-attribute", "upper"),
    "a keyword in the case of a class": (
        "from unknown_package import Route\n\nRoute(prefix='/a')\nRoute(prefix='/b')\nRoute(Prefix='/c')\n",
        "unexpected-keyword", "prefix"),
    "a name with underscores around it": (
        "class A:\n    __searchable__ = ['a']\n\ndef f(model):\n    return model.__seachable__\n",
        "unknown-attribute", "__searchable__"),
    "a field of another class, called": (
        ("class A:\n    entries: list[int] = []\n\ndef f(data):\n    for k, v in data['a'].entries():\n"
        "        print(k, v)\n"), "unknown-attribute", "items"),
    "a short module": ("from bc import ABCMeta\n", "unknown-module", "abc"),
    "one of several modules of a name": (
        ("try:\n    import orjson as json\nexcept ImportError:\n    import json\n\ndef f(data):\n"
        "    return json.dump(data)\n"), "wrong-json-argument", "dumps"),
}  # fmt: skip

RIGHT = {
    "names of columns": (
        "def f(a, b, rows):\n    a.command(b.command())\n    b.command()\n    for row in rows:\n"
        "        print(row.Command, row.User)\n"),
    "what a module is asked for": (
        "import os\n\ndef f():\n    return os.syncfs_all() if hasattr(os, 'syncfs_all') else None\n"),
    "another thing of the same name in a branch": (
        "def f(x):\n    value = 'a'\n    if x:\n        value = [1]\n    for one in x:\n        value.count(1)\n"
        "        value = []\n    value.append(1)\n"),
    "a name that a loop gives anew": (
        "def f(lines):\n    last = ''\n    for line in lines:\n        last.append(line)\n        last = []\n"),
    "a name that a function inside gives anew": (
        "def f():\n    value = []\n    value = ''\n\n    def g():\n        nonlocal value\n        value = []\n\n"
        "    g()\n    value.append(1)\n"),
    "what may have failed half way": (
        "def f(x):\n    value = []\n    try:\n        value = x.read()\n        value = ''\n    except OSError:\n"
        "        value.append(1)\n    return value\n"),
    "coroutines that are collected": (
        "import asyncio\n\nasync def load(): ...\n\nasync def f(start):\n    one, many = None, []\n"
        "    task = load()\n    many.append(task)\n    other = load()\n    start.submit(other)\n"
        "    await asyncio.gather(*many)\n"),
    "what is awaited in another class": (
        "class A:\n    async def f(self):\n        await self.app(1)\n\nclass B:\n    def app(self, x): ...\n\n"
        "    async def g(self):\n        self.app(2)\n"),
    "what runs once a star has brought it": (
        "def f():\n    return sep\n\nfrom unknown_package import *\n"),
    "a name of Python 2 behind a question for the version": (
        "import sys\n\nif sys.version_info[0] == 2:\n    text = unicode\nelse:\n    text = str\n"),
    "a try that is ready for a name that is not there": (
        "try:\n    raw = josn\nexcept NameError:\n    raw = None\n"),
    "a slice with a name": "HEAD = slice(0, 4)\nA, B = slice(1), slice(2)\n\ndef f(line: bytes):\n"
    "    return line[HEAD].decode(), line[A].decode()\n",
    "narrowed by isinstance": (
        "def f(x: str | list):\n    if isinstance(x, list):\n        x.append(1)\n"),
    "an attribute set from outside": (
        "class A: ...\n\na = A()\na.colour = 1\n\ndef f(b: A):\n    return b.colour\n"),
    "a class that answers for any name": (
        "class A:\n    def __getattr__(self, name):\n        return name\n\nA().whatever\n"),
    "a base that cannot be read": (
        "from unknown_package import Base\n\nclass A(Base):\n    def f(self):\n        return self.whatever\n"),
    "a mixin's attribute": (
        "class Mixin:\n    def f(self):\n        return self.shelf\n\nclass A(Mixin):\n    shelf = 1\n"),
    "a named tuple": (
        "from collections import namedtuple\n\nPoint = namedtuple('Point', 'x y')\nPoint(1, 2)._fields\n"),
    "an enumeration": (
        "from enum import Enum\n\nclass Colour(Enum):\n    RED = 1\n\nColour.RED.value\nColour['RED'].name\n"),
    "arguments that are passed on": (
        "def save(data, path): ...\n\ndef f(*args, **options):\n    save(*args, **options)\n"),
    "a coroutine that is awaited later": (
        "async def load(): ...\n\nasync def f():\n    task = load()\n    await task\n"),
    "overloads of open": (
        "import json\n\ndef f(path):\n    with open(path, 'rb') as file:\n        file.readinto1(bytearray(1))\n"
        "        return json.load(file)\n"),
    "an import for another place": (
        "try:\n    import tomllib\nexcept ImportError:\n    import tomlli as tomllib\n"),
}  # fmt: skip


def findings(tmp_path: Path, source: str) -> list[tuple[str, str]]:
    (tmp_path / "case.py").write_text(source)
    _, found = check(tmp_path, None, None)
    return [(finding.rule, finding.hint) for finding in found]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_reported_with_the_right_word(tmp_path: Path, name: str) -> None:
    source, rule, right = WRONG[name]
    ((found, hint),) = findings(tmp_path, source)
    assert found == rule
    assert right in hint


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_left_alone(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, RIGHT[name]) == []


def test_a_project_within_a_project_has_packages_of_its_own(tmp_path: Path) -> None:
    files = {
        "tests/conftest.py": "class Company: ...\n",
        "sample/tests/__init__.py": "",
        "sample/tests/conftest.py": "class Clock: ...\n",
        "sample/tests/test_it.py": "from tests.conftest import Clock\n\nClock()\n",
        "tests/test_it.py": "from tests.conftest import Comapny\n\nComapny()\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _, findings = check(tmp_path, None, None)
    assert [(found.path, found.hint) for found in findings] == [
        ("tests/test_it.py", "did you mean `Company`?")
    ]


def test_a_cached_result_is_dropped_where_another_file_decides(tmp_path: Path) -> None:
    tree, cache = tmp_path / "tree", tmp_path / "kept"
    tree.mkdir()
    (tree / "helper.py").write_text("def save(data): ...\n")
    (tree / "user.py").write_text("from helper import save\n\nsave(1)\n")
    assert check(tree, None, cache)[1] == []
    assert check(tree, None, cache)[1] == []
    (tree / "helper.py").write_text("def save(data, path): ...\n")
    assert [found.rule for found in check(tree, None, cache)[1]] == ["wrong-call"]
    (tree / "helper.py").unlink()
    assert check(tree, None, cache)[1] == check(tree, None, None)[1]


def test_damaged_cache_files_are_ignored(tmp_path: Path) -> None:
    tree, cache = tmp_path / "tree", tmp_path / "kept"
    tree.mkdir()
    (tree / "case.py").write_text("import json\n\njson.laods('1')\n")
    first = check(tree, None, cache)
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    assert check(tree, None, cache) == first
