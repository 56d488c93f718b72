"""What installed packages define, and where lists of it are cached."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from gate.names.resolve import known_packages
from gate.names.resolve.installed import InstalledPackages, Store
from gate.names.run import check

MODULE = (
    "def first_function(some_parameter):\n    local = 'a_text'\n\nclass Kind:\n    field: int\n\nNAME = 1\n"
)


def installed(folder: Path, text: str, record: str = "pkg/__init__.py,sha256=1,1\n") -> Path:
    """A folder of packages with one in it."""
    for path, content in {"pkg/__init__.py": text, "pkg-1.0.dist-info/RECORD": record}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def defined(site: Path, store: Store | None = None) -> AbstractSet[str]:
    """What a project finds that imports the package."""
    return InstalledPackages(None, [site], store).relevant(["pkg"]).defined


def test_definitions_and_uses_are_distinguished(tmp_path: Path) -> None:
    words = InstalledPackages(None, [installed(tmp_path, f"import other\n{MODULE}")]).relevant(["pkg"])
    assert words.defined == {"first_function", "local", "Kind", "field", "NAME"}
    assert {"some_parameter", "a_text"} <= words.mentions
    assert words.imported == {"pkg"}


def test_a_bridge_to_another_package_does_not_bring_its_words(tmp_path: Path) -> None:
    """Only those who use that package themselves have to do with it."""
    site = installed(tmp_path, "import needed\n")
    for path, text in {
        "pkg/contrib/other.py": "import other, needed\n",
        "pkg/third/__init__.py": "from third import x\n",
        "other.py": "def of_other(): ...\n",
        "third.py": "def of_third(): ...\n",
        "needed.py": "def of_needed(): ...\n",
    }.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    found = InstalledPackages(None, [site]).relevant(["pkg"])
    assert (found.imported, found.defined) == ({"pkg", "needed"}, {"of_needed"})
    assert "of_other" in InstalledPackages(None, [site]).relevant(["pkg", "other"]).defined


def test_the_list_of_a_release_serves_another_environment(tmp_path: Path) -> None:
    first = Store(tmp_path / "one", tmp_path / "packages", "a")
    assert "first_function" in defined(installed(tmp_path / "site", MODULE), first)
    # Only the RECORD is looked at, so what is not there any more shows that nothing was read.
    second = Store(tmp_path / "two", tmp_path / "packages", "b")
    assert "first_function" in defined(installed(tmp_path / "again", ""), second)


def test_another_release_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "one", tmp_path / "packages", "a")
    defined(installed(tmp_path / "site", MODULE), store)
    other = installed(tmp_path / "again", "def second_function(): ...\n", "pkg/__init__.py,sha256=2,1\n")
    assert defined(other, Store(tmp_path / "one", tmp_path / "packages", "b")) == {"second_function"}


@pytest.mark.parametrize("damage", [b"", b"gate words 4", b"\xff\xfe" * 50, None], ids=str)
def test_a_list_that_was_damaged_is_read_anew(tmp_path: Path, damage: bytes | None) -> None:
    store = Store(tmp_path / "one", tmp_path / "packages", "a")
    site = installed(tmp_path / "site", MODULE)
    whole = defined(site, store)
    for path in [*store.own.iterdir(), *store.packages.iterdir()]:
        path.write_bytes(path.read_bytes()[:-4] if damage is None else damage)
    assert defined(site, store) == whole


def test_the_list_of_all_packages_holds_for_one_state_of_the_environment(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", MODULE)
    defined(site, Store(tmp_path / "own", tmp_path / "packages", "before"))
    installed(site, "def later(): ...\n", "pkg/__init__.py,sha256=2,1\n")
    assert defined(site, Store(tmp_path / "own", tmp_path / "packages", "after")) == {"later"}


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "own", tmp_path / "file" / "packages", "a")
    assert "Kind" in defined(installed(tmp_path / "site", MODULE), store)


def test_of_a_compiled_module_only_data_is_read(tmp_path: Path) -> None:
    data, code = b"\0name_of_a_function\0", b"\0looks_like_a_name\0"
    start = 64 + 3 * 64
    heads = [
        struct.pack("<IIQQQQ", 0, 0, 0, 0, 0, 0),
        struct.pack("<IIQQQQ", 0, 1, 2, 0, start, len(data)),
        struct.pack("<IIQQQQ", 0, 1, 6, 0, start + len(data), len(code)),
    ]
    head = b"\x7fELF\x02\x01".ljust(0x28, b"\0") + struct.pack("<Q", 64)
    head = head.ljust(0x3A, b"\0") + struct.pack("<HH", 64, len(heads))
    whole = head.ljust(64, b"\0") + b"".join(one.ljust(64, b"\0") for one in heads) + data + code
    (tmp_path / "pkg.so").write_bytes(whole)
    assert defined(tmp_path) == {"name_of_a_function"}
    # Cut short, it is no such file any more, and is read as a whole.
    (tmp_path / "pkg.so").write_bytes(b"\x7fELF\x02\x01" + code)
    assert defined(tmp_path) == {"ELF", "looks_like_a_name"}


def test_the_index_of_the_list_names_what_is_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(known_packages.LIST) as archive:
        assert known_packages.names() == set(archive.namelist())
    assert known_packages.make(installed(tmp_path / "site", MODULE), tmp_path / "list.zip") == 1
    assert (tmp_path / "list.txt").read_text() == "pkg\n"


@pytest.mark.parametrize("few", [True, False], ids=["few", "many"])
def test_what_was_asked_is_answered_without_the_list(tmp_path: Path, few: bool) -> None:
    store = Store(tmp_path / "one", tmp_path / "packages", "a")
    site = installed(tmp_path / "site", MODULE)
    first = InstalledPackages(None, [site], store)
    first.relevant(["pkg"])
    answers = first.answers(["Kind", "some_parameter", "nowhere"])
    assert answers[:2] == ({"Kind": True, "some_parameter": False, "nowhere": False},
                           {"Kind": False, "some_parameter": True, "nowhere": False})  # fmt: skip
    again = InstalledPackages(None, [site], store)
    words = again.relevant(["pkg"])
    again.recall(({"Kind": False}, {}, {}, {}))
    # What is remembered is believed; only what was not asked before is looked for, one by one or all at once.
    assert "Kind" not in words.defined
    asked = ["field", "fiel", "local", "NAME", *([] if few else [f"name_{number}" for number in range(20)])]
    assert [word for word in asked if word in words.defined] == ["field", "local", "NAME"]
    assert words.defined == {"first_function", "local", "Kind", "field", "NAME"}


def test_an_interpreter_that_cannot_be_started_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere/python cannot be started: No such file"):
        check(tmp_path, str(tmp_path / "nowhere" / "python"), None)
