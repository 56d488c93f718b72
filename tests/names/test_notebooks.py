"""Notebooks: their code cells are read as one file, and findings have their place in the notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.company import Clone

from gate.finding import Finding
from gate.names.read import notebooks
from gate.names.run import check


def notebook(*cells: str | list[str], language: str = "python", indent: int | None = 1) -> bytes:
    """A notebook with a cell of text before its code cells."""
    made: list[dict[str, object]] = [{"cell_type": "markdown", "source": ["# json.laods\n"]}]
    made += [{"cell_type": "code", "source": cell, "outputs": [{"text": "[{,"}]} for cell in cells]
    data = {"cells": made, "metadata": {"kernelspec": {"language": language}}, "nbformat": 4}
    return json.dumps(data, indent=indent).encode()


def findings(folder: Path, data: bytes) -> list[Finding]:
    (folder / "n.ipynb").write_bytes(data)
    return check(folder, None, None)[1]


@pytest.mark.parametrize("indent", [1, None])
def test_a_finding_has_its_cell_and_its_place_in_the_file(tmp_path: Path, indent: int | None) -> None:
    data = notebook(["import json\n", "text = 'é\"\\t'\n"], "print('€', json.laods(text))", indent=indent)
    (finding,) = findings(tmp_path, data)
    assert (finding.rule, finding.hint) == ("unknown-member", "did you mean `loads`? (cell 3, line 1)")
    line = data.decode().split("\n")[finding.line - 1]
    assert line[finding.column - 1 :].startswith("laods(text)")
    (edit,) = finding.fix
    assert (edit.line, edit.column, edit.new) == (finding.line, finding.column, "loads")


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(["%matplotlib inline\n!ls -l | wc\nfiles = !ls\nx?\n?x\nprint(files)"], id="magics"),
        pytest.param(
            ["%%bash\nfor i in a; do echo $i; done", "%%html\n<p>lenn(x)</p>"], id="other languages"
        ),
        pytest.param(["%time x = 1", "print(x, display(x), _, In, get_ipython())"], id="names of the kernel"),
        pytest.param(["%run other.py", "print(from_other)"], id="run binds names"),
        pytest.param(["this is (no Python", "print(maybe)"], id="a cell that cannot be read"),
        pytest.param(["await spark.read(dbutils)"], id="what a kernel may bring, and top-level await"),
        pytest.param(["%%capture lenm\n1", "print(lenm)"], id="captured"),
        pytest.param(["import json\njson.laods('1')  # gate: ignore[unknown-member]"], id="ignored"),
        pytest.param(["x = (1\n  % 2)"], id="no magic"),
    ],
)
def test_what_only_ipython_reads_is_left_alone(tmp_path: Path, cells: list[str]) -> None:
    assert findings(tmp_path, notebook(*cells)) == []


def test_code_behind_a_magic_is_read_at_its_place(tmp_path: Path) -> None:
    data = notebook("import json", "%%time\n%time y = json.laods('1')")
    (finding,) = findings(tmp_path, data)
    assert finding.hint.endswith("(cell 3, line 2)")
    assert data.decode().split("\n")[finding.line - 1][finding.column - 1 :].startswith("laods")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{", b'{"cells": {}}', b'{"cells": [1, {"cell_type": "code"}]}', b"\xff", b"[" * 9999,
     b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}', b'{"nbformat": 3, "cells": []}',
     notebook("json.laods(", language="julia")],
)  # fmt: skip
def test_what_is_no_notebook_of_python_says_nothing(tmp_path: Path, data: bytes) -> None:
    assert findings(tmp_path, data) == []


def test_surrogate_pairs_and_escapes_are_one_character() -> None:
    data = rb'{"cells": [{"cell_type": "code", "source": "\ud83d\ude00 + xyz\n"}]}'
    found = notebooks.read(data)
    assert found is not None
    placed = found.placed(Finding("n", 3, 5, 3, "unknown-attribute", "error", ""))
    assert placed is not None
    assert placed.column == data.index(b"xyz") + 1


@pytest.mark.slow
def test_a_notebook_blocks_and_is_fixed(project: Clone) -> None:
    data = notebook("import json\n", ["json.laods('\"é')\n"])
    project.git("checkout", "-q", "-b", "feature")
    project.write({"folder/n.ipynb": data})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Notebook")
    result = project.gate_process("check", "--only", "names")
    assert result.code == 1
    assert "(cell 3, line 1)" in result.out
    project.gate_process("check", "--only", "names", "--fix", "--apply")
    assert (project.path / "folder/n.ipynb").read_bytes() == data.replace(b"json.laods(", b"json.loads(")
