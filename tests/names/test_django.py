"""Attributes of Django models, of which the metaclass and the fields make more than the text of a class shows."""

from __future__ import annotations

from pathlib import Path

from gate.names.infer.engine import Engine
from gate.names.resolve.environment import bundled_typeshed
from gate.names.resolve.modules import Modules
from gate.names.rules.walk.visitor import Visitor

DJANGO = {
    "django/__init__.py": "",
    "django/db/__init__.py": "",
    "django/db/models/__init__.py": "from django.db.models.base import Model\nfrom django.db.models.fields import *\n",
    "django/db/models/fields.py": (
        "class CharField:\n    def __init__(self, *args, **kwargs): ...\n\n"
        "    def contribute_to_class(self, cls, name):\n        setattr(cls, 'get_' + name + '_display', self)\n"
    ),
    "django/db/models/base.py": (
        "class ModelBase(type):\n    def __new__(cls, name, bases, attrs):\n"
        "        setattr(cls, name, attrs)\n        return super().__new__(cls, name, bases, attrs)\n\n\n"
        "class Model(metaclass=ModelBase):\n    def __init__(self, **values):\n"
        "        self._state = values\n        setattr(self, 'pk', values)\n\n    def save(self): ...\n"
    ),
}
MODELS = (
    "from django.db import models\n\n\n"
    "class Product(models.Model):\n    title = models.CharField(max_length=100)\n\n"
    "    def is_new(self):\n        return self.created_at, self._state, self.title, self.save()\n\n\n"
    "def known(product: Product):\n    return product.naem, Product.object, Product.mro\n"
)


def test_what_no_model_has_is_a_candidate_and_what_the_class_shows_is_none(tmp_path: Path) -> None:
    site, root = tmp_path / "site", tmp_path / "project"
    for name, text in {
        **{f"site/{path}": body for path, body in DJANGO.items()},
        "project/shop.py": MODELS,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    typeshed = bundled_typeshed()
    modules = Modules(root, typeshed, [site], Modules(None, typeshed, [site]))
    (source,) = modules.sources("shop")
    candidates = Visitor(Engine(modules), source).judge()
    assert {one.word: one.unless_defined_in for one in candidates.candidates} == {
        "created_at": "model",
        "naem": "model",
        "object": "model",
    }
    assert all("objects" in one.names and "title" in one.names for one in candidates.candidates)
