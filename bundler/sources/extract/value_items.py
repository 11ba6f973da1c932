"""The statement of a generated module that binds a name to a value of which no statement is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bundler.sources.extract.draft import Draft, Item
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.read_attributes import with_read_attributes
from bundler.sources.extract.referring import Extractor, InProgress, References
from bundler.sources.extract.refusals import NameUse, refusal
from bundler.sources.extract.value_lines import Writer
from bundler.values import Unsayable


def value_item(
    extractor: Extractor, draft: Draft, namespace: Mapping[str, Any], name: str, value: Any, use: NameUse
) -> Item:
    """Return the lines that make `value`, or the import or name of what an earlier value made.

    Raises:
        NotExtractable: it, or something in it, cannot be carried.
        InProgress: it leads back to a value that is being written.
    """
    if id(value) in extractor.carried:
        return _again(extractor, draft, name, value, use)
    # Before anything is written: the whole object would bring its class along.
    if (part := with_read_attributes(value, extractor.functions)) is not None:
        return value_item(extractor, draft, namespace, name, part, use)
    extractor.carried[id(value)] = (value, draft, name)
    extractor.unfinished.add(id(value))
    given = References(extractor=extractor, draft=draft, namespace=namespace, use=use, name=name)
    writer = Writer(
        draft=draft,
        name=name,
        refer=given.refer,
        known=given.known,
        is_free=given.is_free,
        parts=extractor.parts,
    )
    try:
        lines = writer.text(value)
    except InProgress:
        del extractor.carried[id(value)]
        raise
    except Unsayable as error:
        del extractor.carried[id(value)]
        raise NotExtractable(refusal(name, value, use, str(error))) from error
    finally:
        extractor.unfinished.discard(id(value))
    for item, item_name in lines.objects:
        extractor.carried.setdefault(id(item), (item, draft, item_name))
    for other_name in lines.names:
        draft.bound.setdefault(other_name, value if other_name == name else lines)
    needs = frozenset(given.names - set(lines.names))
    return Item(names=lines.names, text=lines.lines, order=use.before, at_once=needs, every=needs)


def _again(extractor: Extractor, draft: Draft, name: str, value: Any, use: NameUse) -> Item:
    """Return the item that gives another name to an object that was written before, here or in another module."""
    _, other, origin = extractor.carried[id(value)]
    if other is draft:
        needs = frozenset({origin})
        return Item(names=(name,), text=f"{name} = {origin}", order=use.after, at_once=needs, every=needs)
    draft.imports_from.add(other.name)
    alias = "" if origin == name else f" as {name}"
    text = f"from {other.name} import {origin}{alias}"
    return Item(names=(name,), text=text, order=use.before, is_import=True)
