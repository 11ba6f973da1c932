"""What holds over whole bundles: modules that import each other, the tables, hostile sizes, and any text at all."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.audit.finding import Severity
from bundler.audit.source import RULES, SourceText, source_findings
from bundler.audit.source.call_rules import CALL_RULES
from bundler.audit.source.lookup import Denoted, Kind, look
from tests.audit.source.hostile import HOSTILE
from tests.audit.source.test_hostile import refusals


def bundle(modules, requirements=None):
    texts = [
        SourceText(
            name=name.removesuffix(".__init__"),
            member=name + ".py",
            text=text.encode(),
            package=name.endswith(".__init__"),
        )
        for name, text in modules.items()
    ]
    return source_findings(texts, requirements or {})


def rules(found):
    return {finding.rule.id for finding in found}


def test_an_import_of_a_packed_module_is_no_finding():
    assert bundle({"pack.__init__": "from .a import A", "pack.a": "from . import b\nclass A(b.B): pass", "pack.b": "class B: pass"}) == []  # fmt: skip


@pytest.mark.parametrize(
    "use",
    [
        "from pack.a import o\no.system('id')",
        "import pack.a\npack.a.o.system('id')",
        "from .a import *\no.system('id')",
        "from . import a\na.o.system('id')",
        "from .a import o as x\ny = x\ny.system('id')",
        "from .between import *\no.system('id')",
    ],
)
def test_follows_a_module_through_other_modules(use):
    found = bundle({"pack.a": "import os as o", "pack.between": "from .a import *", "pack.b": use})
    assert any(finding.member == "pack.b.py" and finding.capability == "process" for finding in found)


def test_a_packed_module_that_is_called_like_a_known_one_is_both():
    found = bundle({"subprocess": "run = None", "m": "import subprocess\nsubprocess.run(['id'])"})
    assert any(finding.capability == "process" for finding in found)


def test_names_the_place_the_line_and_when_it_runs():
    (found,) = bundle({"m": "import numpy as np\nclass A:\n    def call(self, x):\n        return np.load(x)"})
    assert (found.place, found.rule.id) == ("m.py:4", "source.filesystem")
    assert found.what == "numpy.load; runs in A.call"


def test_notes_a_requirement_once_and_refuses_an_unknown_import():
    assert rules(bundle({"m": "import spektral\nfrom spektral import layers"}, {"spektral": "spektral"})) == {
        "source.third-party"
    }
    assert rules(bundle({"m": "import spektral"})) == {"source.unknown-import"}


def test_every_capability_has_a_rule_and_every_id_is_its_own():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id.startswith("source.") for rule in RULES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        b"x = 1\n" * 200_000,
        b"a=" * 100_000 + b"1",
        b"\n".join(b"a%d = a%d" % (i, i + 1) for i in range(20_000)) + b"\nimport os\na20000 = os\na0.system",
        b"\n".join(b"a = a.b%d" % i for i in range(5_000)),
        b"import " + b".".join([b"a"] * 100_000),
        b"x = [" * 50_000,
        b"f" + b"()" * 20_000,
        b"# coding: utf-7\n+AGEAYgBj-",
        b"# coding: no-such\n",
        b"\xff\xfe",
        b"x = " + b"9" * 100_000,
        b"if a:\n pass\n" + b"elif b:\n pass\n" * 2_000,
    ],
    ids=range(12),
)
def test_bounds_the_time_of_any_text(text):
    begun = time.process_time()
    found = source_findings([SourceText(name="m", member="m.py", text=text, package=False)], {})
    assert time.process_time() - begun < 20
    assert all(finding.member == "m.py" for finding in found)


def test_refuses_a_file_that_is_too_large():
    text = b"#" * ((1 << 20) + 1)
    assert rules(source_findings([SourceText(name="m", member="m.py", text=text, package=False)], {})) == {
        "source.does-not-parse"
    }


@pytest.mark.parametrize("path", CALL_RULES)
def test_every_function_with_a_rule_must_be_called_where_it_is_named(path):
    # A rule under any other spelling than the canonical one would never be asked.
    assert look(path) == Denoted(path, Kind.CALL, "reflection")
    assert [finding.what for finding in refusals(f"import {path.partition('.')[0]}\nf([{path}])")]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_findings_and_never_an_exception(text):
    for finding in source_findings([SourceText(name="m", member="m.py", text=text, package=False)], {}):
        assert finding.severity in (Severity.CONSENT, Severity.NOTE)


@pytest.mark.parametrize("seed", range(200))
def test_code_that_is_cut_up_gives_findings_and_never_an_exception(seed):
    chance = random.Random(seed)
    sources = [*HOSTILE.values()]
    lines = [line for source in chance.sample(sources, 6) for line in source.splitlines()]
    chance.shuffle(lines)
    for cut in (lines, lines[::2], lines[:3]):
        refusals("\n".join(cut).encode(errors="replace"))
    parsed = [source for source in chance.sample(sources, 4) if "\0" not in source]
    refusals("\n".join(parsed).encode(errors="replace"))
