"""Objects without source: what their pickles import, without unpickling them.

Nobody can read what such an object does, so all of it is one question (``opaque-code``); the names that it imports,
and the names in its bytecode as far as they can be told, are what a reviewer has to decide by. Names that are known
to reach further than computing ask for their own word as well.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bundler.audit import finding
from bundler.audit.source.attribute_names import DANGEROUS, ORDINARY, UNSEEN_POWERS, VALUES
from bundler.audit.source.exported_names import public_attributes, standard_library
from bundler.audit.source.lookup import DEPTH, Kind, look, told
from bundler.formats.pickles import Fault, Pickled, PickledImport, read_pickles

_PACK_AGAIN = "have the author pack the object from source, or again with kbundle"
_FROM_SOURCE = "have the author define it in a module, so that its source travels and can be read"
_PICKLE = "unpickling imports and calls what the pickle names (the warning in the documentation of Python's pickle)"

CODE = finding.Rule(
    id="opaque.code",
    severity=finding.Severity.CONSENT,
    capability=finding.OPAQUE_CODE,
    title="is stored as a pickle",
    why=f"it has no source that anybody could read: {_PICKLE}",
    remedy=_FROM_SOURCE,
)
_WHAT = {
    finding.FILESYSTEM: "names what reaches files",
    finding.NETWORK: "names what reaches other machines",
    finding.PROCESS: "names what starts, stops or signals processes",
    finding.NATIVE_CODE: "names what loads or calls machine code",
    finding.DYNAMIC_CODE: "names what runs text or data as code",
    finding.UNSAFE_DESERIALIZATION: "names what unpickles or unmarshals",
    finding.ENVIRONMENT: "names what reads or changes the environment",
    finding.REFLECTION: "names what reaches through the interpreter",
    finding.SIDE_EFFECTS: "names what changes the process for others",
}
#: The rule of each capability that a name in a pickle can ask for.
POWERS: Mapping[str, finding.Rule] = {
    capability: finding.Rule(
        id=f"opaque.{capability}",
        severity=finding.Severity.CONSENT,
        capability=capability,
        title=title,
        why=f"{_PICKLE}; its bytecode cannot be read, only the names in it, so this is the least that it can do",
        remedy=_FROM_SOURCE,
    )
    for capability, title in _WHAT.items()
}
LONG = finding.Rule(
    id="opaque.too-long",
    severity=finding.Severity.CONSENT,
    capability=finding.UNREADABLE,
    title="is a pickle too long to be listed",
    why="the names in the rest of it are not known",
    remedy="have the author keep large values in data files, not inside the object",
)


def _refused(name: str, title: str, why: str) -> finding.Rule:
    return finding.Rule(
        id=f"opaque.{name}", severity=finding.Severity.REFUSED, title=title, why=why, remedy=_PACK_AGAIN
    )


FAULTS: Mapping[Fault, finding.Rule] = {
    Fault.MALFORMED: _refused(
        "malformed",
        "is not a pickle",
        "a pickle that breaks off has run all before the break when that is noticed (nullifAI, February 2025)",
    ),
    Fault.TRAILING: _refused(
        "trailing-data",
        "has bytes after the pickle",
        "a reader that stops at the first STOP shows another program than one that goes on",
    ),
    Fault.PERSISTENT_ID: _refused(
        "persistent-id",
        "refers to what is neither in it nor in the bundle",
        "ids that mean something are ('kbundle', module) and ('kbundle', module, qualname), SPEC.md section 10",
    ),
    Fault.EXTENSION: _refused(
        "extension-registry",
        "imports by a number",
        "EXT1, EXT2 and EXT4 import what the process has registered under a number (PEP 307), which no file shows",
    ),
    Fault.OPCODE: _refused(
        "foreign-opcode",
        "was not written by cloudpickle",
        "protocol 5 of Python's own pickler never writes it (PEP 574); hand-made pickles do, to get past scanners",
    ),
    Fault.UNRESOLVED: _refused(
        "computed-import",
        "imports by a name that is computed",
        "cloudpickle writes every name as text; a name from a call is there to be hidden from whoever lists names",
    ),
    Fault.CHANGES: _refused(
        "changes-import",
        "changes what it imports",
        "cloudpickle only fills what the pickle itself makes; this would change a module or class of the process",
    ),
}
RULES = (CODE, *POWERS.values(), LONG, *FAULTS.values())

_CLOUDPICKLE = """
    _make_skeleton_class _class_setstate _make_function _function_setstate _builtin_type _make_cell _make_empty_cell
    _make_skeleton_enum _make_typevar subimport dynamic_subimport _make_dict_keys _make_dict_values _make_dict_items
    _get_dataclass_field_type_sentinel
"""
_OTHERS = """
    builtins.getattr builtins.type abc.ABCMeta types.CodeType re._compile array._array_reconstructor
    dataclasses._MISSING_TYPE dataclasses._DataclassParams dataclasses._HAS_DEFAULT_FACTORY_CLASS
    numpy._core.numeric._frombuffer numpy.core.numeric._frombuffer
    numpy._core.multiarray.scalar numpy.core.multiarray.scalar
"""
#: What the pickles of functions, classes, patterns and arrays call, and no more than ``opaque-code`` says already.
#: `read_pickles` follows their imports and `getattr`, and reads the names of their code.
WRITTEN = frozenset((*(f"cloudpickle.cloudpickle.{name}" for name in _CLOUDPICKLE.split()), *_OTHERS.split()))
#: Modules whose sinks count by their names alone, whatever has them.
_BARE = ("builtins", "os", "sys", "operator")
#: In bytecode, where nobody can tell a module from an attribute, these are mostly attributes (``model.compile``).
_COMMON = frozenset(
    """
    chunk cmd code codecs commands compile concurrent copyright credits datasets distributed email exit fabric glob help
    http input inspect invoke io kill license load_data load_library logging platform profile ray redis resource select
    sh signal site stat system tables test this trace wave
    """.split()
).union(ORDINARY, VALUES) - {"globals", "builtins"}
#: First word of the persistent ids (SPEC.md, section 10); a test compares it with what `bundler.namespace` reads.
_MARK = "kbundle"
_MOST_SHOWN = 40


def opaque_findings(data: bytes, *, member: str, what: str) -> list[finding.Finding]:
    """List what the pickle of an object without source imports; nothing of it is unpickled.

    Args:
        data: the content of the member.
        member: its name.
        what: the object that the manifest declares it to be, as findings name it.
    """
    findings: list[finding.Finding] = []
    for pickled in read_pickles(data, _bundled):
        findings.append(CODE.at(member, f"{what} {_listing(pickled)}", inside=_byte(pickled.start)))
        if not pickled.complete:
            findings.append(LONG.at(member, f"{what} was read in part", inside=_byte(pickled.start)))
        findings += [
            FAULTS[problem.fault].at(member, problem.what, inside=_byte(problem.offset)) for problem in pickled.problems
        ]
        findings += _power_findings(pickled, member)
    return findings


def bundled_modules(data: bytes) -> frozenset[str]:
    """Return the modules of the bundle that the pickle `data` names by persistent ids."""
    return frozenset(named.module for pickled in read_pickles(data, _bundled) for named in pickled.bundled)


def _bundled(pid: Any) -> tuple[str, str] | None:
    match pid:
        case (str() as mark, str() as module, *name) if mark == _MARK and module and len(name) < 2:
            return (module, name[0]) if name and isinstance(name[0], str) else None if name else (module, "")
    return None


def _power_findings(pickled: Pickled, member: str) -> Iterator[finding.Finding]:
    for imported in pickled.imports:
        for capability in sorted(_powers(imported)):
            yield POWERS[capability].at(member, f"imports {imported.dotted}", inside=_byte(imported.offset))
    for named in pickled.bundled:
        # An attribute of the bundle's module may be what that one imports: ("kbundle", "pkg", "os.system").
        for capability in sorted(_powers_of_names(named.name.split("."), dunders=True)):
            yield POWERS[capability].at(member, f"takes {named.dotted} of the bundle", inside=_byte(named.offset))
    for name in sorted(pickled.code_names):
        for capability in sorted(_powers_of_names(set(name.split(".")) - _COMMON)):
            what = f"its bytecode has the name {name!r} (a best guess: bytecode is not read)"
            yield POWERS[capability].at(member, what, inside=_byte(pickled.start))


def _powers(imported: PickledImport) -> set[str]:
    """Return the capabilities that an import asks for beyond ``opaque-code``."""
    if imported.dotted in WRITTEN:
        return set()
    names = imported.name.split(".") if imported.name else []
    powers: set[str] = set()
    # An unpickler imports names of Python 2 under their new names.
    for module in {imported.module, IMPORT_MAPPING.get(imported.module, imported.module)}:
        path = ".".join((module, *names))
        denoted = look(path)
        if denoted.kind is Kind.PLAIN:
            continue
        parts = path.split(".")
        known = parts[0] in standard_library() or parts[0] == "builtins"
        for end in range(1, min(len(parts), DEPTH) + 1):
            denoted = look(".".join(parts[:end]))
            # A private name of a requirement is one that nobody knows anything about.
            if denoted.capability is not None and (known or denoted.kind is not Kind.MISSING):
                powers.add(denoted.capability)
        powers |= told(path).union(*map(told, module.split(".")[1:])) | _powers_of_names(names, dunders=True)
    return powers


def _powers_of_names(names: Iterable[str], *, dunders: bool = False) -> set[str]:
    """Return what names do, whatever has them: a module of that name, a sink of Python's own, a method."""
    powers: set[str] = set()
    for name in names:
        powers |= told(name)
        for path in (f"{module}.{name}" for module in _BARE):
            if path not in WRITTEN and (path.startswith("builtins.") or name not in public_attributes()):
                powers |= told(path)
        powers |= {table[name] for table in (DANGEROUS, UNSEEN_POWERS) if name in table}
        if dunders and name.startswith("__"):
            powers.add(finding.REFLECTION)
    return powers


def _listing(pickled: Pickled) -> str:
    imports = sorted({imported.dotted for imported in pickled.imports})
    parts = [f"imports {_shown(imports)}" if imports else "imports nothing"]
    if pickled.bundled:
        parts.append(f"refers to the bundle's {_shown(sorted({named.dotted for named in pickled.bundled}))}")
    if pickled.code_names:
        parts.append(f"has these names in its bytecode, as far as can be told: {_shown(sorted(pickled.code_names))}")
    if pickled.unread_code:
        parts.append(f"has {pickled.unread_code} code objects whose names cannot be told")
    return "; ".join(parts)


def _shown(names: Iterable[str]) -> str:
    listed = [" ".join(name.split())[:100] for name in names]
    more = f" and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    return ", ".join(listed[:_MOST_SHOWN]) + more


def _byte(offset: int) -> str:
    return f"byte {offset}"
