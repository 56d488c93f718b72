"""Ways in which code can depend on the tree without opening a file by its plain name: the recorder notices each.

Each body runs in a process of its own that records, without pytest or gate, in a tree with `d/a.x`. Then the record is
compared with a tree that has been changed.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import gate
from gate.git.objects import Entry
from gate.runner.inputs import Inputs, TreeState, difference, read_inputs

PLUGINS = str(Path(gate.__file__).parent / "plugins")
START = f"""
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {PLUGINS!r})
import gate_inputs
gate_inputs.start()
sys.path[0] = ""
exec(compile(open("body.py").read(), __import__("os").path.abspath("body.py"), "exec"))
"""
APPEARS = {"d/b.x": "2"}
BYTECODE = f"__pycache__/app.{sys.implementation.cache_tag}.pyc"
QUERY = "sqlite3.connect('d/a.db').execute('select * from sqlite_master').fetchall()"
MODULE_WITH_A_DOT = f"d/__pycache__/my.module.{sys.implementation.cache_tag}.pyc"
LARGE = "import os\n\n\ndef {}(path):\n    return os.stat(path).st_size > 0\n"
IN_A_THREAD = "from concurrent.futures import ThreadPoolExecutor as Threads\n"
SENDER = "import socket\nwith socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:\n"
NOBODY = "    except OSError as error:\n        assert error.errno == 2"


def bytecode(value: int) -> bytes:
    """A compiled module that Python loads without comparing it with its source."""
    code = compile(f"X = {value}", "app.py", "exec")
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)


NOTICED: Mapping[str, str] = {
    "two slashes": "import os\nassert not os.path.exists('/' + os.path.abspath('d/b.x'))",
    "the root of a process": "import os\nassert not os.path.exists('/proc/self/root' + os.path.abspath('d/b.x'))",
    "the folder of a process": "import os\nassert not os.path.exists('/proc/self/cwd/d/b.x')",
    "the folder of a thread": "import os\nassert not os.path.exists('/proc/thread-self/cwd/d/b.x')",
    "the folder of a process by another link": "import os\n"
    "assert not os.path.exists('/proc/self/root/proc/self/cwd/d/b.x')",
    "a descriptor": "import os\nfolder = os.open('.', os.O_RDONLY)\n"
    "assert not os.path.exists(f'/dev/fd/{folder}/d/b.x')",
    "a listed descriptor": "import os\nfolder = os.open('d', os.O_RDONLY)\n"
    "assert os.listdir(f'/proc/self/fd/{folder}') == ['a.x']",
    "a name that is not UTF-8": "import os\nassert not os.path.exists(b'd/\\xff')",
    "a certificate": "import ssl\ntry:\n    ssl.create_default_context().load_cert_chain('d/b.x')\n"
    "except FileNotFoundError:\n    pass",
    "an authority": "import ssl\ntry:\n    ssl.create_default_context(cafile='d/b.x')\n"
    "except FileNotFoundError:\n    pass",
    "a message to a socket": f"{SENDER}    try:\n        sender.sendto(b'x', 'd/b.x')\n{NOBODY}",
    "a message in parts": f"{SENDER}    try:\n        sender.sendmsg([b'x'], [], 0, 'd/b.x')\n{NOBODY}",
    "another interpreter": "try:\n    import _interpreters as more\nexcept ImportError:\n"
    "    import _xxsubinterpreters as more\n"
    "more.run_string(more.create(), 'import os; assert not os.path.exists(\"d/b.x\")')",
    "another copy of a module": "import sys\ndel sys.modules['posix']\nimport posix\ntry:\n    posix.stat('d/b.x')\n"
    "except OSError:\n    pass",
    "a program on PATH": "import os, platform\nos.chmod('d/uname', 0o755)\n"
    "os.environ['PATH'] = os.path.abspath('d') + ':' + os.environ['PATH']\nassert platform.processor() != 'there'",
    "a program with a harmless name in a thread": f"import os, subprocess\n{IN_A_THREAD}os.chmod('d/uname', 0o755)\n"
    "assert Threads(1).submit(subprocess.check_output, [os.path.abspath('d/uname')]).result() == b''",
    "a C function in a thread": f"import ctypes\n{IN_A_THREAD}"
    "assert Threads(1).submit(getattr, ctypes.CDLL(None), 'access').result()(b'd/b.x', 0)",
    "a process without an event": "import subprocess\ntry:\n    subprocess._fork_exec([b'/bin/true'], [b'/bin/true'])\n"
    "except TypeError:\n    pass  # its arguments depend on the version",
    "translations in C": "import locale\nlocale.bindtextdomain('m', 'd')\nassert locale.dgettext('m', 'x') == 'x'",
    "a file for the time zone": "import os, time\nos.environ['TZ'] = ':' + os.path.abspath('d/b.x')\ntime.tzset()\n"
    "assert time.timezone == 0",
    "bytecode in the tree": "import app\nassert app.X == 1",
    "sizes that a package below the standard library asks for": "import os\n"
    "path = os.path.dirname(os.__file__) + '/site-packages/package.py'\n"
    "exec(compile('import os\\nassert sum(entry.stat().st_size for entry in os.scandir(\"d\")) == 1', path, 'exec'))",
    "a function bound in a class": "import os\nclass Access:\n    stat = os.stat\ntry:\n    Access().stat('d/b.x')\n"
    "except OSError:\n    pass",
    "a function bound before": "try:\n    before.Access().stat('d/b.x')\nexcept OSError:\n    pass",
    "a folder that is added to the path": "import site\nsite.addsitedir('d')",
    "a folder with time zones": "import os, time\nos.environ.update(TZDIR='d', TZ='b.x')\ntime.tzset()",
    "a file for the time zone without tzset": "import os, time\nos.environ['TZ'] = ':' + os.path.abspath('d/b.x')\n"
    "assert time.mktime((1970, 1, 2, 0, 0, 0, 0, 0, 0)) == 86400",
    "a file for the time zone without os.environ": "import os, time\nos.putenv('TZ', os.path.abspath('d/b.x'))\n"
    "assert time.mktime((1970, 1, 2, 0, 0, 0, 0, 0, 0)) == 86400",
    "a folder with locales": "import locale, os\nos.environ['LOCPATH'] = os.path.abspath('d')\ntry:\n"
    "    locale.setlocale(locale.LC_ALL, 'xx_XX')\nexcept locale.Error:\n    pass",
    "default authorities": "import os, ssl\nos.environ['SSL_CERT_FILE'] = os.path.abspath('d/b.x')\n"
    "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\ncontext.set_default_verify_paths()\n"
    "assert not context.get_ca_certs()",
    "a folder with terminals": "import curses, os\nos.environ['TERMINFO'] = os.path.abspath('d')\ntry:\n"
    "    curses.setupterm('xx', 1)\nexcept curses.error:\n    pass",
    "key bindings": "import os\nos.environ['INPUTRC'] = os.path.abspath('d/b.x')\nimport readline\n"
    "readline.parse_and_bind('tab: complete')",
    "the journal of a database": f"import sqlite3\n{QUERY}",
    "changes that a database does not contain yet": f"import sqlite3\n{QUERY}",
    "a size in a function named like one of the standard library": "import shop\nassert shop.exists('d/a.x')",
    "the same in a module named like one, too": "import shop.pathlib\nassert shop.pathlib.is_file('d/a.x')",
    "modules with names of their own": "import sys\nfrom importlib.machinery import FileFinder, SourceFileLoader\n"
    "sys.path_hooks.insert(0, FileFinder.path_hook((SourceFileLoader, ['.x', '.py'])))\nsys.path.insert(0, 'd')\n"
    "try:\n    import b\nexcept ImportError:\n    pass",
    "a module with a dot in its name, by its bytecode": "from importlib import util\n"
    "spec = util.spec_from_file_location('m', 'd/my.module.py')\nmodule = util.module_from_spec(spec)\n"
    "spec.loader.exec_module(module)\nassert module.X == 1",
    "a library of cffi": "import cffi\nffi = cffi.FFI()\nffi.cdef('int access(char *, int);')\n"
    "assert ffi.dlopen(None).access(b'd/b.x', 0)",
    "an archive with modules": "import sys\nsys.path.insert(0, 'd/a.x')\ntry:\n    import missing\n"
    "except ImportError:\n    pass",
}
EARLIER = {
    "a function bound before": "import os, sys, types\nbefore = types.ModuleType('before')\n"
    "before.Access = type('Access', (), {'stat': os.stat, '__module__': 'before'})\nsys.modules['before'] = before\n",
}
"""What is in memory before the recorder starts."""
MORE: Mapping[str, Mapping[str, str | bytes]] = {
    "a program on PATH": {"d/uname": "#!/bin/sh\ntest ! -e d/b.x || echo there\n"},
    "a program with a harmless name in a thread": {"d/uname": "#!/bin/sh\ntest ! -e d/b.x || echo there\n"},
    "bytecode in the tree": {"app.py": "X = 0\n", BYTECODE: bytecode(1)},
    "the journal of a database": {"d/a.db": ""},
    "changes that a database does not contain yet": {"d/a.db": ""},
    "a size in a function named like one of the standard library": {
        "shop/__init__.py": LARGE.format("exists")
    },
    "the same in a module named like one, too": {"shop/pathlib.py": LARGE.format("is_file")},
    "a module with a dot in its name, by its bytecode": {
        "d/my.module.py": "X = 1\n",
        MODULE_WITH_A_DOT: bytecode(1),
    },
}
CHANGES: Mapping[str, Mapping[str, str | bytes]] = {
    "a name that is not UTF-8": {"d/\udcff": "2"},
    "bytecode in the tree": {BYTECODE: bytecode(2)},
    "sizes that a package below the standard library asks for": {"d/a.x": "22"},
    "a folder that is added to the path": {"d/more.pth": "import os"},
    "a folder with locales": {"d/xx_XX/LC_CTYPE": "2"},
    "a folder with terminals": {"d/x/xx": "2"},
    "the journal of a database": {"d/a.db-journal": "2"},
    "changes that a database does not contain yet": {"d/a.db-wal": "2"},
    "a size in a function named like one of the standard library": {"d/a.x": ""},
    "the same in a module named like one, too": {"d/a.x": ""},
    "a module with a dot in its name, by its bytecode": {"d/my.module.py": "X = 2\n"},
    "an archive with modules": {"d/a.x": "22"},
}


def recorded(folder: Path, body: str, earlier: str, files: Mapping[str, str | bytes]) -> Inputs | None:
    """What running `body` in a tree with these files records."""
    tree = folder / "tree"
    tree.mkdir()
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (tree / "body.py").write_text(body)
    done = subprocess.run(
        [sys.executable, "-c", earlier + START],
        cwd=tree,
        env={**os.environ, "GATE_INPUTS": f"{folder}/inputs", "GATE_INPUTS_TREE": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return read_inputs(part.read_bytes() for part in folder.glob("inputs.*"))


def state(files: Mapping[str, str | bytes]) -> TreeState:
    entries = [
        Entry(mode="100644", oid=str(content), path=path)
        for path, content in {**files, "body.py": ""}.items()
    ]
    return TreeState(entries, lambda _path: "")


@pytest.mark.skipif(sys.platform != "linux", reason="some are particular to Linux")
@pytest.mark.parametrize("name", NOTICED)
def test_a_way_around_plain_names_is_noticed(name: str, tmp_path: Path) -> None:
    before = {"d/a.x": "1", **MORE.get(name, {})}
    inputs = recorded(tmp_path, NOTICED[name], EARLIER.get(name, ""), before)
    assert inputs is not None
    after = {**before, **CHANGES.get(name, APPEARS)}
    noticed = inputs.beyond(state(before)) or difference(inputs.state(state(before)), state(after))
    assert noticed


UNNOTICED = """
import copy, inspect, os, pathlib, pickle, platform, ssl, time, unittest.mock
assert pickle.loads(pickle.dumps(os.stat)) is copy.copy(os.stat) is os.stat
assert os.stat in os.supports_dir_fd
platform.processor()
os.environ["TZ"] = "Europe/Berlin"
time.tzset()
context = ssl.create_default_context()
assert isinstance(context, ssl.SSLContext)
bio = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
try:
    bio.do_handshake()
except ssl.SSLWantReadError:
    pass
with unittest.mock.patch("os.stat", autospec=True) as stat:
    os.stat("x")
    stat.assert_called_once_with("x")
assert pathlib.Path("d/a.x").stat().st_size == 1
"""


def test_the_recorder_changes_nothing_that_code_observes(tmp_path: Path) -> None:
    inputs = recorded(tmp_path, UNNOTICED, "", {"d/a.x": "1"})
    assert inputs is not None
    before = state({"d/a.x": "1"})
    assert not inputs.beyond(before)
    assert not difference(inputs.state(before), state({"d/a.x": "1", "other.txt": "2"}))
    assert difference(inputs.state(before), state({"d/a.x": "2"}))


READS_CI: Mapping[str, bool] = {
    "import os\nassert os.environ['CI'] == 'true'": True,
    "import os\nassert os.getenv('CI')": True,
    "import os\nassert os.getenvb(b'CI')": True,
    "import os\nassert os.environ.get('CI', '')": True,
    "import os\nassert 'CI' in os.environ": True,
    "import os\nassert os.environ.pop('CI')": True,
    "import os\nassert os.environ.setdefault('CI', 'x') == 'true'": True,
    "import os\ndel os.environ['CI']": True,
    "import os\nassert dict(os.environ)['CI']": True,
    "import os\nassert {**os.environ}": True,
    "import os\nassert os.environ.copy()": True,
    "import os\nassert os.environ | {}": True,
    "import os\nassert len(os.environ)": True,
    "import os\nassert str(os.environ)": True,
    "import os\nassert any(name == 'CI' for name in os.environ)": True,
    "import os\nassert b'CI' in os.environb": True,
    "import posix\nassert dict(posix.environ)": True,
    "import posix\nassert posix.environ | {}": True,
    "import copy, os\nassert copy.deepcopy(os.environ)['CI']": True,
    "assert b'CI=' in open('/proc/self/environ', 'rb').read()": sys.platform == "linux",
    "import os\nassert os.environ['HOME']": False,
    "import os\nassert 'X' not in os.environ and not os.getenv('Y')": False,
    "import os\nos.environ['X'] = 'x'\nassert os.environ.pop('X') == 'x'": False,
    "import os, tempfile\nassert os.path.expanduser('~') and tempfile.gettempdir()": False,
    "from unittest import mock\nimport os\nwith mock.patch('os.getcwd'):\n    assert os.getcwd()": False,
}


@pytest.mark.parametrize("body", READS_CI)
def test_a_variable_of_ci_counts_if_it_is_read(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    inputs = recorded(tmp_path, body, "", {})
    assert inputs is not None
    assert inputs.variables == (("CI",) if READS_CI[body] else ())
    before, after = (TreeState([], lambda _path: "", values) for values in ({"CI": "true"}, {}))
    assert bool(difference(inputs.state(before), after)) == READS_CI[body]
