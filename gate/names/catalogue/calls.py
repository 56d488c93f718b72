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
        ),
        (
            code(
                "import json\n\n\ndef read(path):\n    with open(path) as file:\n"
                "        return json.loads(file.read())\n"
            ),
            code("import json\n\n\ndef read(source):\n    return json.load(source)\n"),
        ),
    ),
)
