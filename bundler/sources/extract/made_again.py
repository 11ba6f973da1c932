"""Classes that a module takes from where they are, or makes by the same call: their statement is not all of them."""

from __future__ import annotations

from bundler.sources.extract import naming
from bundler.sources.extract.constant_values import written
from bundler.sources.extract.draft import Draft, Item
from bundler.sources.extract.extracted import NotExtractableError
from bundler.sources.extract.makings import Making, table_of
from bundler.sources.extract.match import described
from bundler.sources.extract.namespaces import is_loose
from bundler.sources.extract.referring import Extractor
from bundler.sources.extract.use import NameUse


def add_made_again(extractor: Extractor, cls: type, made: Making) -> tuple[Draft, str]:
    """Let a module take `cls` from where its own module has it, or call its factory again."""
    factory = made.factory
    use = NameUse.at(factory.unit, factory.node, described(cls))
    if is_loose(made.namespace) and (table := table_of(made.namespace, cls)) is not None:
        raise NotExtractableError(
            f"{use.where}: {factory.name} made {use.what} and keeps it in {table!r}, which would have to be there "
            f"before it; move {factory.name} and {table} to a module, and import them from there"
        )
    name = naming.identifier(cls.__name__)
    draft = extractor.drafts.fitting(made.namespace, {made.name: made.namespace[made.name], **made.values, name: cls})
    extractor.places[cls] = (draft, name)
    draft.bound[name] = cls
    extractor.bring(draft, made.namespace, made.name, use)
    for argument, value in made.values.items():
        extractor.bind_captured(draft, factory.namespace, argument, value, use)
    needs = frozenset({made.name, *made.values, "isinstance", "type"})
    # As a class statement here would: this module is where others find it.
    is_it = f"isinstance({name}, type) and {name}.__name__ == {written(cls.__name__)}"
    text = f"{name} = {made.text}\nassert {is_it}\n{name}.__module__ = __name__"
    if cls.__qualname__ != name:
        text += f"\n{name}.__qualname__ = {written(name)}"
    draft.add(Item(names=(name,), text=text, order=use.after, at_once=needs, every=needs))
    return draft, name
