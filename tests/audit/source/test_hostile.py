"""Every hostile module is refused by the gate `strict`; by `run` those that the guard could not hold."""

import pytest

from bundler.audit.finding import Finding, Held, Severity
from bundler.audit.source import SourceText, source_findings
from tests.audit.source.hostile import HOSTILE

REQUIREMENTS = {"spektral": "spektral", "pandas": "pandas", "torch": "torch", "joblib": "joblib", "psutil": "psutil"}


def refusals(source: str | bytes, requirements: dict[str, str] = REQUIREMENTS) -> list[Finding]:
    """Return what the gate `strict` asks consent for."""
    text = source if isinstance(source, bytes) else source.encode()
    found = source_findings([SourceText(name="pack.m", member="m.py", text=text, package=False)], requirements)
    return [finding for finding in found if finding.severity is Severity.CONSENT]


def hard(source: str | bytes) -> list[str]:
    """Return what the gate `run` asks consent for: what is not left to the guard."""
    return [finding.what for finding in refusals(source) if finding.held is Held.LOAD]


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses_a_hostile_module_by_the_strict_gate(name):
    assert refusals(HOSTILE[name])


@pytest.mark.parametrize("name", [name for name, source in HOSTILE.items() if ".system('id')" in source])
def test_refuses_handing_a_module_on_whatever_is_done_with_it(name):
    # Not the telling name of the function is what is found, but where the module goes.
    assert refusals(HOSTILE[name].replace(".system('id')", ".shape"))
