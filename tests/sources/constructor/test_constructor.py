"""Arguments are read back from attributes, parts and bases, and never guessed."""

from __future__ import annotations

import copy
import enum
from typing import Any

from bundler.sources.constructor import Arguments, read_arguments
from bundler.sources.constructor.solve import UNKNOWN


def read(instance: object) -> Arguments:
    return read_arguments(instance, lambda value, name: getattr(value, name, UNKNOWN))


def values(instance: object) -> dict[str, Any]:
    arguments = read(instance)
    assert arguments.unread == ()
    return dict(arguments.values)


def unread(instance: object) -> list[str]:
    return [item.parameter for item in read(instance).unread]


class Dense:
    def __init__(self, units, activation=None):
        self.units = units
        self.activation = activation


class Sequential:
    def __init__(self, layers=()):
        self._layers = list(layers)

    @property
    def layers(self):
        return list(self._layers)


class SameName:
    def __init__(self, units, rate=0.1):
        self.units = units
        self.rate = rate


class OtherName:
    def __init__(self, d_model, heads, shape, name_or=None):
        self._d = d_model
        self.h = int(heads)
        self.shape_, self.other = tuple(shape), name_or or "x"


def test_reads_attributes_of_the_same_name():
    assert values(SameName(3, rate=0.7)) == {"units": 3, "rate": 0.7}


def test_reads_attributes_of_another_name_and_through_casts():
    assert values(OtherName(8, 2, [1, 2])) == {"d_model": 8, "heads": 2, "shape": (1, 2), "name_or": "x"}


class InParts:
    def __init__(self, units, depth, widths, slope, extra):
        self.first = Dense(units)
        self.blocks = [Dense(extra) for _ in range(depth)]
        self.stack = []
        for width in widths:
            self.stack.append(Dense(width))
        self.mlp = Sequential([Dense(7), Dense(units * 2, activation=slope)])


class Kind(enum.Enum):
    PLAIN = "plain"


class Mode(enum.StrEnum):
    FAST = "fast"


class Looked:
    def __init__(self, kind, mode="fast", other=Kind.PLAIN):
        self.kind, self.mode, self.other = Kind(kind), Mode(mode), Kind(other)


def test_reads_what_a_member_of_an_enumeration_was_looked_up_by():
    assert values(Looked("plain", Mode.FAST)) == {"kind": "plain", "mode": Mode.FAST, "other": Kind.PLAIN}


def test_reads_arguments_of_parts_and_lists():
    made = InParts(3, 2, [4, 5, 6], "relu", 11)
    assert values(made) == {"units": 3, "depth": 2, "widths": [4, 5, 6], "slope": "relu", "extra": 11}


class Methods:
    def __init__(self, units, count):
        self._make(units)
        self._stack(count)

    def _make(self, size):
        self.dense = Dense(size + 1)

    def _stack(self, number):
        layers = []
        for _ in range(number):
            layers.append(Dense(1))  # noqa: PERF401 - the way that people write it
        self.net = Sequential(layers)


def test_reads_through_methods_of_the_object():
    assert values(Methods(3, 4)) == {"units": 3, "count": 4}


class Child(SameName):
    def __init__(self, width, **kwargs):
        super().__init__(width * 4, **kwargs)


class Popped:
    def __init__(self, **kwargs):
        self.alpha = kwargs.pop("alpha", 0.5)


class Spread:
    def __init__(self, *parts, last):
        self.parts = list(parts)
        self.last = last


def test_reads_what_the_base_was_given_and_what_is_taken_out_of_kwargs():
    assert values(Child(3)) == {"width": 3}
    assert values(Popped(alpha=2)) == {"alpha": 2}
    assert read(Spread(1, 2, last=3)).positional == (1, 2)


TABLE = {"small": 8}


class Lossy:
    def __init__(self, size, units, squared, mixed, flag):
        self.size = TABLE.get(size)
        self.units = units // 2
        self.squared = squared**2
        mixed = mixed * 2
        self.mixed = mixed
        self.part = Dense(3) if flag else None


def test_does_not_guess_what_cannot_be_undone():
    assert unread(Lossy("small", 4, 3, 1, True)) == ["size", "squared", "mixed", "flag"]


class Shadowed:
    def __init__(self, rate):
        self.rate = 0.5
        self.keep = 1 - rate


class Twice:
    def __init__(self, units):
        self.units = units
        self.units += 1


class Unused:
    def __init__(self, units, comment, mode="x"):
        self.units = units


def test_undoes_a_difference_and_refuses_an_attribute_that_holds_something_else():
    assert values(Shadowed(0.25)) == {"rate": 0.25}
    assert unread(Twice(3)) == ["units"]


def test_leaves_out_what_the_constructor_never_reads():
    assert values(Unused(3, "words")) == {"units": 3, "comment": None}


class Branches:
    def __init__(self, activation, size=None):
        if activation is None:
            self.act = None
        else:
            self.act = copy.copy(activation)
        size = size or 64
        self.size = size


def test_branches_are_told_apart_by_the_value():
    assert values(Branches("relu")) == {"activation": "relu", "size": 64}
    assert values(Branches(None, 8)) == {"activation": None, "size": 8}


class Flags:
    def __init__(self, norm: bool, rate=0.0, bias=True):
        self.norm = Dense(1) if norm else None
        self.drop = Dense(rate) if rate > 0 else None
        if bias:
            self.bias = Dense(2)
        else:
            self.bias = None


def test_conditions_tell_flags():
    assert values(Flags(True, 0.5, False)) == {"norm": True, "rate": 0.5, "bias": False}
    assert values(Flags(False)) == {"norm": False, "rate": 0, "bias": True}


class Looking:
    def __init__(self, activation):
        self.activation = {"relu": abs}[activation]


def test_names_an_attribute_that_is_free_for_what_is_not_kept():
    assert [(item.parameter, item.attribute) for item in read(Looking("relu")).unread] == [
        ("activation", "_activation")
    ]


def test_reports_where_the_constructor_is():
    (item, *_) = read(Twice(3)).unread
    assert item.file == __file__
    assert item.method == "__init__"


class Augmented:
    def __init__(self, rate, count):
        rate *= 2
        self.rate = rate
        count, self.rest = divmod(count, 3)
        self.count = count


class LoopVariable:
    def __init__(self, units, sizes):
        self.first = [units]
        self.first.append(1)
        for units in sizes:  # noqa: B007 - the way that people write it
            pass
        self.units = units


class Guarded:
    def __init__(self, units):
        self.units = units
        try:
            int("x")
        except ValueError:
            self.units = 3
        while self.units < 10:
            self.units *= 2


def test_sees_every_change_that_the_constructor_makes():
    assert unread(Augmented(0.25, 7)) == ["rate", "count"]
    assert "units" in unread(LoopVariable(3, [5, 6]))
    assert unread(Guarded(1)) == ["units"]


class ChangedLater:
    def __init__(self, rate, sizes, width, kept):
        self.rate = rate
        self.sizes = sizes
        self.width = width
        self.kept = kept

    def build(self):
        self.rate = self.rate / 2
        self.sizes.append(1)
        self.width = int(self.width)
        self.kept = self.kept or 4


def test_does_not_take_what_another_method_has_changed_since():
    made = ChangedLater(0.5, [3], 2, None)
    made.build()
    assert unread(made) == ["rate", "sizes"]
    assert read(made).values == {"width": 2, "kept": 4}


class Chosen:
    def __init__(self, rate, other, use):
        self.chosen = rate if use else other
        self.drop = Dense(rate)
        self.use = use
        self.last = Dense(other)


def test_a_choice_by_something_else_tells_neither_side():
    assert values(Chosen(1, 2, False)) == {"rate": 1, "other": 2, "use": False}


class Truthy:
    def __init__(self, norm=False):
        self.norm_layer = copy.copy(TABLE[norm]) if norm else None


def test_a_flag_that_is_more_than_a_flag_is_not_guessed():
    assert unread(Truthy("small")) == ["norm"]
    assert values(Truthy()) == {"norm": False}


class Framework:
    units = 4

    def __init__(self):
        self._metrics = ["its own"]

    @property
    def size(self):
        return 5


Framework.__module__ = "keras.src.layers"


class SameNameByChance(Framework):
    rate = 0.5

    def __init__(self, rate, metrics, size, units):
        super().__init__()
        self.table = [TABLE.get(item) for item in (rate, metrics, size, units)]


class SetByName:
    def __init__(self, rate, units):
        for name, value in (("rate", rate), ("units", units)):
            setattr(self, name, value)


def test_an_attribute_of_the_same_name_must_be_set_by_the_author():
    assert unread(SameNameByChance(1, 2, 3, 4)) == ["rate", "metrics", "size", "units"]
    assert values(SetByName(0.1, 3)) == {"rate": 0.1, "units": 3}


class Raising:
    def __init__(self, units, depth):
        self.part = Sequential([Dense(units) for _ in range(depth)])

    def __getattr__(self, name):
        raise RuntimeError(name)


class BadLayers:
    @property
    def layers(self):
        raise RuntimeError("not built")


class Listed:
    def __init__(self, widths):
        self.parts = [Dense(width) for width in widths]


def test_what_an_object_raises_when_it_is_asked_is_no_answer():
    assert values(Raising(3, 2)) == {"units": 3, "depth": 2}
    made = Listed([1, 2])
    made.parts = BadLayers()
    assert unread(made) == ["widths"]


class Delegating:
    size = 7

    def __init__(self, rate, size, keep):
        self.inner = Dense(rate / 2)
        self.keep = keep
        if keep:
            self.rate = rate
            self.size = size

    def __getattr__(self, name):
        return 0.9


def test_takes_no_answer_of_the_class_or_of_getattr_for_an_attribute():
    assert unread(Delegating(0.1, 3, False)) == ["rate", "size"]
    assert values(Delegating(0.1, 3, True)) == {"rate": 0.1, "size": 3, "keep": True}


class Conv:
    def __init__(self, filters, size=3, **options):
        self.filters, self.size = filters, size


class PassesOn(Conv):
    def __init__(self, *args, masked=False, **options):
        self.masked = masked
        super().__init__(*args, **options)


class KeepsSome(PassesOn):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.count = len(args)


class Halved(Conv):
    def __init__(self, width):
        super().__init__(2, size=width // 2)


class HalvedAndUsed(Conv):
    def __init__(self, width):
        super().__init__(2, size=width // 2)
        self.inner = [width, 0]


def test_needs_no_positional_arguments_that_only_the_base_gets():
    assert "args" not in unread(PassesOn(4, masked=True))
    assert unread(KeepsSome(4)) == ["args"]


def test_undoes_a_division_where_nothing_else_is_made_of_the_name():
    assert values(Halved(9)) == {"width": 8}
    assert unread(HalvedAndUsed(9)) == ["width"] or values(HalvedAndUsed(9)) == {"width": 9}


def test_tells_what_the_base_gets_by_place():
    assert read(Halved(9)).handed_on == {"filters", "size"}


class Keeps:
    def __init__(self, units, **options):
        self.units = units
        self.options = options


class HandsOn(Dense):
    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.options = options


def test_reads_the_other_keywords_that_the_constructor_keeps_for_itself():
    found = read(Keeps(3, method="rk4", step=0.5))
    assert found.values == {"units": 3, "method": "rk4", "step": 0.5}
    assert set(found.takes) == {"units", "method", "step"}
    assert read(HandsOn(3, activation="relu")).values == {"units": 3}
