"""Settings that name Python objects: what surely leads nowhere is found at its place, the rest is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone

from gate.names.run import check

PROJECT = {
    "shop/__init__.py": "",
    "shop/cli.py": "class App:\n    def run(self): ...\n\n\ndef main(): ...\n\n\napp = App()\n",
    "shop/wsgi.py": "application = object()\n",
    "shop/logs.py": "class Json: ...\n\n\ndef make(): ...\n",
    "shop/conf/__init__.py": "",
    "shop/conf/local.py": "",
    "shop/lazy.py": "def __getattr__(name):\n    return name\n",
    "spread/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
    "tests/__init__.py": "",
    "tests/fixtures.py": "",
    "folder/plain.txt": "",
}
LOGGING = "version: 1\nformatters:\n  json: {{'()': {}}}\nhandlers:\n  out:\n    class: {}\n    stream: {}\n"
INI = "[loggers]\nkeys=root\n[handler_x]\nclass={}\nargs=()\n"
DJANGO = 'ROOT_URLCONF = "shop.conf"\n'


def logging_of(
    factory: str = "shop.logs.make", handler: str = "logging.StreamHandler", stream: str = "ext://sys.stdout"
) -> str:
    return LOGGING.format(factory, handler, stream)


def findings(folder: Path, path: str, text: str) -> list[tuple[str, str, str]]:
    """The wrong word, as it stands at the place of each finding, the rule and the hint."""
    for name, content in {**PROJECT, path: text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    _, found = check(folder, None, None)
    lines = text.split("\n")
    return [
        (
            lines[item.line - 1][item.column - 1 :].split(item.fix[0].old)[0] + item.fix[0].old,
            item.rule,
            item.hint,
        )
        if item.fix
        else ("", item.rule, item.hint)
        for item in found
    ]


@pytest.mark.parametrize(
    ("path", "text", "wrong", "right"),
    [
        ("pyproject.toml", "[project.scripts]\nshop = 'shop.cli:mian'\n", "mian", "main"),
        ("pyproject.toml", "[project.gui-scripts]\nshop = 'shop.clii:main'\n", "clii", "cli"),
        ("pyproject.toml", "[project.entry-points.x]\na = 'shop.cli:appp.run [extra]'\n", "appp", "app"),
        ("pyproject.toml", "[tool.poetry.scripts]\na = 'shop.cli:maim'\n", "maim", "main"),
        ("pyproject.toml", "[tool.setuptools.dynamic]\nversion = {attr = 'shop.cli.maim'}\n", "maim", "main"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-q -p tests.fixtrues'\n", "fixtrues", "fixtures"),
        ("pyproject.toml", "[tool.mypy]\nplugins = ['shop.logz']\n", "logz", "logs"),
        ("setup.cfg", "[options.entry_points]\nx =\n  é = shop.cli:main\n  b = shop.cli:mainn\n", "mainn", "main"),
        ("setup.cfg", "[metadata]\nversion = attr: shop.cli.maim\n", "maim", "main"),
        ("setup.py", "setup(entry_points={'x': ['a = shop.cli:maim']})\n", "maim", "main"),
        ("setup.py", "setup(entry_points='''\n[x]\nb = shop.cli:maim\n''')\n", "maim", "main"),
        ("pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE = shop.conf.loacl\n", "loacl", "local"),
        ("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.cnof')\n", "cnof", "conf"),
        ("conf.py", "INSTALLED_APPS = ['shop.logs.Jsn']\n", "Jsn", "Json"),
        ("conf.py", DJANGO + "WSGI_APPLICATION = u'shop.wgsi.application'\n", "wgsi", "wsgi"),
        ("conf.py", DJANGO + "if 1:\n    CACHES = {'x': {'BACKEND': 'shop.logs.Jsno'}}\n", "Jsno", "Json"),
        ("conf.py", "x = {'version': 1, 'handlers': {'a': {'class': 'logging.StreamHandlr'}}}\n", "StreamHandlr",
         "StreamHandler"),
        ("conf.py", "def f():\n    g({'version': 1, 'filters': {'a': {'()': 'shop.logs.mkae'}}})\n", "mkae", "make"),
        ("log.yaml", logging_of(handler="logging.StreamHandlr"), "StreamHandlr", "StreamHandler"),
        ("log.yaml", logging_of(factory='"shop.logs.mkae"'), "mkae", "make"),
        ("log.yml", "app:\n  " + logging_of(stream="ext://sys.stdot").replace("\n", "\n  "), "stdot", "stdout"),
        ("log.json", '{"version": 1, "handlers": {"a": {"class": "logging.handlrs.SysLogHandler"}}}', "handlrs",
         "handlers"),
        ("logging.ini", INI.format("StreamHandlr"), "StreamHandlr", "StreamHandler"),
        ("logging.conf", INI.format("handlers.SysLogHandlr"), "SysLogHandlr", "SysLogHandler"),
        ("logging.ini", INI.format("shop.logs.Jsonn"), "Jsonn", "Json"),
        ("conftest.py", "pytest_plugins = ['pytester', 'tests.fixtrues']\n", "fixtrues", "fixtures"),
        ("run.py", "import uvicorn\n\nuvicorn.run('shop.cli:appp')\n", "appp", "app"),
        ("work.py", "app = Celery('x', include=['shop.lgos'])\n\n\nclass Celery: ...\n", "lgos", "logs"),
        ("Procfile", "web: gunicorn -w 4 shop.wsgi:aplication\n", "aplication", "application"),
        ("Procfile", "worker: python -m shop.clli\n", "clli", "cli"),
        ("Procfile", "worker: celery -A shop.clli worker\n", "clli", "cli"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_found_at_its_place(
    tmp_path: Path, path: str, text: str, wrong: str, right: str
) -> None:
    reported = [item for item in findings(tmp_path, path, text) if item[1] == "unknown-reference"]
    assert reported == [(wrong, "unknown-reference", f"did you mean `{right}`?")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("pyproject.toml", "[project.scripts]\na = 'shop.cli:app.run'\n", id="a method"),
        pytest.param("pyproject.toml", "[project.scripts]\na = 'shop.cli:app.rnu'\n", id="inside an object"),
        pytest.param("pyproject.toml", "[project.scripts]\na = 'shpo.cli:main'\n", id="the first part is nowhere"),
        pytest.param("pyproject.toml", "[project.scripts]\na = 'folder.cli:main'\n", id="a folder without code"),
        pytest.param("pyproject.toml", "[project.scripts]\na = 'shop.lazy:anything'\n", id="a module that answers"),
        pytest.param("pyproject.toml", "[project.scripts]\na = 'spread.other:main'\n", id="a spread package"),
        pytest.param("pyproject.toml", "[tool.setuptools.dynamic]\nversion = {attr = 'shop._version.x'}\n",
                     id="a module that the build makes"),
        pytest.param("pyproject.toml", "[project\n", id="no toml"),
        pytest.param("pyproject.toml", "project = 1\ntool = 'x'\n", id="another shape"),
        pytest.param("pytest.ini", "[pytest]\naddopts = -p no:shop.clii -p xdist\n", id="a plugin that is off"),
        pytest.param("setup.cfg", "no section\n", id="no ini"),
        pytest.param("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.conf.production')\n",
                     id="settings that are not in git"),
        pytest.param("conf.py", "MIDDLEWARE_NAMES = ['shop.wgsi']\nCACHES = {'BACKEND': 'shop.wgsi'}\n",
                     id="no settings of Django"),
        pytest.param("conf.py", "x = {'handlers': {'a': {'class': 'logging.StreamHandlr'}}}\n", id="no logging"),
        pytest.param("log.yaml", logging_of(), id="logging as it should be"),
        pytest.param("log.yaml", "a: &a {version: 1, handlers: {x: {class: btn-primary}}, b: *a}\n", id="an alias"),
        pytest.param("data.json", '{"version": 1, "handlers": [{"class": "shop"}], "x": "shop.wgsi"}', id="other data"),
        pytest.param("log.yaml", "version: [handlers class\n", id="no yaml"),
        pytest.param("logging.ini", INI.format("logging.handlers.SysLogHandler"), id="in full"),
        pytest.param("logging.ini", INI.format("handlers.SysLogHandler"), id="in short"),
        pytest.param("conftest.py", "pytest_plugins = 'tests.fixtures', 'celery.contrib.pytets'\n", id="plugins"),
        pytest.param("Procfile", "web: cd shop && gunicorn shop.wgsi:application\n", id="in another folder"),
        pytest.param("Procfile", "web: node shop.wgsi:application\n", id="no server of Python"),
        pytest.param("deep/src/shop/x.py", "pytest_plugins = ['shop.x']\n", id="the nearest folder has it"),
        pytest.param("log.yaml", logging_of("shop.logs.mkae  # gate: ignore[unknown-reference]"), id="ignored"),
    ],
)  # fmt: skip
def test_what_may_be_there_is_left_alone(tmp_path: Path, path: str, text: str) -> None:
    assert [item for item in findings(tmp_path, path, text) if item[1] != "undefined-name"] == []


@pytest.mark.slow
def test_a_change_of_settings_alone_blocks_and_is_fixed(project: Clone) -> None:
    text = '[project.scripts]\r\nshop = "app:raed" # é\r\n'
    project.git("checkout", "-q", "-b", "feature")
    project.write({"pyproject.toml": text})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Script")
    result = project.gate_process("check", "--only", "names")
    assert result.code == 1
    assert "pyproject.toml:2:13: unknown-reference" in result.out
    project.gate_process("check", "--only", "names", "--fix", "--apply")
    assert (project.path / "pyproject.toml").read_bytes() == text.replace("raed", "read").encode()


@pytest.mark.slow
def test_a_cached_result_does_not_outlive_the_settings(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    for target, code in (
        ("logging.StreamHandler", 0),
        ("logging.StreamHandlr", 1),
        ("logging.StreamHandler", 0),
    ):
        project.write({"log.yaml": f"version: 1\nhandlers: {{x: {{class: {target}}}}}\n"})
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "Logging")
        assert project.gate_process("check", "--only", "names").code == code
