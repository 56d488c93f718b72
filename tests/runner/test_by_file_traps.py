"""Ways in which a test can depend on a file: each is noticed, and only the test that depends on it runs.

All are in one project, each in a file of its own with data in a folder of its own, so that one change of all the data
says of each whether it is noticed: two more runs, and not two more for every way.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.company import Clone
from support.selecting import change, check, prepared

CONTENT = {
    "glob": "import glob\nassert len(glob.glob('d/*.x')) == 1",
    "os_scandir": "import os\nassert len(list(os.scandir('d'))) == 1",
    "os_walk": "import os\nassert sum(len(files) for _, _, files in os.walk('d')) == 1",
    "os_fwalk": "import os\nassert sum(len(files) for _, _, files, _ in os.fwalk('d')) == 1",
    "folder_by_descriptor": "import os\nfd = os.open('d', os.O_RDONLY)\nassert os.listdir(fd) == ['a.x']",
    "read_below_a_descriptor": "import os\nfd = os.open('d', os.O_RDONLY)\n"
    "assert os.read(os.open('a.x', os.O_RDONLY, dir_fd=fd), 9) == b'1'",
    "stat_below_a_descriptor": "import os\nfd = os.open('d', os.O_RDONLY)\n"
    "assert os.stat('a.x', dir_fd=fd).st_size == 1",
    "other_working_folder": "import os\nos.chdir('d')\nassert open('a.x').read() == '1'",
    "exec_of_a_file": "assert eval(open('d/a.x').read()) == 1",
    "run_path": "import runpy\nassert runpy.run_path('d/a.x') and open('d/a.x').read() == '1'",
    "copy": "import shutil, tempfile\nname = tempfile.mktemp()\nshutil.copy('d/a.x', name)\n"
    "assert open(name).read() == '1'",
    "size": "import os\nassert os.path.getsize('d/a.x') == 1",
    "compare": "import filecmp, pathlib, tempfile\nname = tempfile.mktemp()\npathlib.Path(name).write_text('1')\n"
    "assert filecmp.cmp('d/a.x', name, shallow=False)",
    "mapped": "import mmap\nwith open('d/a.x', 'rb') as file:\n"
    "    assert mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:] == b'1'",
    "line_cache": "import linecache\nassert linecache.getline('d/a.x', 1).strip() == '1'",
    "file_input": "import fileinput\nassert [*fileinput.input('d/a.x')] == ['1']",
    "resources": "import importlib.resources, sys\nsys.path.insert(0, '.')\n"
    "assert importlib.resources.files('d').joinpath('a.x').read_text() == '1'",
    "sys_path": "import sys\nsys.path.insert(0, 'l')\nimport mod_d\nassert mod_d.X == 1",
    "module_by_location": "import importlib.util\n"
    "spec = importlib.util.spec_from_file_location('m_d', 'l/mod_d.py')\n"
    "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\nassert module.X == 1",
    "iter_modules": "import pkgutil\nassert len([*pkgutil.iter_modules(['l'])]) == 1",
    "thread": "import threading\nseen = []\n"
    "thread = threading.Thread(target=lambda: seen.append(open('d/a.x').read()))\nthread.start()\nthread.join()\n"
    "assert seen == ['1']",
    "link_to_a_file": "assert open('d/link').read() == '1'",
    "isolated_child": "import subprocess, sys\nassert subprocess.run([sys.executable, '-I', '-c', "
    "\"print(open('d/a.x').read())\"], capture_output=True, env={}).stdout == b'1\\n'",
    "spawned": "import os, sys\npid = os.posix_spawn(sys.executable, [sys.executable, '-c', "
    "\"raise SystemExit(open('d/a.x').read() != '1')\"], {})\nassert os.waitpid(pid, 0)[1] == 0",
    "size_by_entry": "import os\nassert sum(entry.stat().st_size for entry in os.scandir('d')) == 1",
    "asked_of_posix": "import posix\nassert posix.stat('d/a.x').st_size == 1",
    "folder_of_imports_that_appears": "import os, sys\n"
    "sys.path[:0] = [os.path.abspath('d/sub'), os.path.abspath('l')]\nimport mod_d\nassert mod_d.X == 1",
    "archive_that_appears": "import os, sys\n"
    "sys.path[:0] = [os.path.abspath('d/sub/b.zip'), os.path.abspath('l')]\nimport mod_d\nassert mod_d.X == 1",
    "namespace_with_another_part": "import os, sys\nsys.path[:0] = [os.path.abspath('d'), os.path.abspath('l')]\n"
    "import mod_d\nassert mod_d.X == 1",
    "hidden_settings": "import os\nassert not os.path.exists('d/.env')",
    "entry_points": "import importlib.metadata as metadata, os, sys\nsys.path.insert(0, os.path.abspath('d'))\n"
    "assert not metadata.entry_points(group='d')",
    "translation": "import gettext\nassert gettext.find('m', 'd', ['de']) is None",
    "renamed": "import os\nos.rename('d/a.x', 'd/z')\ntry:\n    assert open('d/z').read() == '1'\n"
    "finally:\n    os.rename('d/z', 'd/a.x')",
    "hard_link": "import os\nos.link('d/a.x', 'd/z')\ntry:\n    assert open('d/z').read() == '1'\n"
    "finally:\n    os.remove('d/z')",
    "made": "import os\nos.mkdir('d/sub')\nos.rmdir('d/sub')",
    "fifo": "import os\nos.mkfifo('d/b.x')\nos.remove('d/b.x')",
    "socket": "import os, socket\nwith socket.socket(socket.AF_UNIX) as server:\n"
    "    server.bind('d/b.x')\nos.remove('d/b.x')",
    "entered": "import os, pytest\nwith pytest.raises(OSError):\n    os.chdir('d/sub')",
    "removed": "import os, pytest\nwith pytest.raises(OSError):\n    os.remove('d/b.x')",
    "permissions": "import os, pytest\nwith pytest.raises(OSError):\n    os.chmod('d/b.x', 0o644)",
    "times": "import os, pytest\nwith pytest.raises(OSError):\n    os.utime('d/b.x')",
    "shortened": "import os, pytest\nwith pytest.raises(OSError):\n    os.truncate('d/b.x', 0)",
    "attributes": "import os, pytest\nwith pytest.raises(OSError):\n    os.listxattr('d/b.x')",
    "free_space": "import os, pytest\nwith pytest.raises(OSError):\n    os.statvfs('d/b.x')",
    "appended": "with open('d/a.x', 'a') as file:\n    assert file.tell() == 1",
    "database_by_address": "import sqlite3\nwith pytest.raises(sqlite3.OperationalError):\n"
    "    sqlite3.connect('file:d/b.x?mode=ro', uri=True)".replace(
        "with pytest", "import pytest\nwith pytest"
    ),
    "attached_database": "import sqlite3\ndb = sqlite3.connect(':memory:')\n"
    "db.execute(\"attach database 'd/a.db' as x\")\n"
    "assert not db.execute('select * from x.sqlite_master').fetchall()\ndb.close()",
    "certificate": "import pytest, ssl\nwith pytest.raises(ssl.SSLError, match='NO_CERTIFICATE'):\n"
    "    ssl.create_default_context().load_verify_locations('d/a.x')\nassert ssl",
    "called_in_c": "import ctypes, os\ndescriptor = ctypes.CDLL(None).open(os.fsencode('d/a.x'), 0)\n"
    "assert os.read(descriptor, 9) == b'1'\nos.close(descriptor)",
    "asked_in_c": "import ctypes, os\nassert ctypes.CDLL(None).access(os.fsencode('d/b.x'), 0)",
    "own_link": "import os\nos.symlink(os.path.abspath('d/a.x'), tmp_path / 'link')\n"
    "assert (tmp_path / 'link').read_text() == '1'",
    "folder_by_own_link": "import os\nos.symlink(os.path.abspath('d'), tmp_path / 'link')\n"
    "assert (tmp_path / 'link' / 'a.x').read_text() == '1'",
    "folder_renamed": "import os\nos.rename('d', 'd2')\ntry:\n    assert open('d2/a.x').read() == '1'\n"
    "finally:\n    os.rename('d2', 'd')",
    "by_the_process_folder": "assert open('/proc/self/cwd/' + 'd/a.x').read() == '1'",
    "link_and_back": "assert open('d/link/../a.x').read() == '1'",
    "a_program_with_a_harmless_name": "import subprocess\nassert subprocess.check_output(['d/uname']) == b'1'",
}
"""The body of a test by the name of its file; `d` is the folder that its data are in, `l` one for modules."""

EXTRA: Mapping[str, tuple[str, str | None, str]] = {
    "folder_of_imports_that_appears": (f"sub/mod_{'folder_of_imports_that_appears'}.py", None, "X = 2\n"),
    "archive_that_appears": ("sub/b.zip", None, "no archive"),
    "namespace_with_another_part": ("mod_namespace_with_another_part.py", None, "X = 2\n"),
    "hidden_settings": (".env", None, "A=1\n"),
    "entry_points": ("d-1.dist-info/entry_points.txt", None, "[entry_points_data]\na = b\n"),
    "translation": ("de/LC_MESSAGES/m.mo", None, ""),
    "made": ("sub/a", None, ""),
    "entered": ("sub/a", None, ""),
    "attached_database": ("a.db", "", "no database"),
    "link_and_back": ("sub/a.x", "1", "2"),
}
"""For some of them, another file among their data: what is in it before the change, if it is there, and after."""


def project_files(content: str, number: int) -> Mapping[str, str]:
    """The data of each test: `number` files with `content`."""
    files = {}
    for name in CONTENT:
        for letter in "ab"[:number]:
            files[f"{name}_data/{letter}.x"] = content
            if name in EXTRA:
                path, before, after = EXTRA[name]
                if number == 2:
                    files[f"{name}_data/{path}"] = after
                elif before is not None:
                    files[f"{name}_data/{path}"] = before
            if name in EXTRA and EXTRA[name][0].endswith(".py"):
                # With its first module, a folder becomes one in which every run of pytest looks for tests.
                files[f"{name}_data/keep/other.py"] = ""
            files[f"{name}_lib/mod_{name if letter == 'a' else letter}.py"] = f"X = {content}\n"
    return files


def test_of(name: str) -> str:
    body = CONTENT[name]
    for short, long in (("'d", "_data"), ("'l", "_lib")):
        body = body.replace(f"{short}/", f"'{name}{long}/").replace(f"{short}'", f"'{name}{long}'")
    body = body.replace("'d2", f"'{name}_renamed").replace("file:d/", f"file:{name}_data/")
    body = body.replace("mod_d", f"mod_{name}").replace("m_d", f"m_{name}")
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"def test_it(tmp_path):\n{lines}"


test_of.__test__ = False  # type: ignore[attr-defined]  # pytest reads it


def linked(project: Clone) -> None:
    """What among the data is no plain file: links, and a program."""
    for name, target in (("link_to_a_file", "a.x"), ("link_and_back", "sub/dir")):
        folder = project.path / f"{name}_data"
        folder.mkdir()
        (folder / "link").symlink_to(target)
    project.write({"link_and_back_data/sub/dir/keep": ""})
    program = "a_program_with_a_harmless_name_data"
    project.write({f"{program}/uname": f"#!/bin/sh\nexec cat {program}/a.x\n"})
    (project.path / program / "uname").chmod(0o755)


@pytest.mark.slow
def test_every_way_to_depend_on_a_file_is_noticed(project: Clone) -> None:
    tests = {f"tests/test_{name}.py": test_of(name) for name in CONTENT}
    linked(project)
    prepared(
        project, {**tests, "tests/test_unrelated.py": "def test_it():\n    pass\n", **project_files("1", 1)}
    )
    first = check(project)
    assert first.code == 0
    assert "each by itself" in first.note
    change(project, {"README.md": "Hello, everybody\n"})
    checked = check(project)
    assert checked.code == 0
    assert checked.runs.keys() == {f"tests/test_{name}.py" for name in ALWAYS}
    change(project, project_files("22", 2))
    checked = check(project)
    assert checked.code == 1
    assert checked.runs.keys() - {"the whole suite"} == tests.keys(), checked.runs


ALWAYS = (
    "isolated_child", "spawned", "link_to_a_file", "attached_database", "certificate", "called_in_c", "asked_in_c",
    "own_link", "folder_by_own_link", "folder_renamed", "link_and_back",
    "a_program_with_a_harmless_name",
)  # fmt: skip
"""What cannot be recorded runs every time."""
