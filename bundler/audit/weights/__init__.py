"""Judge a model's weights and the arrays of its self-test by what their readers found."""

from bundler.audit.finding import Finding
from bundler.audit.weights.rules import RULES
from bundler.formats.hdf5 import WeightsFile
from bundler.formats.npz import ArraysFile

__all__ = ["RULES", "arrays_findings", "weights_findings"]


_BY_ID = {rule.id: rule for rule in RULES}


def weights_findings(read: WeightsFile, *, member: str, inside: str) -> list[Finding]:
    """Return what is wrong with a file of weights; nothing for one that Keras wrote.

    Args:
        read: the file, as it was read.
        member: the bundle's member that it is, or lies in.
        inside: the file in the member, which the path of an object is put behind.
    """
    return [_BY_ID[item.rule].at(member, item.what, inside=f"{inside}{item.place}") for item in read.problems]


def arrays_findings(read: ArraysFile, *, member: str, inside: str | None = None) -> list[Finding]:
    """Return what is wrong with a file of arrays that kbundle writes.

    Args:
        read: the file, as it was read.
        member: the bundle's member that it is, or lies in.
        inside: its place in the member, for a file that lies in one; else the place of the problem in the file.
    """
    if read.problem is None:
        return []
    return [_BY_ID[read.problem.rule].at(member, read.problem.what, inside=inside or read.problem.place or None)]
