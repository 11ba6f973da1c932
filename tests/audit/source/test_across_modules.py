"""What a name denotes in one module does not hang on the order of modules, nor on what another one puts there."""

import pytest

from bundler.audit.finding import Severity
from bundler.audit.source import SourceText, source_findings

USE = "def f(o):\n    return x.format(o)"
TAKEN = f"from p.b import x\n{USE}"
PLAIN = "x = 'plain {y}'"
ANSWERS = "def __getattr__(n):\n    return n"

#: Modules by name, and texts that are not what they seem: their fields could read any attribute.
MISLEADING = {
    "stored-from-outside": {"a": f"{PLAIN}\n{USE}", "b": "import p.a\ndef g(s):\n    p.a.x = s"},
    "stored-from-outside-and-imported": {"z": TAKEN, "b": PLAIN, "c": "import p.b\ndef g(s):\n    p.b.x = s"},
    "stored-by-setattr": {"z": TAKEN, "b": PLAIN, "c": "import p.b\ndef g(s):\n    setattr(p.b, 'x', s)"},
    "built-in-under-its-own-name": {"a": "str = str\nx = ''\nx = str\ndef f(o):\n    return x.format('{0.__x}', o)"},
    "answered-for": {"a": f"{PLAIN}\n{TAKEN}", "b": ANSWERS},
    "answered-for-in-a-circle": {
        "a": f"{PLAIN}\n{TAKEN}",
        "b": f"{ANSWERS}\nfrom p.c import x",
        "c": "from p.b import x",
    },
    "answered-for-while-unbound": {"z": TAKEN, "b": f"{ANSWERS}\nif not 1:\n    {PLAIN}"},
    "answered-for-by-star": {
        "z": TAKEN,
        "b": f"from p.d import *\nif not 1:\n    {PLAIN}",
        "d": f"__all__ = ['__getattr__']\n{ANSWERS}",
    },
    "bound-by-a-function": {"a": f"{PLAIN}\n{TAKEN}", "b": "def g(y):\n    global x\n    x = y"},
}


def refusals(modules: dict[str, str]) -> list[str]:
    texts = [SourceText(name=f"p.{name}", member=name, text=it.encode(), package=False) for name, it in modules.items()]
    return [finding.what for finding in source_findings(texts, {}) if finding.severity is Severity.CONSENT]


@pytest.mark.parametrize("name", MISLEADING)
@pytest.mark.parametrize("order", [1, -1])
def test_refuses_a_text_that_another_module_may_replace(name: str, order: int) -> None:
    assert refusals(dict(list(MISLEADING[name].items())[::order]))


@pytest.mark.parametrize("order", [1, -1])
def test_a_text_of_another_module_is_read_in_either_order(order: int) -> None:
    modules = {"a": "from p.b import x\ndef f(o):\n    return x.format(y=o)", "b": PLAIN}
    assert refusals(dict(list(modules.items())[::order])) == []
