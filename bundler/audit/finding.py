"""What an audit says, as data: one shape behind text, JSON, HTML, SARIF and every refusal.

A *rule* is a kind of finding; a *finding* is one place where it applies. A *capability* is what the bundle could do
if it were loaded, and the word with which a caller accepts that: ``allow=["filesystem"]``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FILESYSTEM = "filesystem"
NETWORK = "network"
PROCESS = "process"
NATIVE_CODE = "native-code"
DYNAMIC_CODE = "dynamic-code"
UNSAFE_DESERIALIZATION = "unsafe-deserialization"
ENVIRONMENT = "environment"
REFLECTION = "reflection"
SIDE_EFFECTS = "side-effects"
UNREADABLE = "unreadable"
OPAQUE_CODE = "opaque-code"
NEWER_KERAS = "newer-keras"

#: Every capability, and what it lets the bundle do. There is no word for everything.
CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        FILESYSTEM: "read or write files of this machine",
        NETWORK: "talk to other machines",
        PROCESS: "start, stop or signal processes, or end this one",
        NATIVE_CODE: "load or call machine code that nobody audited",
        DYNAMIC_CODE: "make code from text or data and run it, or import by a name that is computed",
        UNSAFE_DESERIALIZATION: "rebuild objects from data in a way that can run code (pickle, marshal)",
        ENVIRONMENT: "read or change environment variables, and read who and where the user is",
        REFLECTION: "reach objects by computed names or through the interpreter, past what can be read in the source",
        SIDE_EFFECTS: "change what other code in the process does",
        UNREADABLE: "run text that a reader does not see as the interpreter does, or that cannot be parsed",
        OPAQUE_CODE: "run objects that have no source and are stored as a pickle",
        NEWER_KERAS: "make objects of classes of Keras that are newer than this kbundle, and not reviewed",
    }
)


class Severity(enum.StrEnum):
    """What a finding means for whoever wants to load the bundle, worst first."""

    #: No argument accepts it: the file is crafted, damaged, or asks for what Keras must never be asked for.
    REFUSED = "refused"
    #: The bundle loads only where the caller names the finding's capability, or the digest of this very file.
    CONSENT = "consent"
    #: It loads; a reviewer should look.
    WARNING = "warning"
    #: A fact worth knowing.
    NOTE = "note"


class Held(enum.StrEnum):
    """When a finding that asks for consent keeps a bundle from what nobody accepted, under the gate ``run``."""

    #: *Hard*: before anything of the bundle runs. Waiting would make it no better.
    LOAD = "load"
    #: *Soft*: where the code uses it. Naming it does nothing; the guard raises at the use (`bundler.namespace`).
    USE = "use"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A kind of finding.

    Attributes:
        id: ``part.name``, stable between versions: ``source.filesystem``, ``config.lambda``.
        severity: what it means.
        title: what is wrong, in a few words.
        why: the attack or the accident behind it, with its source (CVE id, PEP, section of a standard).
        remedy: what the author or the reviewer does about it.
        capability: a key of `CAPABILITIES`; set exactly where the severity is `Severity.CONSENT`.
    """

    id: str
    severity: Severity
    title: str
    why: str
    remedy: str
    capability: str | None = None

    def __post_init__(self) -> None:
        """Hold a rule to what a verdict relies on: consent needs a word that a caller can give."""
        if (self.severity is Severity.CONSENT) != (self.capability is not None):
            raise ValueError(f"{self.id}: a capability exactly where consent is asked for")
        if self.capability is not None and self.capability not in CAPABILITIES:
            raise ValueError(f"{self.id}: {self.capability!r} is not a capability")

    def at(
        self,
        member: str,
        what: str,
        *,
        line: int | None = None,
        inside: str | None = None,
        held: Held = Held.LOAD,
    ) -> Finding:
        """Return the finding that this rule applies at a place; the arguments are the finding's attributes."""
        return Finding(rule=self, member=member, what=what, line=line, inside=inside, held=held)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One place where a rule applies.

    Attributes:
        rule: the kind of finding; severity, capability, why and remedy are its.
        member: the bundle's member, as the manifest names it.
        what: what was found there, in one line; it may quote the bundle, so it is escaped wherever it is shown.
        line: of source, counted from 1.
        inside: the place within a member that is not source: an RFC 6901 pointer into ``config.json`` of a model, the
            path of an HDF5 object, a function and node of a graph, a file in an archive.
        held: where what it asks for is held. Only what source does can wait for its use.

    Example:
        >>> audit = bundler.audit_bundle("model.kbundle", policy=bundler.Policy(name="small", parameters=3))
        >>> audit.findings[0].rule.id, audit.findings[0].what
        ('policy.too-large', "9 parameters; the policy 'small' allows 3")
    """

    rule: Rule
    member: str
    what: str
    line: int | None = None
    inside: str | None = None
    held: Held = Held.LOAD

    def __post_init__(self) -> None:
        """Hold a finding to what a load relies on: the guard sees what source does, and nothing else."""
        if self.held is Held.USE and not self.rule.id.startswith("source."):
            raise ValueError(f"{self.rule.id}: only what source does is held when it is used")

    @property
    def severity(self) -> Severity:
        """What the finding means for loading."""
        return self.rule.severity

    @property
    def capability(self) -> str | None:
        """The word that accepts the finding, where one does."""
        return self.rule.capability

    @property
    def place(self) -> str:
        """Member, and line or place inside it, as an error shows them."""
        if self.line is not None:
            return f"{self.member}:{self.line}"
        return f"{self.member}: {self.inside}" if self.inside else self.member


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that an audit looked at, or did not.

    Attributes:
        subject: what, in a few words: ``source``, ``known advisories``.
        done: whether it was looked at. What was not is never shown as clean.
        detail: how much was looked at, or why it was not.
    """

    subject: str
    done: bool
    detail: str
