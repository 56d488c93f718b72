"""What several star imports bring along: the last one counts, and `__all__` decides what it is."""

from __future__ import annotations

from pathlib import Path

from gate.names.run import check

FILES = {
    "shop/__init__.py": "from shop.old import *\nfrom shop.new import *\nfrom shop.hidden import *\n",
    "shop/old.py": "def sell(): ...\n\n\ndef only_old(): ...\n",
    "shop/new.py": "def sell(thing, price): ...\n",
    "shop/hidden.py": "__all__ = ['shown']\n\n\ndef sell(one): ...\n\n\ndef shown(): ...\n\n\ndef only_old(one): ...\n",
    "main.py": "import shop\n\nshop.sell('tea', 2)\nshop.only_old()\nshop.shown()\nshop.sell()\n",
    "lazy.py": "EXPORTS = {'there': 'elsewhere'}\n",
    "user.py": "from lazy import not_there, there\n",
}


def test_the_last_star_import_that_exports_a_name_counts(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = [(one.path, one.line, one.rule) for one in check(tmp_path, None, None)[1]]
    # A name that a module mentions in a text may be loaded when it is needed.
    assert found == [("main.py", 6, "wrong-call"), ("user.py", 1, "unknown-member")]
