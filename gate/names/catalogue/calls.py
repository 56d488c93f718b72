"""Calls with a value of the wrong kind."""

from __future__ import annotations

from gate.names.catalogue.rule import Rule, code

RULES = (
    Rule(
        "wrong-json-argument",
        "`load` with text, `loads` with a file, `dump` without a file or `dumps` with one.",
        """\
`load` reads a file and `loads` text; `dump` writes to a file and `dumps` returns text. The other way round it
is a TypeError or an AttributeError in the request that comes this way. The kind of the value is followed
through assignments, `with`, attributes of self, parameters and helpers. A response of an HTTP client is
neither file nor text: use its `.text` or `.json()`.""",
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
        "Text, bytes, a file or a time where a function of the standard library takes another of them.",
        """\
A TypeError or an AttributeError when the call is made. `strftime` and `strptime` are one letter apart, and so
are text and bytes; what a value is, is followed through the code, and what a function takes is read from the
stubs of the standard library.""",
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
        "A call with too many arguments or with one missing, or of what cannot be called.",
        "A TypeError when the call is made, on the path that nobody tried.",
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
        "The result of an asynchronous function of the project, used before it is awaited.",
        """\
The function never runs: what is used is a coroutine, which has none of the attributes of the result and is
always true. Python warns about it only when it throws the coroutine away. What an attribute of self holds counts
where it is always the same class.""",
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
