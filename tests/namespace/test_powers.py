"""Invariant V1: a power that the lists know is decided by the hook, or reached through a stub, under every name."""

from __future__ import annotations

import importlib
import random
import types
from types import ModuleType

import pytest

from bundler.audit.source.exported_names import exported
from bundler.audit.source.lookup import Kind, look
from bundler.namespace.views import View
from tests.namespace.powers import handed_out_raw, powers, reach_of

# Newer Pythons warn about some names when they are looked up.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def known() -> list[tuple[ModuleType, str, str]]:
    return list(powers(frameworks=False))


def test_no_power_of_python_is_handed_out_as_it_is(known: list[tuple[ModuleType, str, str]]) -> None:
    assert len(known) > 1_000
    assert handed_out_raw(reach_of(), known) == []


@pytest.mark.parametrize("seed", range(20))
def test_notices_a_power_that_falls_out_of_the_lists(known: list[tuple[ModuleType, str, str]], seed: int) -> None:
    # What a stand-in replaces is held by that, whatever the lists say.
    reach = reach_of()
    replaced = [item for item in known if look(f"{item[1]}.{item[2]}").path not in reach._stand_ins]
    module, module_name, name = random.Random(seed).choice(replaced)
    lost = f"{module_name}.{name}"
    assert lost in handed_out_raw(reach_of(plain=lost), [(module, module_name, name)])


def test_a_module_is_a_view_wherever_it_is_found() -> None:
    reach = reach_of()
    for name in sorted(exported()):
        if look(name).kind is not Kind.MODULE or name.partition(".")[0] in ("tensorflow", "keras"):
            continue
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for member, value in vars(module).items():
            if isinstance(value, types.ModuleType) and not member.startswith("__"):
                got = reach.member(module, look(name).path, member)
                assert isinstance(got, View) or not isinstance(got, types.ModuleType), f"{name}.{member}"
