"""Published holes of Keras and TensorFlow that matter to whoever loads a model, with the versions that have them.

A table in the repo, so that an audit answers without a network; `DATE` says how old it is. It holds what concerns the
loading of a file (Keras's config, weights and archives, and TensorFlow's search path for HDF5 plug-ins), not the long
list of crashes in TensorFlow's kernels: for those an OSV folder is asked (`bundler.audit.lock.osv`).

Versions that have a hole are half-open ranges of PEP 440 versions. Where a branch got a fix of its own (3.12.1 beside
3.13.2) there is a range for each, and the later one begins with the first pre-release of its branch. A pre-release of
a fixed version counts as not fixed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from bundler.requirements.machine import family_of

#: When the table was compared with its sources.
DATE = "2026-11-25"
#: Where the rows come from.
SOURCE = (
    "the GitHub advisories (GHSA) and CVE records of keras-team/keras, keras-team/tf-keras and tensorflow/tensorflow"
)

_TF_KERAS = ("tf-keras", "tf-keras-nightly")


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One published hole.

    Attributes:
        id: the CVE, or the pull request where there is none.
        aliases: other names of it.
        family: ``keras``, ``tensorflow`` or ``tf-keras``; each of its distributions has the hole.
        ranges: pairs (first version that has it, first that has not); `None` for no bound.
        what: the attack.
        closed_by: what of a bundle's audit or loading leaves the attack nothing to work on; `None` where it stays open
            to the bundle's own code or to the machine.
    """

    id: str
    aliases: tuple[str, ...] = ()
    family: str = "keras"
    ranges: tuple[tuple[str | None, str | None], ...]
    what: str
    closed_by: str | None = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The first version of each branch that has no such hole; empty where there is none yet."""
        return tuple(end for _, end in self.ranges if end is not None)

    def affects(self, version: Version) -> bool:
        """Say whether `version`, without its local part, has the hole."""
        public = Version(version.public)
        return any(
            (start is None or Version(start) <= public) and (end is None or public < Version(end))
            for start, end in self.ranges
        )


_CONFIG = "the audit of the model's config"
_WEIGHTS = "the audit of the weights"
_NO_H5 = "kbundle, which holds no legacy HDF5 model"
#: Fixed in 3.12.1 and 3.13.2, and in 3.12.3 and 3.15.0.
_EARLY_2026 = (("3.0.0", "3.12.1"), ("3.13.0.dev0", "3.13.2"))
_JUNE_2026 = ((None, "3.12.3"), ("3.13.0.dev0", "3.15.0"))

ADVISORIES = (
    Advisory(
        id="CVE-2024-3660",
        ranges=((None, "2.13.0"),),
        what="a Lambda layer in the config runs marshalled code",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2024-55459",
        ranges=((None, "3.8.0"),),
        what="keras.utils.get_file extracts an archive that writes anywhere",
    ),
    Advisory(
        id="CVE-2025-1550",
        ranges=(("3.0.0", "3.9.0"),),
        what="a node of the config imports any module",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2025-8747",
        aliases=("GHSA-c9rc-mg46-23w3",),
        ranges=(("3.0.0", "3.11.0"),),
        what="a function node of the config calls a Keras helper such as get_file",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2025-9906",
        ranges=(("3.0.0", "3.11.0"),),
        what="a function node of the config switches safe mode off",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2025-9905",
        ranges=(("3.0.0", "3.11.3"),),
        what="a legacy .h5 model runs a Lambda whatever safe mode says",
        closed_by=_NO_H5,
    ),
    Advisory(
        id="CVE-2025-49655",
        ranges=(("3.11.0.dev0", "3.11.3"),),
        what="TorchModuleWrapper unpickles text of the config",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2025-12058",
        ranges=(("3.0.0", "3.12.0"),),
        what="a lookup layer's vocabulary is a path or an address that gets read",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2025-12060",
        ranges=((None, "3.12.0"),),
        what="keras.utils.get_file extracts an archive that writes anywhere",
    ),
    Advisory(
        id="CVE-2025-12638",
        ranges=((None, "3.12.0"),),
        what="keras.utils.get_file extracts an archive that writes anywhere",
    ),
    Advisory(
        id="CVE-2026-0897",
        aliases=("GHSA-xfhx-r7ww-5995",),
        ranges=_EARLY_2026,
        what="an HDF5 dataset declares a shape that fills the memory",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="CVE-2026-12570",
        ranges=(("3.0.0", "3.15.0"),),
        what="an HDF5 dataset declares a shape that fills the memory, past the check of CVE-2026-0897",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="CVE-2026-1669",
        aliases=("GHSA-3m4q-jmj6-r34q",),
        ranges=_EARLY_2026,
        what="an HDF5 dataset with external storage reads any file",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="CVE-2026-1462",
        aliases=("GHSA-4f3f-g24h-fr8m",),
        ranges=_EARLY_2026,
        what="TFSMLayer loads a SavedModel from a path of the config",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2026-11816",
        ranges=((None, "3.14.0"),),
        what="members of an archive are checked against the wrong folder and written outside the target",
    ),
    Advisory(
        id="CVE-2026-12479",
        ranges=_JUNE_2026,
        what="a layer's name with '..' in it writes outside the folder",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2026-12480",
        ranges=_JUNE_2026,
        what="an HDF5 virtual dataset reads another file",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="CVE-2026-12481",
        ranges=_JUNE_2026,
        what="Lambda.from_config runs marshalled code outside a scope",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2026-12482",
        ranges=_JUNE_2026,
        what="a symbolic link in an archive writes outside the target",
    ),
    Advisory(
        id="CVE-2026-12484",
        ranges=_JUNE_2026,
        what="TorchModuleWrapper.from_config unpickles outside a scope",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2026-9335",
        aliases=("CVE-2026-9337", "CVE-2026-9630"),
        ranges=_JUNE_2026,
        what="an HDF5 link in the weights leads to another file",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="keras-team/keras#23168",
        ranges=((None, "3.15.1"),),
        what="an HDF5 link in the middle of a path leads to another file",
        closed_by=_WEIGHTS,
    ),
    Advisory(
        id="keras-team/keras#23654",
        ranges=(("3.0.0", None),),
        what="TFSMLayer is reached as a function or through a wrapper",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="keras-team/tf-keras#910",
        family="tf-keras",
        ranges=((None, None),),
        what="the config imports any module, and a legacy .h5 model runs a Lambda",
        closed_by=_CONFIG,
    ),
    Advisory(
        id="CVE-2026-2492",
        family="tensorflow",
        ranges=((None, "2.21.0"),),
        what="HDF5 loads plug-ins, which are machine code, from a folder that another user may write",
    ),
)


def family(name: str, imports: Collection[str] = ()) -> str | None:
    """Return the family of a distribution: by its canonical name, or by what is imported from a vendor's build."""
    if name in _TF_KERAS:
        return "tf-keras"
    return family_of(name) or next((top for top in ("tensorflow", "keras") if top in imports), None)


def advisories_for(kind: str | None, version: str) -> Iterator[Advisory]:
    """Yield the advisories that a version of a family has.

    Raises:
        InvalidVersion: the version is none of PEP 440's; that none applies cannot be said then.
    """
    if kind is None:
        return
    parsed = parse(version)
    for advisory in ADVISORIES:
        if advisory.family == kind and advisory.affects(parsed):
            yield advisory


def parse(version: str) -> Version:
    """Return a version of a stranger's file, which may be very long.

    Raises:
        InvalidVersion: it is none of PEP 440's.
    """
    if len(version) > 100:
        raise InvalidVersion(version[:40])
    try:
        return Version(version)
    except InvalidVersion:
        raise
    except ValueError as error:
        raise InvalidVersion(version) from error
