"""The hostile modules: the audit's own tables, and what the red team wrote against the nets that hold running code."""

from __future__ import annotations

import importlib
import pkgutil

from tests import confined
from tests.audit.source import hostile, test_across_modules, test_own_data, test_red_team, test_second_reading
from tests.confined.attacks import LOAD, NETS

Modules = dict[str, str]
_ACROSS = [
    "from pack.a import o\no.system('id')",
    "import pack.a\npack.a.o.system('id')",
    "from .a import *\no.system('id')",
    "from . import a\na.o.system('id')",
    "from .a import o as x\ny = x\ny.system('id')",
    "from .between import *\no.system('id')",
]


def corpora() -> dict[str, dict[str, Modules]]:
    """Return the modules of each case by dotted name, by corpus and name of the case."""
    found = {
        "hostile": {name: _one(text) for name, text in hostile.HOSTILE.items()},
        "red-team": {name: _one(text) for name, text in test_red_team.TRICKS.items()},
        "second-reading": {name: _one(text) for name, text in test_second_reading.TRICKS.items()},
        "own-data": {
            **{name: _one(text) for name, (text, _) in test_own_data.ASKED.items()},
            **{name: _one(text) for name, (text, _) in test_own_data.MORE.items()},
        },
        "across": {
            **{
                name: {"p.__init__": "", **{f"p.{key}": text for key, text in modules.items()}}
                for name, modules in test_across_modules.MISLEADING.items()
            },
            **{
                f"follow-{number}": {
                    "pack.__init__": "",
                    "pack.a": "import os as o",
                    "pack.between": "from .a import *",
                    "pack.b": text,
                }
                for number, text in enumerate(_ACROSS)
            },
        },
    }
    for module in pkgutil.iter_modules(confined.__path__):
        if module.name.startswith("red_team_"):
            cases = importlib.import_module(f"tests.confined.{module.name}").CASES
            found[module.name.replace("_", "-")] = {
                name: _one(case) if isinstance(case, str) else case for name, case in cases.items()
            }
    return found


def sample() -> dict[str, Modules]:
    """Return the small modules by ``nets/`` or ``load/`` and their class of attack."""
    found = {f"nets/{name}": _one(text) for name, text in NETS.items()}
    return found | {f"load/{name}": _one(text) for name, text in LOAD.items()}


def _one(text: str) -> Modules:
    return {"pack.__init__": "", "pack.m": text}
