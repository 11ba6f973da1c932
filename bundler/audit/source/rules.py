"""The kinds of finding of Python source: one for each capability, and those that no capability's name tells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bundler.audit import finding
from bundler.audit.finding import Rule, Severity

_REMEDY = "take it out of the packed code, or have whoever loads the bundle accept it with allow=[{!r}]"


def _consent(name: str, capability: str, title: str, why: str) -> Rule:
    remedy = _REMEDY.format(capability)
    return Rule(
        id=f"source.{name}", severity=Severity.CONSENT, title=title, why=why, remedy=remedy, capability=capability
    )


#: The rule that a capability's use falls under.
OF_CAPABILITY: Mapping[str, Rule] = MappingProxyType(
    {
        capability: _consent(capability, capability, title, why)
        for capability, title, why in (
            (finding.FILESYSTEM, "reads or writes files",
             "a layer that computes needs no file; reading one leaks it, writing one changes the machine (CWE-73)"),
            (finding.NETWORK, "uses the network",
             "a connection carries data out and code in (CWE-494)"),
            (finding.PROCESS, "starts, signals or ends a process",
             "whoever starts a program runs code that nobody audited (CWE-78)"),
            (finding.NATIVE_CODE, "loads or calls machine code",
             "machine code is past what source shows, and past every check of the interpreter (CWE-114)"),
            (finding.DYNAMIC_CODE, "makes code from data",
             "code that is made at run time is not in the source that was audited (CWE-95)"),
            (finding.UNSAFE_DESERIALIZATION, "rebuilds objects from data in a way that can run code",
             "a pickle calls what it names (CWE-502); so does a Keras config (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906)"),
            (finding.ENVIRONMENT, "reads or changes the process's surroundings",
             "environment variables hold passwords and choose what programs load (CWE-526)"),
            (finding.REFLECTION, "reaches objects through the interpreter",
             "frames, __globals__, __subclasses__ and computed names lead from any object to any other (CWE-470)"),
            (finding.SIDE_EFFECTS, "changes what other code does",
             "code that replaces or reconfigures a library acts in the caller's name, later and elsewhere (CWE-913)"),
        )
    }
)  # fmt: skip
UNRESOLVED, UNKNOWN_IMPORT, HIDDEN_TEXT, DOES_NOT_PARSE = (
    _consent(*row)
    for row in (
        ("unresolved", finding.REFLECTION, "uses what cannot be resolved by reading",
         "a module or function that leaves what can be followed may be used for anything afterwards"),
        ("unknown-import", finding.DYNAMIC_CODE, "imports what nothing names",
         "neither the standard library, nor the framework, nor the lock, nor the bundle has it: it is whatever the machine"
         " has under that name (CWE-427)"),
        ("hidden-text", finding.UNREADABLE, "text that a reader does not see as Python does",
         "bidirectional controls and look-alike letters hide code from reviewers (CVE-2021-42574, CVE-2021-42694; PEP 672)"),
        ("does-not-parse", finding.UNREADABLE, "source that cannot be read",
         "what is not parsed is not audited; another version of Python may run it"),
    )
)  # fmt: skip
THIRD_PARTY = Rule(
    id="source.third-party",
    severity=Severity.NOTE,
    title="uses a requirement whose own code is not audited",
    why="the code of a requirement runs with the rights of the model's; only known sinks of it are looked for",
    remedy="judge the distribution as any other that you install; a policy can list those that are allowed",
)

RULES: tuple[Rule, ...] = (
    *OF_CAPABILITY.values(),
    UNRESOLVED,
    UNKNOWN_IMPORT,
    HIDDEN_TEXT,
    DOES_NOT_PARSE,
    THIRD_PARTY,
)
