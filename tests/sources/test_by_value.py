"""Pickles of what has no source: what goes into them, what they refer to, and what they say when they cannot be made.

No Keras here: a class is a class.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import pickle
import pickletools
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from bundler.errors import PackError, SourceError
from bundler.namespace import ModuleText, Namespace, load_opaque, opaque_place, open_namespace
from bundler.sources.by_value import member_names, pickle_objects, places_of
from bundler.sources.locate import Locator

_NUMBER = itertools.count(1)


@contextlib.contextmanager
def plain_isolation(namespace: Namespace, module: types.ModuleType) -> Iterator[None]:
    yield


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A source root with the package ``zoo``, importable while the test runs."""
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "__init__.py").write_text("")
    (tmp_path / "zoo" / "make.py").write_text(
        "import json\nfrom zoo import food\n\n"
        "def animal(legs, friend=None):\n"
        "    class Animal:\n"
        "        '''It has legs.'''\n"
        "        def eat(self):\n"
        "            from zoo.late import spoon\n"
        "            return food.apple(), spoon(), json.dumps(legs), friend\n"
        "        def clone(self):\n"
        "            return Animal()\n"
        "    return Animal\n"
    )
    (tmp_path / "zoo" / "food.py").write_text("def apple():\n    return 'apple'\n")
    (tmp_path / "zoo" / "late.py").write_text("def spoon():\n    return 'spoon'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("zoo", "memory")]:
        del sys.modules[name]


def namespace_with(contents: dict[tuple[str, str], bytes], modules: dict[str, str]) -> Namespace:
    return open_namespace(
        f"sha256:{next(_NUMBER):032x}{0:032x}",
        [ModuleText(name=name, text=text.encode(), package=name == "zoo") for name, text in modules.items()],
        {},
        versions={},
        isolation=plain_isolation,
        pickles=contents,
    )


def made(legs: int, **options: Any) -> type:
    module: Any = __import__("zoo.make", fromlist=["animal"])
    cls: type = module.animal(legs, **options)
    return cls


def test_names_bundled_code_by_reference_and_runs_with_the_bundles_own(root: Path) -> None:
    locator = Locator(roots=[root])
    places = places_of([made(4)], locator)
    pickles = pickle_objects(places, locator)
    assert set(pickles.roots) == {"zoo.food", "zoo.late"}
    assert {need.distribution for need in pickles.requirements} == {"cloudpickle"}
    bundled = {
        "zoo": "",
        "zoo.food": "def apple():\n    return 'pear'\n",
        "zoo.late": "def spoon():\n    return 'fork'\n",
    }
    namespace = namespace_with(dict(pickles.contents), bundled)
    cls = load_opaque(namespace, "zoo.make", "animal.<locals>.Animal")
    assert cls().eat() == ("pear", "fork", "4", None)
    assert cls().clone().__class__ is cls
    assert load_opaque(namespace, "zoo.make", "animal.<locals>.Animal") is cls


def test_lives_in_a_module_where_pickle_finds_it(root: Path) -> None:
    locator = Locator(roots=[root])
    (place,) = places_of([made(4)], locator).values()
    pickles = pickle_objects(places_of([made(4)], locator), locator)
    namespace = namespace_with(dict(pickles.contents), {"zoo": "", "zoo.food": "", "zoo.late": ""})
    cls = load_opaque(namespace, *place)
    assert cls.__name__ == "Animal"
    assert cls.__module__.startswith("zoo.make")
    assert type(pickle.loads(pickle.dumps(cls()))) is cls
    assert type(copy.deepcopy(cls())) is cls
    assert opaque_place(cls) == place
    assert opaque_place(made(4)) is None


def test_is_never_the_authors_own_class(root: Path) -> None:
    locator = Locator(roots=[root])
    cls = made(4)
    pickles = pickle_objects(places_of([cls], locator), locator)
    names = (cls.__module__, cls.__qualname__)
    loaded = load_opaque(namespace_with(dict(pickles.contents), {"zoo": "", "zoo.food": "", "zoo.late": ""}), *names)
    assert loaded is not cls
    assert (cls.__module__, cls.__qualname__) == names


def test_gives_the_same_bytes_twice_and_after_a_load(root: Path) -> None:
    locator = Locator(roots=[root])
    first = pickle_objects(places_of([made(4)], locator), locator).contents
    assert first == pickle_objects(places_of([made(4)], locator), locator).contents
    namespace = namespace_with(dict(first), {"zoo": "", "zoo.food": "", "zoo.late": ""})
    (place,) = first
    again = pickle_objects({load_opaque(namespace, *place): place}, locator)
    assert again.contents == first


def test_tells_nothing_about_the_authors_machine(root: Path) -> None:
    locator = Locator(roots=[root])
    (content,) = pickle_objects(places_of([made(4)], locator), locator).contents.values()
    assert str(root).encode() not in content
    assert not [
        argument for _, argument, _ in pickletools.genops(content) if isinstance(argument, str) and "/" in argument
    ]


def test_one_object_without_source_refers_to_another(root: Path) -> None:
    locator = Locator(roots=[root])
    friend = made(2)
    friend.__qualname__ = "Friend"
    places = places_of([made(4, friend=friend), friend], locator)
    namespace = namespace_with(
        dict(pickle_objects(places, locator).contents), {"zoo": "", "zoo.food": "", "zoo.late": ""}
    )
    loaded = load_opaque(namespace, "zoo.make", "Friend")
    cell = load_opaque(namespace, "zoo.make", "animal.<locals>.Animal").eat.__closure__
    assert loaded in [item.cell_contents for item in cell]


def test_a_module_that_exec_filled_goes_into_the_pickle(root: Path) -> None:
    module = types.ModuleType("memory")
    sys.modules["memory"] = module
    exec(
        "from zoo.food import apple\ndef helper():\n    return apple() + '!'\ndef f():\n    return helper()\n",
        vars(module),
    )
    locator = Locator(roots=[root])
    pickles = pickle_objects(places_of([module.f], locator), locator)
    assert set(pickles.roots) == {"zoo.food"}
    namespace = namespace_with(dict(pickles.contents), {"zoo": "", "zoo.food": "def apple():\n    return 'pear'\n"})
    del sys.modules["memory"]
    assert load_opaque(namespace, "memory", "f")() == "pear!"
    assert "memory" not in cloudpickle.list_registry_pickle_by_value()


def test_sees_the_imports_of_a_long_function(root: Path) -> None:
    """After 256 constants and names the instructions of an import have others between them."""
    lines = [f"    name{number} = other{number}.part{number}({number + 1000})" for number in range(300)]
    text = "\n".join(
        ["def long():", *lines, "    from zoo.late import spoon", "    import zoo.food", "    return spoon"]
    )
    space: dict[str, Any] = {"__name__": "memory", "__package__": ""}
    exec(text, space)
    pickles = pickle_objects({space["long"]: ("memory", "long")}, Locator(roots=[root]))
    assert {"zoo.late", "zoo.food"} <= set(pickles.roots)


def test_refuses_what_has_source_or_is_no_class(root: Path) -> None:
    food: Any = __import__("zoo.food", fromlist=["apple"])
    locator = Locator(roots=[root])
    with pytest.raises(SourceError, match=r"zoo\.food\.apple has source \(zoo\.food, line 1\)"):
        places_of([food.apple], locator)
    with pytest.raises(PackError, match=r"an instance of builtins\.int"):
        places_of([3], locator)
    with pytest.raises(PackError, match="two different objects of one name"):
        places_of([made(1), made(2)], locator)


def test_takes_what_was_put_into_a_module_from_outside(root: Path) -> None:
    food: Any = __import__("zoo.food", fromlist=["apple"])
    food.Planted = type("Planted", (), {"__module__": "zoo.food", "taste": "sweet"})
    locator = Locator(roots=[root])
    pickles = pickle_objects(places_of([food.Planted], locator), locator)
    namespace = namespace_with(dict(pickles.contents), {"zoo": "", "zoo.food": ""})
    assert load_opaque(namespace, "zoo.food", "Planted").taste == "sweet"


def test_lists_everything_that_cannot_be_pickled(root: Path) -> None:
    first = type("First", (), {"lock": threading.Lock()})
    second, third = type("Second", (), {}), type("Third", (), {})
    second.other, third.other = third, second  # type: ignore[attr-defined]
    locator = Locator(roots=[root])
    with pytest.raises(SourceError) as caught:
        pickle_objects({first: ("m", "First"), second: ("m", "Second"), third: ("m", "Third")}, locator)
    assert caught.value.problems == (
        "m.First cannot be pickled: TypeError: cannot pickle '_thread.lock' object",
        "m.Second and m.Third need each other; make one of them an argument of the other",
        "m.Third and m.Second need each other; make one of them an argument of the other",
    )


def test_a_pickle_that_asks_for_something_else_is_refused() -> None:
    class Asking(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("other", "os", "system") if obj == "ask" else None

    buffer = io.BytesIO()
    Asking(buffer).dump("ask")
    namespace = namespace_with({("m", "a"): buffer.getvalue(), ("m", "b"): pickle.dumps(3)}, {})
    with pytest.raises(pickle.UnpicklingError, match="means nothing"):
        load_opaque(namespace, "m", "a")
    with pytest.raises(pickle.UnpicklingError, match="neither a class nor a function"):
        load_opaque(namespace, "m", "b")


def test_member_names_are_valid_and_apart() -> None:
    places = [("zoo", "make.<locals>.A"), ("zoo.make", "locals.A"), ("con", "A"), ("m", "<lambda>"), ("m", "x" * 300)]
    names = member_names(places, ["code/m.lambda.pickle"])
    assert list(names.values()) == [
        "code/zoo.make.locals.A.pickle",
        "code/zoo.make.locals.A-1.pickle",
        "code/object_con.A.pickle",
        "code/m.lambda-1.pickle",
        f"code/m.{'x' * 98}.pickle",
    ]


def test_a_class_of_a_bundle_that_is_not_loaded_says_what_to_do(root: Path) -> None:
    namespace_with({}, {"zoo": ""})
    missing = b"c_kbundle_ffffffffffffffffffffffffffffffff.zoo\nAnimal\n."
    with pytest.raises(ModuleNotFoundError, match="is not loaded in this process; unbundle it first"):
        pickle.loads(missing)
