"""Calls with a value of the wrong kind."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "wrong-json-argument",
        "`load` with a string, `loads` with a file, `dump` without a file, or `dumps` with one.",
        """\
`load` reads a file and `loads` reads a string; `dump` writes to a file and `dumps` returns a string. Mixing them up
raises a TypeError or an AttributeError in the request that takes this path. Types are inferred through assignments,
`with`, attributes of self, parameters, and helper functions. The response of an HTTP client is neither a file nor a
string: use its `.text` or `.json()`.""",
        (
            code(
                "import json\n\n\ndef urls():\n    with open('urls.json') as urls_file:\n"
                "        return json.loads(urls_file)  # <- did you mean `json.load`?\n"
            ),
            code(
                "import json\n\n\ndef read(text):\n    return json.load(text)  # <- did you mean `json.loads`?\n"
            ),
            code(
                "import json\n\n\ndef save(urls, path):\n    with open(path, 'w') as file:\n"
                "        json.dumps(urls, file)  # <- did you mean `json.dump`?\n"
            ),
            {
                "compat.py": "try:\n    import simplejson as json\nexcept ImportError:\n    import json\n",
                "example.py": (
                    "import compat\n\n\ndef read(text):\n"
                    "    return compat.json.load(text)  # <- did you mean `json.loads`?\n"
                ),
            },
        ),
        (
            code(
                "import json\n\n\ndef read(path):\n    with open(path) as file:\n"
                "        return json.loads(file.read())\n"
            ),
            code("import json\n\n\ndef read(source):\n    return json.load(source)\n"),
        ),
    ),
    Rule(
        "wrong-argument",
        "A string, bytes, file, or time where a standard library function takes another of these.",
        """\
A TypeError or an AttributeError when the call is made. `strftime` and `strptime` differ by one letter, and strings
and bytes are easily mixed up. gate infers types from the code, and reads what a function accepts from the stubs of the
standard library.""",
        (
            code(
                "import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text)  # <- add `.encode()`\n"
            ),
            code(
                "from datetime import datetime\n\nwhen = datetime.strftime('1', '%d')  # <- did you mean `strptime`?\n"
            ),
        ),
        (code("import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text.encode())\n"),),
    ),
    Rule(
        "wrong-call",
        "A call with too many or missing arguments, or of something that can't be called.",
        "A TypeError when the call is made, often on a path that nobody has tried.",
        (
            code("def save(data, path): ...\n\n\nsave({})  # <-\n"),
            code(
                "class Shop:\n    def sell(self, thing): ...\n\n    def open(self):\n"
                "        self.sell('tea', 2)  # <-\n"
            ),
            code("import os\n\nhome = os.environ('HOME')  # <- did you mean `os.environ.get`?\n"),
        ),
        (
            code("def save(data, *rest, **options): ...\n\n\nsave({}, 1, 2, path='x')\n"),
            code("def save(data, path): ...\n\n\narguments = [1, 2]\nsave(*arguments)\n"),
        ),
    ),
    Rule(
        "missing-await",
        "The result of one of the project's async functions, used without `await`.",
        """\
The function never runs. The value is a coroutine, which has none of the result's attributes and is always true. Python
warns only when it discards the coroutine. An attribute of self counts if it always holds the same class.""",
        (
            code("async def fetch():\n    return {}\n\n\nasync def main():\n    fetch()  # <- add `await`\n"),
            code(
                "async def is_ready():\n    return False\n\n\nasync def main():\n    if is_ready():  # <- add `await`\n"
                "        print('ready')\n"
            ),
            code(
                "class Client:\n    async def send(self, text): ...\n\n\nclass Shop:\n    def __init__(self):\n"
                "        self.client = Client()\n\n    async def sell(self):\n"
                "        self.client.send('tea')  # <- add `await`\n"
            ),
        ),
        (
            code(
                "import asyncio\n\n\nasync def fetch():\n    return {}\n\n\nasync def main():\n"
                "    task = asyncio.create_task(fetch())\n    await asyncio.gather(task, fetch())\n"
            ),
        ),
    ),
)
