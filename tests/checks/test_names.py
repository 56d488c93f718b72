"""The names check, by its rules: what it must catch, with the right word, and what it must leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.run import check

CAUGHT = {
    "import josn\n": ("unknown-module", "json"),
    "from json import laods\n": ("unknown-member", "loads"),
    "import os.pth\n": ("unknown-module", "os.path"),
    "import json\njson.laods('1')\n": ("unknown-member", "loads"),
    "import os\nos.path.jion('a')\n": ("unknown-member", "join"),
    "import json as j\nj.dumsp(1)\n": ("unknown-member", "dumps"),
    "from helper import hlep_me\n": ("unknown-member", "help_me"),
    "import helper\nhelper.help_m()\n": ("unknown-member", "help_me"),
    "import json\nprint(Json.loads('1'))\n": ("undefined-name", "json"),
    "def f(items):\n    return lenn(items)\n": ("undefined-name", "len"),
    "def f(text):\n    return text.spilt(',')\n": ("unknown-attribute", "split"),
    "def f(items):\n    items.appned(1)\n": ("unknown-attribute", "append"),
    "import json\nwith open('x') as urls_file:\n    json.loads(urls_file)\n": (
        "wrong-json-argument",
        "json.load",
    ),
    "import json\njson.load('{}')\n": ("wrong-json-argument", "json.loads"),
    "import json\ndef f(text):\n    return json.load(text)\n": ("wrong-json-argument", "json.loads"),
    "import json\ndef f(fp):\n    return json.loads(fp)\n": ("wrong-json-argument", "json.load"),
    "import json\ndef f(x):\n    with open('x', 'w') as g:\n        json.dumps(x, g)\n": (
        "wrong-json-argument",
        "json.dump",
    ),
    "import json\ndef f(x):\n    return json.dump(x)\n": ("wrong-json-argument", "json.dumps"),
    "import pickle\ndef f():\n    return pickle.loads(open('x', 'rb'))\n": (
        "wrong-json-argument",
        "pickle.load",
    ),
    "from json import load\ndef f(text):\n    return load(text)\n": ("wrong-json-argument", "json.loads"),
    "import json\nclass A:\n    def __init__(self):\n        self.f = open('x')\n    def g(self):\n"
    "        return json.loads(self.f)\n": ("wrong-json-argument", "json.load"),
    "import json\ndef h():\n    return open('x')\ndef g():\n    return json.loads(h())\n": (
        "wrong-json-argument",
        "json.load",
    ),
}
LEFT_ALONE = [
    "import json\nwith open('x') as f:\n    json.load(f)\n    json.loads(f.read())\n",
    "import json\ndef f(fp, text, data):\n    json.load(fp), json.loads(text), json.loads(data)\n",
    "import json\ndef f(x, fp):\n    json.dump(x, fp)\n    json.dump(x, fp=fp)\n    return json.dumps(x, indent=1)\n",
    "import json\ndef f(fp):\n    fp = fp.read()\n    return json.loads(fp)\n",
    "import json\ndef f(text: 'object'):\n    return json.load(text)\n",
    "try:\n    import josn\nexcept ImportError:\n    josn = None\n",
    "import sys\nif hasattr(sys, 'gettotalrefcont'):\n    sys.gettotalrefcont()\n",
    "from dynamic import *\nprint(anything_at_all)\n",
    "def f(x):\n    return x.frobnicate_the_widget()\n",
    "import json\ndef make(): ...\njson = make()  # noqa\njson.whatever()\n",
    "import json\njson.laods('1')  # gate: ignore[unknown-member]\n",
    "x = 1\ndel x\nmatch [1]:\n    case [first, *rest]:\n        print(first, rest)\n",
    "import dynamic\ndynamic.whatevr\n",
    "class A:\n    spilt = 1\nA().spilt\n",
    "lambda *args, **kwargs: (args, kwargs)\n",
    "for i, (a, b) in []:\n    print([i for i in range(a) if (c := b) and c])\n",
]


def findings(tmp_path: Path, source: str) -> list[tuple[str, str]]:
    (tmp_path / "helper.py").write_text("def help_me():\n    pass\n")
    (tmp_path / "dynamic.py").write_text("def __getattr__(name):\n    return name\n")
    (tmp_path / "case.py").write_text(source)
    _, found = check(tmp_path, None, tmp_path / ".cache")
    return [(finding.rule, finding.hint) for finding in found if finding.path == "case.py"]


@pytest.mark.parametrize("source", CAUGHT)
def test_a_mistake_is_caught_with_the_right_word(tmp_path: Path, source: str) -> None:
    rule, right = CAUGHT[source]
    assert (rule, f"did you mean `{right}`?") in findings(tmp_path, source)


@pytest.mark.parametrize("source", LEFT_ALONE)
def test_what_is_right_is_left_alone(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, source) == []


@pytest.mark.parametrize(
    "data",
    [
        b"def f(:\n",
        b"\xff\xfe\x00",
        b"\x00",
        b"(" * 3000,
        b"x = " + b"-" * 20000 + b"1\n",
        b"# coding: nonsense\n",
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding_and_no_crash(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.py").write_bytes(data)
    _, found = check(tmp_path, None, None)
    assert [finding.rule for finding in found] == ["syntax-error"]


def test_nothing_of_the_tree_is_run(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('run')\n")
    (tmp_path / "a.py").write_text("import json\njson.x\n")
    count, _ = check(tmp_path, None, None)
    assert count == 2
