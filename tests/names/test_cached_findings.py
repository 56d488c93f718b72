"""What the names check keeps between runs: never another answer, and little to do after a small change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gate.finding import Finding
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.walk.visitor import Visitor
from gate.names.run import check
from gate.names.store.cache import Cache
from gate.names.store.workers import WorkerPool

STORE = """
from helper import help_with


class Store:
    def __init__(self, path):
        self.path = path

    def save(self, data) -> None:
        print(data)

    def load(self):
        return help_with(self.path)


def make() -> Store:
    return Store("x")


LIMIT = 3
"""
USER = """
import store

one = store.make()
one.save(1)
one.path.strip()
print(one.load(), store.LIMIT)
"""
OTHER = "import user\n\nprint(user.one)\n"
HELPER = "def help_with(value):\n    return str(value)\n"
CHANGES = {
    "a method takes more": ("store.py", "def save(self, data)", "def save(self, data, other)", "wrong-call"),
    "a method goes": ("store.py", "def save(", "def keep(", "unknown-attribute"),
    "a constant goes": ("store.py", "LIMIT = 3", "LIMITS = 3", "unknown-member"),
    "a function goes": ("store.py", "def make(", "def made(", "unknown-member"),
    "an attribute goes": ("store.py", "self.path = path", "self.place = path", ""),
    "an attribute is another": ("store.py", "self.path = path", "self.path = []", "unknown-attribute"),
    "a helper further away gives a coroutine": ("helper.py", "def help_with", "async def help_with", ""),
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project that was checked once."""
    root = tmp_path / "tree"
    root.mkdir()
    for name, text in {"store": STORE, "user": USER, "other": OTHER, "helper": HELPER}.items():
        (root / f"{name}.py").write_text(text)
    assert again(root) == []
    return root


def again(root: Path) -> list[Finding]:
    """Check with the cache."""
    return check(root, None, root.parent / "cache")[1]


def change(root: Path, name: str, old: str, new: str) -> None:
    """Alter one file."""
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_change_does_to_other_files_is_seen(tree: Path, what: str) -> None:
    name, old, new, rule = CHANGES[what]
    change(tree, name, old, new)
    found = again(tree)
    assert found == check(tree, None, None)[1]
    assert not rule or rule in {one.rule for one in found if one.path == "user.py"}


def test_what_a_function_does_to_a_name_of_the_module_is_seen(tree: Path) -> None:
    change(tree, "user.py", "store.LIMIT)", "store.LIMIT.append(1))")
    change(
        tree, "store.py", "def make(", "def widen() -> None:\n    global LIMIT\n    LIMIT = []\n\n\ndef make("
    )
    assert again(tree) == []
    change(tree, "store.py", "global LIMIT", "pass")
    assert [one.rule for one in again(tree)] == ["unknown-attribute"]


def test_a_suggestion_follows_a_name_that_the_file_does_not_say(tree: Path) -> None:
    change(tree, "user.py", "one.save(1)", "one.saev(1)")
    assert [one.hint for one in again(tree)] == ["did you mean `save`?"]
    change(tree, "store.py", "def save(", "def seav(")
    assert again(tree) == check(tree, None, None)[1]


@pytest.mark.parametrize(
    ("name", "old", "new", "files"),
    [
        ("store.py", "print(data)", "print(data, 1)", {"store"}),
        ("store.py", "LIMIT = 3", "LIMIT = 3\n\n\ndef later():\n    return 1", {"store"}),
        ("store.py", "LIMIT = 3", "LIMIT = 4", {"store", "user"}),
        ("store.py", "def save(self, data)", "def save(self, data: int)", {"store", "user"}),
        ("store.py", "LIMIT = 3", "LIMIT = 3\n\n\ndef more() -> None:\n    global MORE\n    MORE = 1", {"store"}),
        ("user.py", "one.save(1)", "one.save(2)", {"user"}),
        ("user.py", "import store", "# a remark\nimport store", {"user"}),
    ],
    ids=["a body", "a new name", "a constant", "a head", "a name of the module", "a statement", "a remark"],
)  # fmt: skip
def test_only_files_that_see_what_changed_are_checked_again(
    tree: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, files: set[str]
) -> None:
    checked: set[str] = set()

    class Counted(Visitor):
        def judge(self) -> FileDiagnostics:
            checked.add(self._source.name)
            return super().judge()

    monkeypatch.setattr("gate.names.store.project.Visitor", Counted)
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: 1)
    change(tree, name, old, new)
    again(tree)
    assert checked == files


ITEMS = [str(number) for number in range(50)]
DOUBLED = {item: 2 * item for item in ITEMS}


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_work_that_is_shared_gives_its_answers_in_order(
    monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: processes)
    assert list(WorkerPool(ITEMS, lambda item: 2 * item).answers().items()) == list(DOUBLED.items())


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_only_what_answers_lead_to_is_worked_on(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: processes)
    leads = {"0": ["3", "nowhere"], "3": ["0", "7"], "7": ["40"], "9": [], "40": ["9"]}
    shared = WorkerPool(
        ITEMS, lambda item: leads.get(item, ["50"]), first=["0", "20"], more=lambda answer: answer
    )
    assert [*shared.answers()] == ["0", "3", "7", "9", "20", "40"]


@pytest.mark.parametrize("first", [ITEMS, ["0", "1"]], ids=["all", "two that lead to all"])
def test_what_a_helper_took_with_it_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch, first: list[str]
) -> None:
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: 3)
    own = os.getpid()

    def work(item: str) -> str:
        if os.getpid() != own:
            os.kill(os.getpid(), 9)
        return 2 * item

    def more(answer: str) -> list[str]:
        return [str(int(answer[: len(answer) // 2]) + 1)]

    assert WorkerPool(ITEMS, work, first=first, more=more).answers() == DOUBLED


def test_several_processes_report_the_same_as_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (tree / f"more_{number}.py").write_text(USER.replace("one.save", f"one.sav{number}"))
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: 1)
    alone = check(tree, None, None)[1]
    assert len(alone) >= 30
    monkeypatch.setattr("gate.names.store.workers.processors", lambda: 3)
    assert check(tree, None, None)[1] == alone


def test_the_cache_of_one_state_lives_exactly_as_long_as_that(tmp_path: Path) -> None:
    first = Cache(tmp_path / "kept", "one state")
    first.put("json", (True, False, ["loads"]))
    first.write()
    for run in range(5):
        other = Cache(tmp_path / "kept", "one state")
        other.put(f"other {run}", None)
        other.write()
    assert Cache(tmp_path / "kept", "one state").get("json") == (True, False, ["loads"])
    assert Cache(tmp_path / "kept", "another state").get("json") is None
