"""Names that nobody defines."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "unknown-module",
        "An imported module that doesn't exist.",
        """\
An import inside a function fails when the function is first called, not when the program starts. An import at the
top of a module fails when that module is first loaded. For a plugin or a command, that may be in production.
Generated modules are ignored: those that git ignores, or that a build file names.""",
        (
            code("def read():\n    import josn  # <- did you mean `json`?\n"),
            code("import os.paht  # <- did you mean `os.path`?\n"),
        ),
        (
            code("try:\n    import ujosn as json\nexcept ImportError:\n    import json\n"),
            {
                ".gitignore": "shop/_build\n",
                "shop/__init__.py": "",
                "shop/page.py": "from shop._build import VERSION\n",
            },
        ),
    ),
    Rule(
        "unknown-member",
        "A name that a module doesn't have, in an import or an attribute lookup.",
        """\
Python looks the name up when the line runs. The result is an AttributeError in the one request that takes this path,
or an ImportError when the module is first loaded. gate knows the module's names from its source or its stubs. If
either of two modules can be imported under one name, both must lack the name. If gate can read only one of them, the
name must also be a typo of a name that it has.""",
        (
            code(
                "import json\n\n\ndef read(text):\n    return json.laods(text)  # <- did you mean `loads`?\n"
            ),
            code("import os\n\nplace = os.path.jion('a', 'b')  # <- did you mean `join`?\n"),
            code("from json import laods  # <- did you mean `loads`?\n"),
            {
                "helper.py": "def help_me(): ...\n",
                "example.py": "from helper import hlep_me  # <- did you mean `help_me`?\n",
            },
            {
                "compat.py": "try:\n    import simplejson as json\nexcept ImportError:\n    import json\n",
                "example.py": "from compat import json\n\nurls = json.laods('[]')  # <- did you mean `loads`?\n",
            },
        ),
        (
            code("import sys\n\nif hasattr(sys, 'gettotalrefcont'):\n    sys.gettotalrefcont()\n"),
            code("import sys\n\nif sys.version_info < (3, 3):\n    from collections import Mappping\n"),
            {
                "lazy.py": "def __getattr__(name):\n    return name\n",
                "example.py": "import lazy\n\nlazy.whatevr\n",
            },
        ),
    ),
    Rule(
        "undefined-name",
        "A name that is undefined: nothing in the file defines it, and it isn't a builtin.",
        """\
A NameError when the line runs. A typical mistake is `Json.loads(text)` where `json.loads(text)` was meant. In a type
comment or a quoted annotation, a name is reported only if it is a typo of a visible name, and nothing anywhere
defines it.""",
        (
            code(
                "import json\n\n\ndef read(text):\n    return Json.loads(text)  # <- did you mean `json`?\n"
            ),
            code("def count(items):\n    return lenn(items)  # <- did you mean `len`?\n"),
            code("from os.path import *\n\nprint(jion)  # <- did you mean `join`?\n"),
            code("def read(text):\n    return json.loads(text)  # <- add `import json`\n"),
            code(
                "class Shop:\n    def best(self) -> 'Sohp':  # <- did you mean `Shop`?\n        return self\n"
            ),
            code("class Shop: ...\n\n\nshops = []  # type: list[Sohp]  # <- did you mean `Shop`?\n"),
        ),
        (
            {
                "lazy.py": "globals().update({'jion': 1})\n",
                "example.py": "from lazy import *\n\nprint(jion)\n",
            },
            code("shops = []  # type: List[Shop]  # type: ignore\n\n\nclass Shop: ...\n"),
            code("def start():\n    global state\n    state = 1\n\n\ndef show():\n    print(state)\n"),
        ),
    ),
    Rule(
        "unknown-attribute",
        "An attribute that the value doesn't have, or a typo that nothing defines.",
        """\
An AttributeError when the line runs. If the type of the value can be inferred, its class decides. Otherwise, an
attribute is reported if it is a typo of one in the project, the standard library, or the packages that the project
imports, and fits how the code uses the value. A method of another language is reported on any value, unless something
that the file imports has it.""",
        (
            code("def tidy(name):\n    return name.key_set()  # <- did you mean `keys`?\n"),
            code("def parts(text):\n    return text.spilt(',')  # <- did you mean `split`?\n"),
            code(
                "def tidy(path):\n    with open(path) as file:\n"
                "        return file.read().to_lower()  # <- did you mean `lower`?\n"
            ),
            code("def first(line):\n    return line.starts_with('#')  # <- did you mean `startswith`?\n"),
            code(
                "class Stack:\n    def push(self, thing): ...\n\n\ndef parts(text):\n    found = text.split(',')\n"
                "    found.push('.')  # <- did you mean `append`?\n    return found\n"
            ),
            code(
                "class Shop:\n    def sell(self, thing): ...\n\n\ndef main():\n    shop = Shop()\n"
                "    shop.slel('tea')  # <- did you mean `sell`?\n"
            ),
        ),
        (
            code("def parts(text):\n    return text.frobnicate_the_widget()\n"),
            code(
                "class Stack:\n    def push(self, thing): ...\n\n\ndef fill(stack):\n    stack.push('tea')\n"
            ),
            code("class Milk:\n    spilt = True\n\n\nprint(Milk().spilt)\n"),
        ),
    ),
    Rule(
        "unexpected-keyword",
        "A keyword argument that the call doesn't accept, or a typo of one.",
        "A TypeError when the call is made. If the function accepts `**options`, the option is silently ignored.",
        (
            code(
                "def save(data, indent=2): ...\n\n\ndef main(data):\n    save(data, indent=4)\n"
                "    save(data, indent=8)\n    save(data, indnet=4)  # <- did you mean `indent`?\n"
            ),
        ),
        (code("def show(**options): ...\n\n\nshow(widget_frobnication=1)\n"),),
    ),
    Rule(
        "undefined-export",
        "A name in `__all__` that the module doesn't define.",
        "`from module import *` raises an AttributeError, in the file that imports and not where the mistake is.",
        (code('__all__ = ["raed"]  # <- did you mean `read`?\n\n\ndef read(): ...\n'),),
        (
            code('from os.path import *\n\n__all__ = ["join"]\n'),
            {"package/__init__.py": '__all__ = ["part"]\n', "package/part.py": "x = 1\n"},
            code('__all__ = ["later"]\n\n\ndef __getattr__(name):\n    return name\n'),
        ),
    ),
)
