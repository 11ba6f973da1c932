"""Say what can be wrong with a file of arrays: one rule for each id of `bundler.formats.stored_arrays`.

The readers know what Keras writes and nothing more, so nearly every rule refuses. Section numbers are those of the
HDF5 File Format Specification 3.0.
"""

from __future__ import annotations

from bundler.audit.finding import Rule, Severity
from bundler.formats import stored_arrays

_SAVE_AGAIN = "load the weights with Keras and save the model again: model.save('model.keras')"
_NOBODY = "do not load this file; ask the author for one that Keras saved"


def _refused(rule: str, title: str, why: str, remedy: str = _NOBODY) -> Rule:
    return Rule(id=rule, severity=Severity.REFUSED, title=title, why=why, remedy=remedy)


RULES: tuple[Rule, ...] = (
    _refused(
        stored_arrays.NOT_HDF5,
        "the weights are not an HDF5 file from its first byte",
        "HDF5 also looks for its signature at 512, 1024, 2048, ... bytes (II.A), so that another file can lie in front",
    ),
    _refused(
        stored_arrays.STRUCTURE,
        "the HDF5 structures are not the ones that the format describes",
        "libhdf5 is C code with a long line of memory errors on crafted structures; it gets what was read here first",
        "fetch the file again; if it stays so, the file was damaged or crafted",
    ),
    _refused(
        stored_arrays.OTHER_FORMAT,
        "an HDF5 structure that Keras does not write",
        "Keras writes the oldest form of every structure (superblock 0, object headers 1, symbol tables), with h5py "
        "3.11 to 3.16 alike; newer forms bring links, filters and indexes that nothing in a model needs",
        _SAVE_AGAIN,
    ),
    _refused(
        stored_arrays.SIZE,
        "the file is longer or shorter than its superblock says",
        "bytes after the end belong to nothing, and can be another file (II.A, end of file address)",
        "fetch the file again; if it stays so, something was appended to it",
    ),
    _refused(
        stored_arrays.EXTERNAL_STORAGE,
        "an array is to be read from another file of this machine",
        "CVE-2026-1669: Keras before 3.12.1 and 3.13.2 reads that file into the model (IV.A.2.h, external data files)",
    ),
    _refused(
        stored_arrays.VIRTUAL,
        "an array is to be put together from other files of this machine",
        "CVE-2026-12480: a virtual dataset goes around the check for external storage (IV.A.2.i, layout class 3)",
    ),
    _refused(
        stored_arrays.SOFT_LINK,
        "a link that is not a hard link",
        "CVE-2026-9335: a soft or external link leads to another object or file; Keras PR 23168: also in the middle of "
        "a path (III.C, IV.A.2.g)",
    ),
    _refused(
        stored_arrays.ALIAS,
        "an object has two names, or contains itself",
        "a walk over hard links that meet again never ends, or repeats its work a million times; Keras writes one name",
    ),
    _refused(
        stored_arrays.SHAPE,
        "an array has another size than the bytes stored for it",
        "CVE-2026-0897 and CVE-2026-12570: a few bytes that declare terabytes; Keras asks only above 4 GiB and 1000:1",
    ),
    _refused(
        stored_arrays.CHUNKED,
        "an array is stored in chunks, or goes through filters",
        "a chunk unpacks to what its filter says, and filters are plug-ins that libhdf5 loads from a folder "
        "(CVE-2026-2492); Keras stores every array in one piece",
        _SAVE_AGAIN,
    ),
    _refused(
        stored_arrays.DATATYPE,
        "a datatype that no weight has",
        "references, variable lengths and nested types lead elsewhere in the file and are decoded by C code; Keras "
        "writes numbers, booleans, complex numbers and bfloat16",
        _SAVE_AGAIN,
    ),
    _refused(
        stored_arrays.MESSAGE,
        "an object carries a message that Keras does not write",
        "shared messages, committed types, driver information and unknown types are features that no model needs, and "
        "each is a way for two readers to disagree (IV.A.2)",
        _SAVE_AGAIN,
    ),
    _refused(
        stored_arrays.OVERLAP,
        "two structures or arrays share bytes",
        "bytes that are read as two things are how a small file becomes a large one, and how two readers disagree",
    ),
    _refused(
        stored_arrays.NAME,
        "an object has a name that no path can have",
        "CVE-2026-12479: names become paths; '.', '..', '/' or unprintable characters make one path mean another",
    ),
    _refused(
        stored_arrays.LIMIT,
        "the file has more objects, levels or names than any model",
        "the caps are an order of magnitude above the largest model that we know of, and keep time and memory bounded",
    ),
    _refused(
        stored_arrays.LEGACY_MODEL,
        "the weights carry a model of the old HDF5 format",
        "CVE-2025-9905: Keras before 3.11.3 loads a 'model_config' in HDF5 without safe mode",
        _SAVE_AGAIN,
    ),
    Rule(
        id=stored_arrays.HIDDEN,
        severity=Severity.WARNING,
        title="a large part of the file belongs to no array",
        why="HDF5 leaves small holes where a group grew; a hole of this size can carry anything; nothing reads it",
        remedy=_SAVE_AGAIN,
    ),
    _refused(
        stored_arrays.NOT_AN_ARRAY,
        "this is not a plain NumPy array",
        "NumPy evaluates the header of an .npy file as Python, and unpickles an array of objects (CVE-2019-6446); "
        "only a header of plain numbers, booleans or strings has one reading",
        "write it again: numpy.savez(path, name=array), with no object arrays",
    ),
    _refused(
        stored_arrays.ARRAY_SIZE,
        "an array has another size than its header says",
        "CWE-789: NumPy takes the memory that the header asks for before it looks for the bytes",
        "write it again: numpy.savez(path, name=array)",
    ),
    _refused(
        stored_arrays.NOT_ARRAYS,
        "this is not a file of arrays that kbundle writes",
        "numpy.load takes any ZIP: what is compressed, listed twice, hidden between the members or not an array "
        "has no place in a self-test",
        "pack the model again",
    ),
)
