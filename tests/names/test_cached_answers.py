"""After any edit, a run with the cache of earlier runs gives the answer of a run without it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.names.run import check

PROJECT = {
    "config.py": """
        import os

        LIMIT = 3
        STAGE = "test"
        HOOK = None
        _cache = {}


        def load_limit() -> int:
            global LIMIT
            LIMIT = int(os.environ.get("LIMIT", "3"))
            return LIMIT


        def begin() -> None:
            global STAGE
            STAGE = STAGE.lower()


        def set_hook(hook):
            global HOOK
            HOOK = hook


        def cached(key, make):
            count = 0

            def counted():
                nonlocal count
                count += 1
                return make()

            if key not in _cache:
                _cache[key] = counted()
            return _cache[key]
    """,
    "models/__init__.py": """
        from models.base import Model
        from models.user import Anonymous, User

        __all__ = ["Anonymous", "Model", "User"]
    """,
    "models/base.py": """
        import json


        class Model:
            table = ""

            def __init__(self, **values):
                self.values = values
                self.saved = False

            @property
            def key(self):
                return self.values["key"]

            def to_json(self) -> str:
                return json.dumps(self.values)

            async def refresh(self):
                return self
    """,
    "models/user.py": """
        from config import LIMIT, cached
        from models.base import Model


        class User(Model):
            table = "users"

            def __init__(self, name: str, **values):
                super().__init__(**values)
                self.name = name
                self.friends: list[str] = []

            def befriend(self, other):
                if len(self.friends) < LIMIT:
                    self.friends.append(other.name)
                    other.friends.append(self.name)

            def title(self):
                return cached(self.name, self.name.title)


        class Anonymous:
            name = "anonymous"

            def title(self):
                return self.name.upper()
    """,
    "service.py": """
        import config
        import models
        from models import User


        def register(name, notify=None):
            user = User(name, key=name.strip().lower())
            if config.HOOK:
                config.HOOK(user)
            if notify is not None:
                notify(user.to_json())
            return user


        async def reload(user: models.Model):
            await user.refresh()
            print(config.LIMIT.bit_length(), config.STAGE.upper())
            return user.key, user.saved
    """,
    "compat.py": """
        try:
            import simplejson as json
        except ImportError:
            import json
    """,
    "app.py": """
        import sys

        import service
        from compat import json
        from config import load_limit, set_hook


        def main(arguments):
            set_hook(print)
            people = [service.register(name, notify=sys.stdout.write) for name in arguments]
            for one in people:
                for other in people:
                    one.befriend(other)
            with open("people.json", "w", encoding="utf-8") as file:
                json.dump([one.values for one in people], file)
            print(load_limit(), [one.title() for one in people], sep="; ")
    """,
}
WORD = re.compile(r"[A-Za-z_]\w+")
WORDS = ("name", "friends", "to_json", "refresh", "LIMIT", "STAGE", "title", "befriend")
VARIANTS = sorted(
    {
        typo
        for word in WORDS
        for typo in (word[1] + word[0] + word[2:], word[:-1], word + "s", word.swapcase())
    }
)
VALUES = ("None", "'text'", "[]", "3", "open('file')", "User('x')", "Anonymous()", "len", "lambda: 1")
USES = ("print(user.{})", "self.{} = 1", "def {}(self): return 1", "{} = 'x'", "user.befriend({}=1)")
STATEMENTS = (
    "global LIMIT",
    "self.extra = []",
    "self.name = None",
    "LIMIT = 'three'",
    "async def refresh(self): return self",
    "def title(self, style): return style",
    "def __getattr__(self, name): return name",
    "from models.user import *",
    "import config as models",
    "setattr(User, 'nickname', None)",
    "user.nmae.strip()",
    "print(other.freinds, json.loads(file))",
    "# nothing but a remark",
)


def lines_of(root: Path) -> tuple[list[Path], Callable[[int], tuple[Path, list[str]]]]:
    """The files, and the lines of the one with that number."""
    files = sorted(root.rglob("*.py"))

    def pick(number: int) -> tuple[Path, list[str]]:
        path = files[number % len(files)]
        return path, path.read_text().split("\n")

    return files, pick


def indent_of(line: str) -> str:
    """The spaces at its beginning."""
    return line[: len(line) - len(line.lstrip())]


def edit(root: Path, kind: str, file: int, line: int, other: int) -> None:
    """Change one file: in ways that people do, and in some that leave no Python."""
    files, pick = lines_of(root)
    path, lines = pick(file)
    here = line % len(lines)
    match kind:
        case "drop a line":
            del lines[here]
        case "another word":
            words = WORD.findall("\n".join(one.read_text() for one in files))
            found = WORD.findall(lines[here])
            if found:
                lines[here] = lines[here].replace(found[other % len(found)], words[other % len(words)], 1)
        case "a slip":
            found = WORD.findall(lines[here])
            if found:
                word = found[other % len(found)]
                at = other % (len(word) - 1)
                lines[here] = lines[here].replace(
                    word, word[:at] + word[at + 1] + word[at] + word[at + 2 :], 1
                )
        case "another value":
            places = [number for number, text in enumerate(lines) if " = " in text]
            for number in places and [places[line % len(places)]]:
                lines[number] = lines[number].partition(" = ")[0] + " = " + VALUES[other % len(VALUES)]
        case "a statement":
            lines.insert(here, indent_of(lines[here]) + STATEMENTS[other % len(STATEMENTS)])
        case "a word that is near others":
            result = USES[line % len(USES)].format(VARIANTS[other % len(VARIANTS)])
            lines.insert(here, indent_of(lines[here]) + result)
        case "a line from elsewhere":
            lines.insert(here, pick(other)[1][other % len(pick(other)[1])])
        case "a file goes":
            path.unlink()
            return
    path.write_text("\n".join(lines))


KINDS = (
    "drop a line",
    "another word",
    "a slip",
    "another value",
    "a statement",
    "a line from elsewhere",
    "a word that is near others",
    "a file goes",
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        *[st.integers(0, 10_000)] * 3,
    ),
    min_size=1,
    max_size=8,
)


def compare(folder: Path, edits: list[tuple[str, int, int, int]]) -> None:
    """Apply the edits one after the other, and ask both after each."""
    root, cache, fresh = folder / "tree", folder / "kept", folder / "fresh"
    for leftover in (root, cache):
        shutil.rmtree(leftover, ignore_errors=True)
    for name, text in PROJECT.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("\n" + " " * 8, "\n").strip() + "\n")
    check(root, None, cache)
    for one in edits:
        if list(root.rglob("*.py")):
            edit(root, *one)
        # The words of the standard library need not be read each time.
        (fresh / "files").unlink(missing_ok=True)
        assert check(root, None, cache) == check(root, None, fresh), one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is tried."""
    return tmp_path_factory.mktemp("kept")


QUICK = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@QUICK
@given(EDITS)
def test_a_few_edits(folder: Path, edits: list[tuple[str, int, int, int]]) -> None:
    compare(folder, edits)


@pytest.mark.slow
@settings(QUICK, max_examples=60)
@given(EDITS)
def test_many_edits(folder: Path, edits: list[tuple[str, int, int, int]]) -> None:
    compare(folder, edits)
