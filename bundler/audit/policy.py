"""What whoever loads bundles accepts: the default, or a TOML file that a company keeps.

::

    name = "corp"                           # shown in every report
    gate = "run"                            # or "strict": what source could do is refused at load, not at its use
    allow = ["filesystem"]                  # capabilities that need no allow= any more
    deny = ["network", "process"]           # capabilities that no allow= and no digest= accepts
    refuse = ["lock.advisory", "policy.*"]  # findings that only warn otherwise, by rule or by part
    distributions = ["keras", "tensorflow*", "numpy"]  # nothing else may be required (names as in PEP 503)

    [require]
    proof = true                            # the author's kbundle has loaded it in a fresh process
    self-test = true
    hashes = true                           # every locked distribution has hashes
    source = true                           # nothing is stored as a pickle

    [maximum]
    file = 2_000_000_000                    # bytes
    source = 5_000_000                      # bytes of all packed modules
    parameters = 1_000_000_000              # scalar weights

A policy only adds to what this version refuses by itself; nothing in it accepts a finding of `Severity.REFUSED`.
"""

from __future__ import annotations

import fnmatch
import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from packaging.utils import canonicalize_name

from bundler.audit.finding import CAPABILITIES, Finding, Held, Rule, Severity
from bundler.errors import BundleError
from bundler.limits import LIMITS
from bundler.manifest import Manifest

#: What decides about code that *could* do more than compute: the guard while it runs, or the audit before it is loaded.
Gate = Literal["run", "strict"]
_GATES: tuple[Gate, ...] = ("run", "strict")

_ASK = "ask whoever keeps the policy, or load it under another one"

DISTRIBUTION = Rule(
    id="policy.distribution",
    severity=Severity.REFUSED,
    title="requires a distribution that the policy does not list",
    why="the code of a requirement runs with the rights of the model's, and nobody here has audited it",
    remedy=_ASK,
)
MISSING = Rule(
    id="policy.missing",
    severity=Severity.REFUSED,
    title="lacks what the policy requires",
    why="the policy requires it of every bundle",
    remedy=f"have the author pack it again with it; or {_ASK}",
)
TOO_LARGE = Rule(
    id="policy.too-large",
    severity=Severity.REFUSED,
    title="is larger than the policy allows",
    why="the policy caps it",
    remedy=_ASK,
)
RULES = (DISTRIBUTION, MISSING, TOO_LARGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What is accepted; the attributes are the keys of the file, in the module's docstring.

    `file_bytes`, `source_bytes` and `parameters` are the keys of ``[maximum]``; `None` means no cap.

    Example:
        >>> policy = bundler.Policy(name="small", parameters=3)
        >>> str(bundler.audit_bundle("model.kbundle", policy=policy).verdict)
        'refused'
    """

    name: str = "default"
    gate: Gate = "run"
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    refuse: tuple[str, ...] = ()
    distributions: tuple[str, ...] | None = None
    proof: bool = False
    self_test: bool = False
    hashes: bool = False
    source: bool = False
    file_bytes: int | None = None
    source_bytes: int | None = None
    parameters: int | None = None


DEFAULT = Policy()


def read_policy(policy: Policy | str | os.PathLike[str] | None) -> Policy:
    """Return the policy of a TOML file.

    Args:
        policy: the path of the file; a `Policy` comes back as it is, and `None` is the default.

    Returns:
        The policy; what the file does not say is as in the default.

    Raises:
        BundleError: there is no such file, it is not TOML, or a key or value is unknown.

    Example:
        >>> import pathlib
        >>> _ = pathlib.Path("corp.toml").write_text('deny = ["network"]')
        >>> bundler.read_policy("corp.toml").deny
        frozenset({'network'})
    """
    if policy is None:
        return DEFAULT
    if isinstance(policy, Policy):
        return policy
    path = Path(policy)
    try:
        with path.open("rb") as file:
            text = file.read(LIMITS.policy + 1)
        if len(text) > LIMITS.policy:
            raise _wrong(path, None, f"at most {LIMITS.policy} bytes", "more")
        table = tomllib.loads(text.decode())
    except OSError as error:
        raise BundleError(
            f"the policy cannot be read: {error.strerror or error}", place=str(path), hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the policy is not TOML: {error}", place=str(path), hint="see docs/audit.md") from error
    return _from_table(path, table)


def _from_table(path: Path, table: Mapping[str, Any]) -> Policy:
    require, maximum = table.get("require", {}), table.get("maximum", {})
    for place, found, known in (
        (None, table, {"name", "gate", "allow", "deny", "refuse", "distributions", "require", "maximum"}),
        ("require", require, {"proof", "self-test", "hashes", "source"}),
        ("maximum", maximum, {"file", "source", "parameters"}),
    ):
        if not isinstance(found, dict):
            raise _wrong(path, place, "a table", found)
        for key in sorted(found.keys() - known):
            raise _wrong(path, f"{place}.{key}" if place else key, f"one of {', '.join(sorted(known))}", key)
    name = table.get("name", path.stem)
    if not isinstance(name, str):
        raise _wrong(path, "name", "a string", name)
    gate = table.get("gate", "run")
    if gate not in _GATES:
        raise _wrong(path, "gate", " or ".join(_GATES), gate)
    distributions = _strings(path, table, "distributions") if "distributions" in table else None
    policy = Policy(
        name=name,
        gate=gate,
        allow=frozenset(_words(path, table, "allow")),
        deny=frozenset(_words(path, table, "deny")),
        refuse=_strings(path, table, "refuse"),
        distributions=distributions,
        proof=_boolean(path, require, "proof"),
        self_test=_boolean(path, require, "self-test"),
        hashes=_boolean(path, require, "hashes"),
        source=_boolean(path, require, "source"),
        file_bytes=_count(path, maximum, "file"),
        source_bytes=_count(path, maximum, "source"),
        parameters=_count(path, maximum, "parameters"),
    )
    if both := sorted(policy.allow & policy.deny):
        raise _wrong(path, "deny", "nothing that allow has too", ", ".join(both))
    return policy


def check_rules(policy: Policy, known: Collection[str]) -> None:
    """Refuse a policy that names a rule which no part of the audit has.

    Raises:
        BundleError: it does; a typing error there would otherwise let in what it was to keep out.
    """
    for pattern in policy.refuse:
        if not fnmatch.filter(known, pattern):
            raise BundleError(
                "the policy refuses a rule that does not exist",
                place=f"policy {policy.name}: refuse",
                expected="a rule's id such as lock.advisory, or a part such as lock.*",
                found=repr(pattern),
                hint="kbundle audit FILE shows the ids of what it finds; docs/audit.md lists them all",
            )


def under(policy: Policy, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield `findings` with the severities that they have under `policy`.

    What is held when it is used is not refused for a word that the policy denies: there the guard refuses it, for good.
    """
    for finding in findings:
        waits = finding.held is Held.USE and policy.gate == "run"
        if finding.severity is not Severity.REFUSED and (
            (finding.capability in policy.deny and not waits)
            or any(fnmatch.fnmatchcase(finding.rule.id, pattern) for pattern in policy.refuse)
        ):
            rule = replace(
                finding.rule, severity=Severity.REFUSED, capability=None, remedy=f"the policy {policy.name!r}: {_ASK}"
            )
            yield replace(finding, rule=rule, held=Held.LOAD)
        else:
            yield finding


def policy_findings(policy: Policy, manifest: Manifest, *, size: int, source_bytes: int) -> Iterator[Finding]:
    """Yield what `policy` finds wrong with a bundle of `size` bytes, of which its modules take `source_bytes`."""
    place = "manifest.json"
    needs = manifest.requirements
    for name, wanted, there in (
        ("a proof", policy.proof, manifest.proof is not None),
        ("a self-test", policy.self_test, manifest.self_test is not None),
        ("hashes of all requirements", policy.hashes, needs.hashes == "all"),
        ("source of every object", policy.source, all(item.opaque is None for item in manifest.objects)),
    ):
        if wanted and not there:
            yield MISSING.at(place, f"the policy {policy.name!r} requires {name}")
    parameters = manifest.payload.parameters.trainable + manifest.payload.parameters.non_trainable
    for name, most, found in (
        ("bytes", policy.file_bytes, size),
        ("bytes of source", policy.source_bytes, source_bytes),
        ("parameters", policy.parameters, parameters),
    ):
        if most is not None and found > most:
            yield TOO_LARGE.at(place, f"{found} {name}; the policy {policy.name!r} allows {most}")
    if policy.distributions is not None:
        listed = [canonicalize_name(pattern) for pattern in policy.distributions]
        for item in (*needs.distributions, *needs.transitive, *needs.packed):
            if not any(fnmatch.fnmatchcase(canonicalize_name(item.name), pattern) for pattern in listed):
                yield DISTRIBUTION.at(place, f"{item.name} {item.version} is not in the policy {policy.name!r}")


def _words(path: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = _strings(path, table, key)
    for word in words:
        if word not in CAPABILITIES:
            raise _wrong(path, key, f"capabilities: {', '.join(CAPABILITIES)}", word)
    return words


def _strings(path: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _wrong(path, key, "a list of strings", found)
    return tuple(found)


def _boolean(path: Path, table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(path, f"require.{key}", "true or false", value)
    return value


def _count(path: Path, table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    # bool is a subclass of int, and TOML tells them apart.
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise _wrong(path, f"maximum.{key}", "a whole number", value)
    return value


def _wrong(path: Path, key: str | None, expected: str, found: Any) -> BundleError:
    return BundleError(
        "the policy has an unknown value",
        place=f"{path}: {key}" if key else str(path),
        expected=expected,
        found=repr(found)[:200],
        hint="docs/audit.md has the keys of a policy",
    )
