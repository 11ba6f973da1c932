"""What contradicts what: the manifest, the packed source, the model's config, the weights and the lock.

A reviewer reads the manifest and the source that it points to. What would make loading run something else than these
show is refused; what is merely unlike a bundle that kbundle writes is told.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from bundler.audit.consistency import rules
from bundler.audit.finding import REFLECTION, Finding
from bundler.audit.lock.advisories import family, parse
from bundler.audit.source.lookup import Kind, look
from bundler.audit.source.rules import OF_CAPABILITY
from bundler.formats import keras_config
from bundler.formats.python.outline import Outline
from bundler.frameworks import NO_SOURCE, STACK
from bundler.manifest import Adaptation, CustomObject, Manifest
from bundler.manifest.codec import JSON

_MANIFEST = "manifest.json"
#: A declared object is never one of these.
_NEVER_OBJECTS = NO_SOURCE | sys.stdlib_module_names | {"cloudpickle"}
#: How the kinds of adaptations end that set values.
_VALUES = "_values"
#: What an adaptation may mean besides a declared object: the root of the config (SPEC.md, section 10).
_ROOTS = frozenset({("keras", "Model"), ("keras", "Sequential")})
_MOST_NAMED = 40


def consistency_findings(
    manifest: Manifest,
    config: JSON | None,
    definitions: Mapping[str, Outline],
    tensors: Collection[str] | None,
    *,
    referred: Collection[str] = (),
) -> list[Finding]:
    """Say what in a bundle contradicts what.

    Args:
        manifest: the bundle's.
        config: the model's ``config.json``; `None` where there is none, or it was not read.
        definitions: the outline of every packed module by its name, from `bundler.formats.python.outline`.
        tensors: the paths of the weight file's tensors; `None` where it was not read.
        referred: packed modules that pickles name (`bundler.audit.pickles.pickle_findings.bundled_modules`).
    """
    findings = [
        *_object_findings(manifest, definitions),
        *(_path_findings(manifest, config) if config is not None else ()),
        *_place_findings(manifest, definitions),
        *_module_findings(manifest),
        *_reach_findings(manifest, definitions, referred),
        *_data_findings(manifest, definitions),
        *_statement_findings(manifest),
        *(_tensor_findings(manifest, tensors) if tensors is not None else ()),
    ]
    return list(dict.fromkeys(findings))


def _object_findings(manifest: Manifest, definitions: Mapping[str, Outline]) -> Iterator[Finding]:
    members = {module.name: module.member for module in manifest.modules}
    for item in manifest.objects:
        what = f"{item.kind} {item.module}.{item.qualname}"
        if item.source is not None:
            if members.get(item.module) != item.source.member:
                found = f"{what} is shown in {item.source.member}, and {item.module} is {members.get(item.module)}"
                yield rules.ELSEWHERE.at(item.source.member, found, line=_line(item.source.line))
                continue
            outline = definitions.get(item.module)
            if outline is not None and outline.parsed:
                yield from _line_findings(item, item.source.line, what, item.source.member, outline)
        elif item.distribution is not None:
            yield from _installed_findings(manifest, item, what)


def _line_findings(item: CustomObject, line: int, what: str, member: str, outline: Outline) -> Iterator[Finding]:
    parts = item.qualname.split(".")[:64]
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    lines = outline.spelled.get(item.qualname, ())
    # Line 1 is what kbundle writes where an object is not spelled out; it shows the file, and hides no other place.
    if line != 1 and not any(line in outline.spelled.get(name, ()) for name in names):
        yield rules.LINE.at(member, f"{what} is shown in line {line}, which does not define it", line=_line(line))
    if not lines and parts[0] not in outline.bound:
        yield rules.COMPUTED.at(member, what, line=_line(line))
    elif len(lines) + (item.qualname in outline.bound) > 1:
        yield rules.REDEFINED.at(member, f"{what}: lines {', '.join(map(str, lines))}", line=_line(line))


def _installed_findings(manifest: Manifest, item: CustomObject, what: str) -> Iterator[Finding]:
    top = item.module.partition(".")[0]
    name = canonicalize_name(item.distribution or "")
    needs = manifest.requirements
    if top in _NEVER_OBJECTS:
        yield rules.FRAMEWORK.at(_MANIFEST, f"{what}, said to be of {name}")
        return
    direct = {pin.name: pin.imports for pin in needs.distributions}
    transitive = {pin.name for pin in needs.transitive}
    # An author's own list of requirements may name a distribution without saying what is imported from it.
    if name not in transitive and (name not in direct or (direct[name] and top not in direct[name])):
        yield rules.NOT_REQUIRED.at(_MANIFEST, f"{what}, said to be of {name}")
    elif any(module.name.partition(".")[0] == top for module in manifest.modules):
        yield rules.SHADOWED.at(_MANIFEST, f"{what}, said to be of {name}, and {top} is packed")
    else:
        denoted = look(f"{item.module}.{item.qualname}")
        if denoted.kind is not Kind.OPEN:
            # joblib.load, say: what of it computes is no matter, since the model calls this very one.
            yield OF_CAPABILITY[denoted.capability or REFLECTION].at(_MANIFEST, f"the model uses {what} of {name}")
        yield rules.INSTALLED.at(_MANIFEST, f"{what} of {name}")


def _path_findings(manifest: Manifest, config: JSON) -> Iterator[Finding]:
    member = manifest.payload.member
    claimed: dict[str, str] = {}
    for item in manifest.objects:
        what = f"{item.kind} {item.module}.{item.qualname}"
        for pointer in item.paths:
            if pointer in claimed:
                yield rules.PATH.at(member, f"{what} and {claimed[pointer]} are both declared here", inside=pointer)
            claimed[pointer] = what
            try:
                value = keras_config.get(config, pointer)
            except (KeyError, RecursionError):
                yield rules.PATH.at(member, f"{what} is declared here, where the config has nothing", inside=pointer)
                continue
            asked = _asked(value)
            if asked != item.key:
                shown = repr(asked)[:120] if asked is not None else "no class or function"
                found = f"{what} is declared here as {item.key!r}, and the config asks for {shown}"
                yield rules.PATH.at(member, found, inside=pointer)


def _asked(value: Any) -> str | None:
    """Return the key by which Keras would look up what is at a pointer."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value:
        return keras_config.lookup_key(value)
    return None


def _place_findings(manifest: Manifest, definitions: Mapping[str, Outline]) -> Iterator[Finding]:
    """Check what the builder and the adaptations name."""
    objects = {(item.module, item.qualname) for item in manifest.objects}
    modules = {module.name for module in manifest.modules}
    for adaptation in manifest.adaptations:
        place = (adaptation.module, adaptation.qualname)
        if adaptation.kind.endswith(_VALUES):
            yield from _value_findings(adaptation, modules)
        elif place not in objects and place not in _ROOTS:
            yield rules.STRANGE_ADAPTATION.at(_MANIFEST, f"{adaptation.kind} of {'.'.join(place)}")
    builder = manifest.builder
    if builder is None:
        return
    outline = definitions.get(builder.module)
    if outline is not None and outline.parsed:
        name = builder.qualname
        member = next((item.member for item in manifest.modules if item.name == builder.module), _MANIFEST)
        lines = outline.spelled.get(name, ())
        if not lines and name.partition(".")[0] not in outline.bound:
            yield rules.COMPUTED.at(member, f"builder {builder.module}.{name}")
        elif len(lines) > 1:
            yield rules.REDEFINED.at(member, f"builder {builder.module}.{name}: lines {', '.join(map(str, lines))}")


def _value_findings(adaptation: Adaptation, modules: Collection[str]) -> Iterator[Finding]:
    """Check what is set after the import or the making of something: plain values, on the bundle's own names."""
    where = f"{adaptation.kind} of {adaptation.place or adaptation.module or 'the model'}"
    if adaptation.place is None and adaptation.module not in modules and adaptation.kind != "object_values":
        yield rules.STRANGE_ADAPTATION.at(_MANIFEST, f"{where}, a module that the bundle does not have")
    for name, value in adaptation.values.items():
        if any(part.startswith("__") or not part.isidentifier() for part in name.split(".")):
            yield rules.STRANGE_ADAPTATION.at(_MANIFEST, f"{where}: the name {name[:80]!r}")
        # Objects are named in the config, which is where they are looked for.
        if any(isinstance(node, dict) and "class_name" in node for _, node in keras_config.walk(value)):
            yield rules.STRANGE_ADAPTATION.at(_MANIFEST, f"{where}: {name[:80]} holds an object")


def _module_findings(manifest: Manifest) -> Iterator[Finding]:
    needs = manifest.requirements
    imports = {top: pin.name for pin in (*needs.distributions, *needs.transitive) for top in pin.imports}
    for module in manifest.modules:
        top = module.name.partition(".")[0]
        if top in STACK:
            found = f"{module.name} takes the place of the framework's {top} for packed code"
            yield rules.SHADOWED.at(module.member, found)
        elif module.name == top and top in sys.stdlib_module_names:
            yield rules.SHADOWS.at(module.member, f"{top} takes the place of Python's own for packed code")
        elif module.name == top and top in imports:
            yield rules.SHADOWS.at(module.member, f"{top} takes the place of {imports[top]}'s for packed code")
        if module.generated:
            yield rules.GENERATED.at(module.member, module.name)
        if module.reduced is not None:
            yield rules.REDUCED.at(module.member, f"{module.name}: {module.reduced.lines} lines stayed with the author")
    for absent in manifest.unresolved:
        yield rules.UNRESOLVED.at(absent.member, absent.module, line=_line(absent.line))


def _reach_findings(
    manifest: Manifest, definitions: Mapping[str, Outline], referred: Collection[str]
) -> Iterator[Finding]:
    packed = {module.name: module.member for module in manifest.modules}
    roots = {item.module for item in manifest.objects if item.source is not None}
    roots |= {module.name for module in manifest.modules if module.entry} | set(referred)
    if manifest.builder is not None:
        roots.add(manifest.builder.module)
    below: Mapping[str, set[str]] = defaultdict(set)
    for name in packed:
        below[name.partition(".")[0]].add(name)
    reached: set[str] = set()
    stack = list(roots)
    while stack:
        name = stack.pop()
        # Python imports the packages above first, and `a.b.C` may be an attribute of the module `a.b`.
        parts = name.split(".")[:64]
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if module not in packed or module in reached:
                continue
            reached.add(module)
            outline = definitions.get(module, Outline())
            stack += outline.imports
            stack += outline.texts & packed.keys()
            if outline.computed:
                stack += below[parts[0]]
    for name in sorted(packed.keys() - reached):
        yield rules.UNREACHED.at(packed[name], name)


def _data_findings(manifest: Manifest, definitions: Mapping[str, Outline]) -> Iterator[Finding]:
    texts = [text for outline in definitions.values() for text in outline.texts]
    if not manifest.data or any(not outline.parsed for outline in definitions.values()):
        return
    # One text to search: the names of 20,000 data files times all strings of the source would take minutes.
    parts = {part for text in texts for part in text.replace("\\", "/").split("/")}
    parts |= {part.removesuffix(suffix) for part in parts for suffix in (".zst",)}
    suffixes = {f".{text.rpartition('.')[2]}" for text in texts if "." in text or "*" in text}
    for item in manifest.data:
        *folders, name = item.path.split("/")
        stem, _, suffix = name.rpartition(".")
        if not ({name, stem or name, *folders} & parts or (suffix and f".{suffix}" in suffixes)):
            yield rules.UNNAMED_DATA.at(item.member, item.path)


def _statement_findings(manifest: Manifest) -> Iterator[Finding]:
    """Check what the manifest says about itself against its pins."""
    needs = manifest.requirements
    pinned: dict[str, str] = {}
    for pin in (*needs.transitive, *needs.distributions):
        kind = family(pin.name, pin.imports)
        if kind is not None:
            pinned[kind] = pin.version
    told = [("payload", manifest.payload), ("inference", manifest.inference), ("proof", manifest.proof)]
    for name, part in told:
        if part is None:
            continue
        rule = rules.OTHER_PROOF if name == "proof" else rules.VERSION
        for kind, version in (("keras", part.keras_version), ("tensorflow", part.tensorflow_version)):
            if kind in pinned and not _same_release(version, pinned[kind]):
                yield rule.at(_MANIFEST, f"{name}: {kind} {version[:60]}, and the lock has {pinned[kind][:60]}")
    if manifest.proof is None:
        yield rules.NO_PROOF.at(_MANIFEST, "no proof")
    if manifest.self_test is None:
        yield rules.NO_SELF_TEST.at(_MANIFEST, "no self-test")


def _same_release(one: str, other: str) -> bool:
    """Compare without the local part and the date of a nightly build, which the framework does not tell of itself."""
    try:
        return parse(one).release == parse(other).release
    except InvalidVersion:
        return one == other


def _tensor_findings(manifest: Manifest, tensors: Collection[str]) -> Iterator[Finding]:
    listed = {path for item in manifest.payload.tensors if isinstance(path := item.get("path"), str)}
    if not manifest.payload.tensors:
        return
    member = manifest.payload.member
    for path in _some(listed - set(tensors)):
        yield rules.ABSENT_TENSOR.at(member, f"{path} is in the index, and not in the weights")
    for path in _some(set(tensors) - listed):
        yield rules.UNLISTED_TENSOR.at(member, f"{path} is in the weights, and not in the index")


def _some(names: Iterable[str]) -> list[str]:
    return sorted(names)[:_MOST_NAMED]


def _line(line: int) -> int | None:
    return line if line > 0 else None
