"""The text of generated modules: what comes along, in which order, and what stays behind."""

from __future__ import annotations
import __future__

from textwrap import dedent

import pytest

from tests.sources.extract.conftest import Session, again, text_of


def test_a_script_is_reduced_to_what_its_class_needs(session: Session) -> None:
    session.script('''
        #!/usr/bin/env python
        """Train."""
        import os, sys
        import math as maths
        from collections import OrderedDict as Table, deque
        from bisect import *

        RATE = 0.1  # how fast
        SIZES = [1, 2,
                 3]
        unused = 3
        sys.stdout.write("training")

        # Where it starts.
        # And why.
        def start(x: Table, n=RATE):
            """Say where.

            Twice.
            """
            text = """kept
          as it is"""
            return maths.floor(x) + n, text, bisect_left

        class Unused:
            pass

        class Base:
            pass

        # %% a cell of an editor
        class Scale(Base):
            sizes = SIZES

            def call(self, x):
                return [start(y) for y in x]

        if __name__ == "__main__":
            history = [Scale()]
    ''')
    assert text_of(session["Scale"]) == dedent('''\
        """What the model needs of the script train that made it."""

        import math as maths
        from collections import OrderedDict as Table
        from bisect import bisect_left

        RATE = 0.1  # how fast
        SIZES = [1, 2,
                 3]


        # Where it starts.
        # And why.
        def start(x: Table, n=RATE):
            """Say where.

            Twice.
            """
            text = """kept
          as it is"""
            return maths.floor(x) + n, text, bisect_left


        class Base:
            pass


        class Scale(Base):
            sizes = SIZES

            def call(self, x):
                return [start(y) for y in x]
    ''')


def test_cells_give_their_last_definitions_in_the_order_in_which_they_ran(session: Session) -> None:
    session.cell("import math\n")
    session.cell("class Scale:\n    def call(self, x):\n        return x\n")
    session.cell("get_ipython()\nFACTOR = 2\ndef by(x):\n    return x * FACTOR\n")
    session.cell("class Scale:\n    def call(self, x):\n        return by(math.sqrt(x))\n")
    session.cell("FACTOR = 5 - 1\n")
    assert text_of(session["Scale"]) == dedent('''\
        """What the model needs of the notebook that made it."""

        import math

        FACTOR = 5 - 1


        def by(x):
            return x * FACTOR


        class Scale:
            def call(self, x):
                return by(math.sqrt(x))
    ''')


def test_an_older_class_of_a_redefined_name_comes_from_the_cell_that_made_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.cell("class Scale:\n    def call(self):\n        return 'old'\n")
    old = session["Scale"]
    session.cell("class Scale:\n    def call(self):\n        return 'new'\n")
    first, second = again(monkeypatch, old, session["Scale"])
    assert (first().call(), second().call()) == ("old", "new")
    assert first.__name__ == second.__name__ == "Scale"


def test_plain_values_are_written_as_they_are_now(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        A, B = 1, (2, {"x": None})
        C = D = 2.5
        for i in range(3):
            last = i * 1j
        total = 0
        total += 7
        names = {"b", "a"}
        table = dict(a=[True, b"x"])
        small = {}
        small["late"] = 1
        whole = 2 ** 10
        def f():
            return A, B, C, D, last, total, names, table, small, whole
    """)
    expected = session["f"]()
    text = text_of(session["f"])
    assert "whole = 2 ** 10\n" in text
    assert 'names = {"b", "a"}\n' in text
    assert "small = {'late': 1}" in text.replace('"', "'")
    [f] = again(monkeypatch, session["f"])
    assert f() == expected


def test_what_a_library_gives_is_asked_of_it_again(session: Session) -> None:
    session.script("""
        import functools
        import logging
        import math
        import re
        from collections import namedtuple
        root = math.sqrt
        power = functools.partial(pow, 2)
        Point = namedtuple("Point", ["x", "y"])
        log = logging.getLogger(__name__)
        word = re.compile(r"\\w+")
        def f(x):
            return root(x), power(x), Point(x, x), log, word
    """)
    text = text_of(session["f"])
    for statement in (
        "root = math.sqrt",
        "power = functools.partial(pow, 2)",
        'Point = namedtuple("Point", ["x", "y"])',
        "log = logging.getLogger(__name__)",
        'word = re.compile(r"\\w+")',
    ):
        assert f"{statement}\n" in text


def test_guarded_imports_stay_whole(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        try:
            import no_such_module_at_all as fast
        except ImportError:
            fast = None
        try:
            import json
        except (ImportError):
            json = None
        def f(x):
            return fast, json.dumps(x)
    """)
    text = text_of(session["f"])
    assert "try:\n    import no_such_module_at_all as fast\nexcept ImportError:\n    fast = None\n" in text
    [f] = again(monkeypatch, session["f"])
    assert f([1]) == (None, "[1]")


def test_definitions_stand_after_what_they_need_at_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.cell("def base():\n    return helper()\n")
    session.cell("def helper():\n    return 1\n")
    session.cell("def deco(f):\n    f.mark = base()\n    return f\n")
    session.cell("@deco\ndef f():\n    return f.mark\n")
    session.cell("def helper():\n    return 2\n")
    [f] = again(monkeypatch, session["f"])
    assert f() == 2


def test_decorators_come_along(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import functools
        def twice(f):
            @functools.wraps(f)
            def g(*args):
                return f(*args) * 2
            return g
        def wrapper(cls):
            class Wrapped(cls):
                def call(self, x):
                    return super().call(x) + 1
            Wrapped.__name__ = cls.__name__
            Wrapped.__qualname__ = cls.__qualname__
            return Wrapped
        @twice
        def f(x):
            return x
        @wrapper
        class Scale:
            def call(self, x):
                return f(x)
    """)
    assert "@wrapper\nclass Scale:" in text_of(session["Scale"], session["f"])
    scale, f = again(monkeypatch, session["Scale"], session["f"])
    assert (scale().call(3), f(3)) == (7, 6)


def test_future_annotations_are_kept(session: Session) -> None:
    session.script("""
        from __future__ import annotations
        def f(x: Later) -> Later:
            return x
    """)
    assert "from __future__ import annotations\n\n\ndef f(x: Later)" in text_of(session["f"])


def test_future_annotations_of_an_earlier_cell_count(session: Session) -> None:
    session.cell("def f(x: Later) -> Later:\n    return x\n", flags=__future__.annotations.compiler_flag)
    assert "from __future__ import annotations" in text_of(session["f"])


def test_only_names_from_outside_are_taken(session: Session) -> None:
    session.script("""
        x = [object()]
        y = z = k = item = x
        def f(x, *y, **z):
            k = 1
            def inner():
                nonlocal k
                k += 1
                return [item for item in y]
            return inner, lambda item: item
        class Box:
            y = 1
            z = y
            def call(self, k):
                return self.y
    """)
    assert "object()" not in text_of(session["f"], session["Box"])


def test_global_state_comes_along(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        count = 0
        def f():
            global count
            count += 1
            return count
    """)
    session["f"]()
    [f] = again(monkeypatch, session["f"])
    assert (f(), f()) == (2, 3)


def test_nested_classes_and_static_functions_keep_their_place(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.script("""
        class Outer:
            class Inner:
                def call(self):
                    return 1
            @staticmethod
            def help(x):
                return x + 1
    """)
    inner, helper = again(monkeypatch, session["Outer"].Inner, session["Outer"].help)
    assert (inner().call(), helper(1)) == (1, 2)


def test_classes_without_methods_are_found_by_name(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        class Marker(dict):
            pass
        class Sized(Marker):
            size = 3
    """)
    [sized] = again(monkeypatch, session["Sized"])
    assert sized.size == 3
    assert sized.__mro__[1].__name__ == "Marker"


def test_the_definition_that_ran_is_taken_of_two_branches(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import sys
        if sys.version_info > (3,):
            def f():
                return "three"
        else:
            def f():
                return "two"
    """)
    [f] = again(monkeypatch, session["f"])
    assert f() == "three"


def test_the_module_is_called_like_the_script_and_keeps_clear_of_others(session: Session) -> None:
    from bundler.sources.extract import extract

    session.script("def f():\n    return 1\n", name="train-v2.py")
    found = extract([session["f"]], taken=())
    assert [module.name for module in found.modules] == ["train_v2"]
    assert [module.name for module in extract([session["f"]], taken={"train_v2"}).modules] == ["train_v2_script"]
    assert str(session.folder) not in found.modules[0].reason + found.modules[0].text.decode()


def test_a_script_named_like_an_installed_package_gets_another_name(session: Session) -> None:
    session.script("def f():\n    return 1\n", name="pytest.py")
    from bundler.sources.extract import extract

    assert [module.name for module in extract([session["f"]], taken=()).modules] == ["pytest_script"]
    session.script("def f():\n    return 1\n", name="json.py")
    assert [module.name for module in extract([session["f"]], taken=()).modules] == ["json_script"]


def test_the_name_of_the_module_is_its_own(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("def f():\n    return __name__, __doc__\n")
    [f] = again(monkeypatch, session["f"])
    assert f()[0] == "train"


def test_enumerations_tuples_and_slots_travel(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import dataclasses
        import enum
        from typing import NamedTuple
        class Mode(enum.Enum):
            UP = 1
            DOWN = "down"
        class Point(NamedTuple):
            x: int
            y: int = 2
        class Slots:
            __slots__ = ("a",)
        @dataclasses.dataclass(frozen=True)
        class Config:
            mode: Mode = Mode.UP
            sizes: tuple = dataclasses.field(default_factory=tuple)
        def f():
            return Mode.DOWN.value, Point(1).y, Slots, Config().mode.name
    """)
    [f] = again(monkeypatch, session["f"])
    assert f()[:2] + f()[3:] == ("down", 2, "UP")


def test_classes_without_methods_are_told_apart_by_their_constants(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.cell("class Sized(dict):\n    size = 3\n")
    old = session["Sized"]
    session.cell("class Sized(dict):\n    size = 4\n")
    first, second = again(monkeypatch, old, session["Sized"])
    assert (first.size, second.size) == (3, 4)


def test_the_name_of_a_module_fits_every_file_system(session: Session) -> None:
    session.script("def f():\n    return 1\n", name="Modèle 2.py")
    from bundler.sources.extract import extract

    assert [module.name for module in extract([session["f"]], taken={"modele_2"}).modules] == ["Modele_2_script"]


def test_a_star_import_does_not_answer_for_what_is_imported_by_name(session: Session) -> None:
    session.script("""
        import os
        from shutil import *
        def f():
            return os.sep, copyfile
    """)
    assert "import os\nfrom shutil import copyfile\n" in text_of(session["f"])


def test_numpy_scalars_are_constants(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.script("""
        import numpy as np
        data = np.array([0.1, 0.3], "float32")
        mean, top, some = data.mean(), data.argmax(), data.any()
        def f():
            return mean, top, some
    """)
    text = text_of(session["f"])
    assert "import numpy as np\n" in text
    assert "top = np.int64(1)\n" in text
    [f] = again(monkeypatch, session["f"])
    assert f() == session["f"]()
    assert [type(value) for value in f()] == [type(value) for value in session["f"]()]
