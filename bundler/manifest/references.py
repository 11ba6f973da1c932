"""Checks between the parts of a manifest: what one part names, another must have.

A reference to nothing, or two claims on one thing, would leave the choice to whoever reads the bundle (I11).
"""

from __future__ import annotations

from collections.abc import Iterator

from bundler.manifest.codec import malformed
from bundler.manifest.document import Manifest, Member

_CODE = "code/"


def check_references(manifest: Manifest) -> None:
    """Check every reference of `manifest`.

    Raises:
        InvalidBundle: the first one that is wrong; `place` is its dotted path.
    """
    for path, expected, found in _problems(manifest):
        raise malformed(path, expected, found)


def module_member(name: str, *, package: bool) -> str:
    """Return the member that holds the packed module `name`."""
    return f"{_CODE}{name.replace('.', '/')}{'/__init__.py' if package else '.py'}"


def _problems(manifest: Manifest) -> Iterator[tuple[str, str, object]]:
    members = {member.name: member for member in manifest.members}
    yield from _unordered(manifest.members)
    yield from _missing("payload.member", manifest.payload.member, members, "model/")
    yield from _missing("requirements.member", manifest.requirements.member, members, "requirements/")
    if manifest.requirements.lock is not None:
        yield from _missing("requirements.lock", manifest.requirements.lock, members, "requirements/")
    for index, wheel in enumerate(manifest.requirements.wheels):
        yield from _missing(f"requirements.wheels[{index}]", wheel, members, "requirements/")
    if manifest.inference is not None:
        yield from _missing("inference.member", manifest.inference.member, members, "model/")
    if manifest.self_test is not None:
        yield from _missing("self_test.inputs", manifest.self_test.inputs, members, "examples/")
        yield from _missing("self_test.outputs", manifest.self_test.outputs, members, "examples/")
    yield from _code(manifest, members)
    modules = {module.member for module in manifest.modules}
    seen: set[tuple[str, str]] = set()
    for index, item in enumerate(manifest.objects):
        if item.source is not None and item.source.member not in modules:
            yield f"objects[{index}].source.member", "the member of a packed module", item.source.member
        if (item.module, item.qualname) in seen:
            yield f"objects[{index}]", "each module and qualname once", f"{item.module}.{item.qualname} again"
        seen.add((item.module, item.qualname))
    for index, absent in enumerate(manifest.unresolved):
        yield from _missing(f"unresolved[{index}].member", absent.member, members, _CODE)


def _unordered(members: tuple[Member, ...]) -> Iterator[tuple[str, str, object]]:
    before = b""
    for index, member in enumerate(members):
        # A lone surrogate has no UTF-8; the canonical text cannot hold one, but this check comes first.
        name = member.name.encode("utf-8", "surrogatepass")
        if name <= before:
            yield f"members[{index}].name", "each name once, in the order of their UTF-8 bytes", member.name
        before = name


def _code(manifest: Manifest, members: dict[str, Member]) -> Iterator[tuple[str, str, object]]:
    claims = [
        *((f"modules[{index}]", item.member) for index, item in enumerate(manifest.modules)),
        *((f"data[{index}]", item.member) for index, item in enumerate(manifest.data)),
        *(
            (f"objects[{index}].opaque", item.opaque.member)
            for index, item in enumerate(manifest.objects)
            if item.opaque is not None
        ),
    ]
    claimed: set[str] = set()
    for path, member in claims:
        yield from _missing(f"{path}.member", member, members, _CODE)
        if member in claimed:
            yield f"{path}.member", "each member below code/ named once", member
        claimed.add(member)
    for index, module in enumerate(manifest.modules):
        if "/" in module.name or not all(module.name.split(".")):
            yield f"modules[{index}].name", "a dotted module name", module.name
        if module.member != module_member(module.name, package=module.package):
            expected = module_member(module.name, package=module.package)
            yield f"modules[{index}].member", f"{expected!r}, which follows from the name", module.member
        if members[module.member].encoding is not None:
            yield f"modules[{index}].member", "a member without encoding: code is plain text", module.member
    for index, item in enumerate(manifest.data):
        encoding = members[item.member].encoding
        suffix = ".zst" if encoding == "zstd" else ""
        if encoding not in (None, "zstd") and "/" not in item.member.removeprefix(f"{_CODE}{item.path}."):
            # An encoding of a later version has a suffix that this one cannot know.
            suffix = item.member.removeprefix(f"{_CODE}{item.path}")
        if item.member != f"{_CODE}{item.path}{suffix}":
            yield f"data[{index}].member", f"{_CODE + item.path + suffix!r}, which follows from the path", item.member
    names: set[str] = set()
    for index, module in enumerate(manifest.modules):
        if module.name in names:
            yield f"modules[{index}].name", "each module once", module.name
        names.add(module.name)
    if manifest.builder is not None and manifest.builder.module not in names:
        yield "builder.module", "the name of a packed module", manifest.builder.module
    left = set(names)
    for index, name in enumerate(manifest.import_order):
        if name not in left:
            yield f"import_order[{index}]", "the name of a packed module, each once", name
        left.discard(name)
    for index, name in enumerate(members):
        if name.startswith(_CODE) and name not in claimed:
            yield (
                f"members[{index}].name",
                "a member below code/ to be named by modules, data or an opaque object",
                name,
            )


def _missing(path: str, name: str, members: dict[str, Member], place: str) -> Iterator[tuple[str, str, object]]:
    if name not in members:
        yield path, "the name of a member", name
    elif not name.startswith(place):
        yield path, f"a member below {place}", name
