"""The lock against this machine, before any code of the bundle runs and before the framework is imported.

The rules are written down in docs/requirements.md; each row says which one it comes from.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from bundler.limits import LIMITS
from bundler.manifest import Manifest, Payload, PinnedDistribution
from bundler.requirements.machine import FAMILIES, Installed, family_of, find_family, find_installed
from bundler.requirements.transitive import Closed, close_over

#: The oldest that kbundle loads models with. A test compares it with pyproject.toml.
OLDEST = {"keras": Version("3.10"), "tensorflow": Version("2.19")}
#: What the framework needs to be installed, to print and to fetch. None of it takes part in what a model computes.
_TOOLING = frozenset(
    {
        *("absl-py", "certifi", "charset-normalizer", "google-pasta", "idna", "libclang", "markdown", "markdown-it-py"),
        *("markupsafe", "mdurl", "namex", "packaging", "pygments", "requests", "rich", "setuptools", "six"),
        *("tensorboard", "tensorboard-data-server", "termcolor", "typing-extensions", "urllib3", "werkzeug", "wheel"),
    }
)
# Versions that count years say nothing about compatibility.
_YEARS = 1990


class MachineVerdict(StrEnum):
    """What a difference between lock and machine means for the model, worst first."""

    MISSING = "missing"
    WILL_BREAK = "will break"
    MAY_DIFFER = "may differ"
    HARMLESS = "harmless"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One requirement of a bundle, and what this machine has.

    Attributes:
        name: the distribution, or ``python``.
        wanted: the locked version, or the specifier of Python.
        found: the version here, with the distribution's name where it is another of the family; `None`: nothing.
        verdict: what that means.
        reason: why, in words.
        role: ``python``, ``framework``, ``direct`` (the packed code imports it) or ``transitive``.
        as_locked: the version is the locked one.
        install: what an installer would be asked for to mend it; `None` where nothing can be installed.
    """

    name: str
    wanted: str
    found: str | None
    verdict: MachineVerdict
    reason: str
    role: str
    as_locked: bool = False
    install: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every requirement of a bundle against this machine, the worst first.

    `unmeasured` says why the bundle's self-test cannot decide about what may differ; `None`: it decides, at load.
    """

    rows: tuple[Row, ...]
    unmeasured: str | None = None

    @property
    def verdict(self) -> MachineVerdict:
        """The worst verdict of all rows."""
        return self.rows[0].verdict if self.rows else MachineVerdict.HARMLESS

    def of(self, *verdicts: MachineVerdict) -> tuple[Row, ...]:
        """Return the rows with one of these verdicts."""
        return tuple(row for row in self.rows if row.verdict in verdicts)


def compare(manifest: Manifest, payload: Payload) -> Comparison:
    """Compare the requirements of a bundle with what is installed here; nothing is imported.

    For a graph, none of the bundle's code runs: the framework alone counts.

    Args:
        manifest: what the bundle says.
        payload: the one that is to be loaded.
    """
    graph = payload.fidelity == "inference"
    needs = manifest.requirements
    rows = [_python(manifest, graph=graph)]
    installed: dict[str, Installed] = {}
    roots: list[str] = []
    for pin in needs.distributions:
        top = family_of(pin.name) or next((name for name in FAMILIES if name in pin.imports), None)
        if graph and top is None:
            continue
        found = find_family(top) if top is not None else find_installed(pin.name)
        if found is not None:
            installed[found.name] = found
            roots += [] if top is None else [found.name]
        rows.append(_framework(pin, top, found, payload, graph=graph) if top is not None else _direct(pin, found))
    if not graph:
        extras = {pin.name: pin.extras for pin in needs.distributions}
        here = close_over((name, extras.get(name, ())) for name in sorted(installed))
        frameworks = close_over((name, ()) for name in roots)
        rows += [_transitive(pin, here, frameworks) for pin in needs.transitive if family_of(pin.name) is None]
    order = list(MachineVerdict)
    ordered = tuple(sorted(rows, key=lambda row: order.index(row.verdict)))
    return Comparison(rows=ordered, unmeasured=_unmeasured(manifest, payload))


def _unmeasured(manifest: Manifest, payload: Payload) -> str | None:
    if manifest.self_test is None:
        return "the bundle has no self-test"
    if not manifest.self_test.deterministic:
        return "the model is random, so its self-test compares no numbers"
    if payload.parameters.trainable + payload.parameters.non_trainable > LIMITS.replayed_parameters:
        return "the model is too large to be run unasked; self_test=True runs its self-test"
    return None


def _python(manifest: Manifest, *, graph: bool) -> Row:
    running = platform.python_version()
    needs = manifest.requirements
    packed = needs.packed_under
    wanted = f"{needs.python}, packed under {packed}" if packed else needs.python
    verdict, reason = MachineVerdict.HARMLESS, "the Python that it was packed under"
    if graph:
        reason = "none of the bundle's code runs"
    elif not _contains(needs.python, running):
        verdict, reason = MachineVerdict.WILL_BREAK, "this Python cannot read the code"
    elif packed is not None and not running.startswith(f"{packed}."):
        verdict, reason = MachineVerdict.MAY_DIFFER, "another Python than the one that it was packed under"
    as_locked = packed is None or running.startswith(f"{packed}.")
    return Row(
        name="python", wanted=wanted, found=running, verdict=verdict, reason=reason, role="python", as_locked=as_locked
    )


def _framework(pin: PinnedDistribution, top: str, found: Installed | None, payload: Payload, *, graph: bool) -> Row:
    if found is None:
        return _row(pin, None, MachineVerdict.MISSING, f"nothing here provides {top}", "framework")
    verdict, reason = _difference(pin.version, found.version)
    oldest = OLDEST[top]
    here, saved = parsed_version(found.version), parsed_version(payload.keras_version)
    packed = parsed_version(payload.tensorflow_version)
    if here is not None and here.release < oldest.release:
        verdict, reason = MachineVerdict.WILL_BREAK, f"kbundle needs {top} {oldest} or newer"
    elif top == "keras" and here is not None and saved is not None and here < saved:
        if graph:
            verdict, reason = MachineVerdict.MAY_DIFFER, f"older than the Keras of the author ({saved}), for a graph"
        elif here.release[:2] == saved.release[:2] and not here.is_prerelease:
            verdict, reason = (
                MachineVerdict.MAY_DIFFER,
                f"an older patch release of the Keras that saved the model ({saved})",
            )
        else:
            verdict, reason = MachineVerdict.WILL_BREAK, f"older than the Keras that saved the model ({saved})"
    elif graph and here is not None and packed is not None and here.release[:2] < packed.release[:2]:
        verdict, reason = MachineVerdict.WILL_BREAK, f"older than the TensorFlow that made the graph ({packed})"
    elif verdict is MachineVerdict.HARMLESS and found.name != pin.name:
        reason = f"another build of {top}: {reason}"
    return _row(pin, found, verdict, reason, "framework")


def _direct(pin: PinnedDistribution, found: Installed | None) -> Row:
    if found is None and pin.optional:
        return _row(pin, None, MachineVerdict.MAY_DIFFER, "optional: the code goes on without it", "direct")
    if found is None:
        return _row(
            pin, None, MachineVerdict.MISSING, f"the code imports {', '.join(pin.imports) or pin.name}", "direct"
        )
    return _row(pin, found, *_difference(pin.version, found.version), "direct")


def _transitive(pin: PinnedDistribution, here: Closed, frameworks: Closed) -> Row:
    """Judge what the code does not import itself by what the distributions that are installed here say they need.

    `here` is all that the bundle leads to on this machine, `frameworks` what Keras and TensorFlow lead to.
    """
    found = find_installed(pin.name)
    row = functools.partial(_row, pin, found, role="transitive")
    demands = [demand for demand in here.demands if demand.name == pin.name]
    if found is None:
        if demands:
            return row(MachineVerdict.MISSING, f"{demands[0].by} needs it")
        return row(MachineVerdict.HARMLESS, "nothing that is installed here needs it", same=True)
    if _same(pin.version, found.version):
        return row(MachineVerdict.HARMLESS, "the locked version")
    broken = next((demand for demand in demands if not _allows(demand.specifier, found.version)), None)
    if broken is not None:
        return row(MachineVerdict.WILL_BREAK, f"{broken.by} needs {pin.name}{broken.specifier}")
    if pin.name in _TOOLING and all(demand.by in frameworks.found for demand in demands):
        return row(MachineVerdict.HARMLESS, "a tool of the framework, which computes nothing")
    verdict, reason = _difference(pin.version, found.version)
    if verdict is MachineVerdict.WILL_BREAK:
        by = f", which {demands[0].by} takes" if demands else ""
        return row(MachineVerdict.MAY_DIFFER, f"{reason}{by}")
    return row(MachineVerdict.HARMLESS, "the code does not import it itself")


def _difference(wanted: str, found: str) -> tuple[MachineVerdict, str]:
    """Judge another version of the same distribution."""
    locked, here = parsed_version(wanted), parsed_version(found)
    if wanted == found or (locked is not None and locked == here):
        return MachineVerdict.HARMLESS, "the locked version"
    if locked is None or here is None:
        return MachineVerdict.MAY_DIFFER, "versions that PEP 440 does not order"
    if locked.public == here.public:
        return MachineVerdict.HARMLESS, "another build of the locked version"
    if locked.base_version == here.base_version and locked.pre == here.pre and locked.dev == here.dev:
        return MachineVerdict.HARMLESS, "another post-release of the locked version"
    by_year = min(locked.major, here.major) >= _YEARS
    if (locked.epoch, locked.major) != (here.epoch, here.major) and not by_year:
        return MachineVerdict.WILL_BREAK, "another major version"
    if here.is_prerelease:
        return MachineVerdict.MAY_DIFFER, "a prerelease"
    return (
        MachineVerdict.MAY_DIFFER,
        "newer than the locked version" if here > locked else "older than the locked version",
    )


def _row(
    pin: PinnedDistribution,
    found: Installed | None,
    verdict: MachineVerdict,
    reason: str,
    role: str,
    *,
    same: bool = False,
) -> Row:
    shown = None
    if found is not None:
        shown = found.version if found.name == pin.name else f"{found.name} {found.version}"
    return Row(
        name=pin.name,
        wanted=pin.version,
        found=shown,
        verdict=verdict,
        reason=reason,
        role=role,
        as_locked=same or (found is not None and _same(pin.version, found.version)),
        install=_install(pin, found),
    )


def _install(pin: PinnedDistribution, found: Installed | None) -> str | None:
    """Return what to ask an installer for: the variant that is here already, where one is."""
    source = pin.source
    name = found.name if found is not None else pin.name
    extras = f"[{','.join(pin.extras)}]" if pin.extras and name == pin.name else ""
    if source is not None and source.kind not in ("vcs", "archive"):
        return None
    if source is not None and source.url is not None:
        url, mark, fragment = source.url.partition("#")
        at = f"@{source.revision}" if source.revision else ""
        return f"{name}{extras} @ {url}{at}{mark}{fragment}"
    return f"{name}{extras}=={pin.version}"


def _same(wanted: str, found: str) -> bool:
    locked, here = parsed_version(wanted), parsed_version(found)
    return wanted == found or (locked is not None and here is not None and locked.public == here.public)


def parsed_version(text: str) -> Version | None:
    """Return the version that `text` is, `None` where it is none of PEP 440."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _contains(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        # Whoever wrote the bundle said nothing that can be checked; the code itself will tell.
        return True


def _allows(specifier: SpecifierSet, version: str) -> bool:
    try:
        return specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return True


def fixes(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return what an installer would be asked for to mend `rows`, sorted."""
    return tuple(sorted({row.install for row in rows if row.install is not None and not row.as_locked}))
