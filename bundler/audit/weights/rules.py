"""What is wrong with a file of weights: the rules, and the exception that carries one out of a parser.

The readers here know what Keras writes and nothing more, so nearly every rule refuses. Section numbers are those of
the HDF5 File Format Specification 3.0.
"""

from __future__ import annotations

from bundler.audit.finding import Rule, Severity

_SAVE_AGAIN = "load the weights with Keras and save the model again: model.save('model.keras')"
_NOBODY = "do not load this file; ask the author for one that Keras saved"


def _refused(name: str, title: str, why: str, remedy: str = _NOBODY) -> Rule:
    return Rule(id=f"weights.{name}", severity=Severity.REFUSED, title=title, why=why, remedy=remedy)


NOT_HDF5 = _refused(
    "not-hdf5",
    "the weights are not an HDF5 file from its first byte",
    "HDF5 also looks for its signature at 512, 1024, 2048, ... bytes (II.A), so that another file can lie in front",
)
STRUCTURE = _refused(
    "structure",
    "the HDF5 structures are not the ones that the format describes",
    "libhdf5 is C code with a long line of memory errors on crafted structures; it gets only what was read here first",
    "fetch the file again; if it stays so, the file was damaged or crafted",
)
OTHER_FORMAT = _refused(
    "other-format",
    "an HDF5 structure that Keras does not write",
    "Keras writes the oldest form of every structure (superblock 0, object headers 1, symbol tables), with h5py "
    "3.11 to 3.16 alike; newer forms bring links, filters and indexes that nothing in a model needs",
    _SAVE_AGAIN,
)
SIZE = _refused(
    "file-size",
    "the file is longer or shorter than its superblock says",
    "bytes after the end belong to nothing, and can be another file (II.A, end of file address)",
    "fetch the file again; if it stays so, something was appended to it",
)
EXTERNAL_STORAGE = _refused(
    "external-storage",
    "an array is to be read from another file of this machine",
    "CVE-2026-1669: Keras before 3.12.1 and 3.13.2 reads that file into the model (IV.A.2.h, external data files)",
)
VIRTUAL = _refused(
    "virtual",
    "an array is to be put together from other files of this machine",
    "CVE-2026-12480: a virtual dataset goes around the check for external storage (IV.A.2.i, layout class 3)",
)
SOFT_LINK = _refused(
    "link",
    "a link that is no hard link",
    "CVE-2026-9335: a soft or external link leads to another object or file; Keras PR 23168: also in the middle of a "
    "path (III.C, IV.A.2.g)",
)
ALIAS = _refused(
    "alias",
    "an object has two names, or contains itself",
    "a walk over hard links that meet again never ends, or does the same work a million times; Keras writes one name",
)
SHAPE = _refused(
    "shape",
    "an array has another size than the bytes stored for it",
    "CVE-2026-0897 and CVE-2026-12570: a few bytes that declare terabytes; Keras asks only above 4 GiB and 1000:1",
)
CHUNKED = _refused(
    "chunked",
    "an array is stored in chunks, or goes through filters",
    "a chunk unpacks to what its filter says, and filters are plug-ins that libhdf5 loads from a folder "
    "(CVE-2026-2492); Keras stores every array in one piece",
    _SAVE_AGAIN,
)
DATATYPE = _refused(
    "datatype",
    "a datatype that no weight has",
    "references, variable lengths and nested types lead elsewhere in the file and are decoded by C code; Keras "
    "writes numbers, booleans, complex numbers and bfloat16",
    _SAVE_AGAIN,
)
MESSAGE = _refused(
    "message",
    "an object carries a message that Keras does not write",
    "shared messages, committed types, driver information and unknown types are features that no model needs, and "
    "each is a way for two readers to disagree (IV.A.2)",
    _SAVE_AGAIN,
)
OVERLAP = _refused(
    "overlap",
    "two structures or arrays share bytes",
    "bytes that are read as two things are how a small file becomes a large one, and how two readers disagree",
)
NAME = _refused(
    "name",
    "an object has a name that no path can have",
    "CVE-2026-12479: names become paths; '.', '..', '/' or unprintable characters make one path mean another",
)
LIMIT = _refused(
    "limit",
    "the file has more objects, levels or names than any model",
    "the caps are an order of magnitude above the largest model that we know of, and keep time and memory bounded",
)
LEGACY_MODEL = _refused(
    "legacy-model",
    "the weights carry a model of the old HDF5 format",
    "CVE-2025-9905: Keras before 3.11.3 loads a 'model_config' in HDF5 without safe mode",
    _SAVE_AGAIN,
)
HIDDEN = Rule(
    id="weights.hidden-bytes",
    severity=Severity.WARNING,
    title="a large part of the file belongs to no array",
    why="HDF5 leaves small holes where a group grew; a hole of this size can carry anything, though nothing reads it",
    remedy=_SAVE_AGAIN,
)
NOT_AN_ARRAY = Rule(
    id="arrays.not-an-array",
    severity=Severity.REFUSED,
    title="this is no plain NumPy array",
    why="NumPy evaluates the header of an .npy file as Python, and unpickles an array of objects (CVE-2019-6446); "
    "only a header of plain numbers, booleans or strings has one reading",
    remedy="write it again: numpy.savez(path, name=array), with no object arrays",
)
ARRAY_SIZE = Rule(
    id="arrays.size",
    severity=Severity.REFUSED,
    title="an array has another size than its header says",
    why="CWE-789: NumPy takes the memory that the header asks for before it looks for the bytes",
    remedy="write it again: numpy.savez(path, name=array)",
)
NOT_ARRAYS = Rule(
    id="arrays.not-a-file-of-arrays",
    severity=Severity.REFUSED,
    title="this is no file of arrays that kbundle writes",
    why="numpy.load takes any ZIP: what is compressed, listed twice, hidden between the members or not an array has "
    "no place in a self-test",
    remedy="pack the model again",
)

RULES: tuple[Rule, ...] = (
    NOT_HDF5, STRUCTURE, OTHER_FORMAT, SIZE, EXTERNAL_STORAGE, VIRTUAL, SOFT_LINK, ALIAS, SHAPE, CHUNKED, DATATYPE,
    MESSAGE, OVERLAP, NAME, LIMIT, LEGACY_MODEL, HIDDEN, NOT_AN_ARRAY, ARRAY_SIZE, NOT_ARRAYS,
)  # fmt: skip


class Refused(Exception):
    """A parser met what it does not accept: the `rule`, and `what` it met."""

    def __init__(self, rule: Rule, what: str) -> None:
        super().__init__(what)
        self.rule = rule
        self.what = what
