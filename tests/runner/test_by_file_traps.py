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
}
"""The body of a test by the name of its file; `d` is the folder that its data are in, `l` one for modules."""


def project_files(content: str, number: int) -> Mapping[str, str]:
    """The data of each test: `number` files with `content`."""
    files = {}
    for name in CONTENT:
        for letter in "ab"[:number]:
            files[f"{name}_data/{letter}.x"] = content
            files[f"{name}_lib/mod_{name if letter == 'a' else letter}.py"] = f"X = {content}\n"
    return files


def test_of(name: str) -> str:
    body = CONTENT[name]
    for short, long in (("'d", "_data"), ("'l", "_lib")):
        body = body.replace(f"{short}/", f"'{name}{long}/").replace(f"{short}'", f"'{name}{long}'")
    body = body.replace("mod_d", f"mod_{name}").replace("m_d", f"m_{name}")
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"def test_it():\n{lines}"


test_of.__test__ = False  # type: ignore[attr-defined]  # pytest reads it


@pytest.mark.slow
def test_every_way_to_depend_on_a_file_is_noticed(project: Clone) -> None:
    tests = {f"tests/test_{name}.py": test_of(name) for name in CONTENT}
    link = project.path / "link_to_a_file_data"
    link.mkdir()
    (link / "link").symlink_to("a.x")
    prepared(
        project, {**tests, "tests/test_unrelated.py": "def test_it():\n    pass\n", **project_files("1", 1)}
    )
    assert check(project).code == 0
    change(project, {"README.md": "Hello, everybody\n"})
    checked = check(project)
    assert checked.code == 0
    assert checked.runs.keys() == {f"tests/test_{name}.py" for name in ALWAYS}
    change(project, project_files("22", 2))
    checked = check(project)
    assert checked.code == 1
    assert checked.runs.keys() - {"the whole suite"} == tests.keys(), checked.runs


ALWAYS = ("isolated_child", "spawned", "link_to_a_file")
"""What cannot be recorded runs every time."""
