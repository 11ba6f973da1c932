"""Library values are taken apart and made again by a closed list of calls, which a stranger cannot widen."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bundler.values import Unsayable, given_state, made, own_state, settings, taken_apart


def _again(value: Any) -> Any:
    """Return what the call for `value` makes, its parts made again in the same way."""
    parts = taken_apart(value)
    if parts is None:
        if type(value) in (list, tuple):
            return type(value)(map(_again, value))
        return {key: _again(item) for key, item in value.items()} if type(value) is dict else value
    keywords = {name: _again(item) for name, item in parts.keywords.items()}
    return made(parts.maker, tuple(map(_again, parts.items)), keywords, parts.attributes)


def test_makes_a_table_again_with_its_types() -> None:
    pandas = pytest.importorskip("pandas")
    for table in (
        pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, float("nan")]}),
        pandas.DataFrame({"a": [1]}, index=pandas.date_range("2020", periods=1, freq="D")),
        pandas.DataFrame({"a": ["x", "y"]}, index=["p", "q"]).astype({"a": "category"}),
    ):
        again = _again(table)
        pandas.testing.assert_frame_equal(again, table)
    for index in (pandas.RangeIndex(2, 9, 3), pandas.Index(["a", "b"], name="n"), pandas.Index([1.5])):
        assert _again(index).equals(index)
        assert _again(index).name == index.name
    assert taken_apart(pandas.MultiIndex.from_tuples([(1, 2)])) is None


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "dia", "lil", "dok"])
def test_makes_a_sparse_matrix_again_in_its_form(form: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for kind in ("matrix", "array"):
        matrix = getattr(sparse, f"{form}_{kind}")([[1.0, 0.0], [0.0, 2.0]])
        again = _again(matrix)
        assert type(again) is type(matrix)
        assert again.toarray().tolist() == matrix.toarray().tolist()


def test_refuses_indices_that_lead_out_of_a_matrix() -> None:
    sparse, numpy = pytest.importorskip("scipy.sparse"), pytest.importorskip("numpy")
    assert sparse is sys.modules["scipy.sparse"]
    data = (numpy.ones(1), numpy.array([9_000_000]), numpy.array([0, 1]))
    with pytest.raises(ValueError, match=r"ind(ex|ices)"):
        made("scipy.sparse.csr_matrix", (data,), {"shape": (1, 3)}, {})


def test_refuses_a_place_outside_of_a_generators_store() -> None:
    numpy = pytest.importorskip("numpy")
    state = numpy.random.MT19937(0).state
    state["state"]["pos"] = 1 << 30
    with pytest.raises(ValueError, match="lies outside"):
        made("numpy.random.MT19937", (0,), {}, {"state": state})


@pytest.mark.parametrize(
    "maker", ["os.system", "builtins.eval", "pandas.read_pickle", "numpy.load", "tensorflow.io.read_file"]
)
def test_refuses_a_call_that_is_not_on_the_list(maker: str) -> None:
    with pytest.raises(ValueError, match="does not make values"):
        made(maker, ("x",), {}, {})


def test_refuses_arguments_of_other_types() -> None:
    with pytest.raises(TypeError):
        made("pathlib.Path", (object(),), {}, {})
    with pytest.raises(TypeError):
        made("collections.defaultdict", (print, {}), {}, {})
    with pytest.raises(ValueError, match="is not set"):
        made("pathlib.Path", ("a",), {}, {"__class__": int})


def test_gives_an_object_its_state_without_running_its_class() -> None:
    class Loud:
        def __init__(self) -> None:
            raise AssertionError

        def __setattr__(self, name: str, value: object) -> None:
            raise AssertionError

    found = given_state(Loud, [("a", 1)])
    assert own_state(found).attributes == {"a": 1}
    with pytest.raises(ValueError, match="cannot have this name"):
        given_state(Loud, [("__class__", int)])


def test_refuses_a_class_that_makes_its_objects_in_its_own_way() -> None:
    class Own:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Own, ())

    with pytest.raises(Unsayable, match="__reduce__ of its own"):
        own_state(Own())


def test_makes_settings_of_libraries_again() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"dim": 8, "part": {"width": "${dim}", "sizes": [1, {"x": 2}]}})
    omegaconf.OmegaConf.set_struct(config, True)
    for value in (config, config.part, config.part.sizes):
        again = _again(value)
        assert again == value
        assert type(again) is type(value)
        assert omegaconf.OmegaConf.is_struct(again)
    assert _again(config.part).width == 8
    assert taken_apart(omegaconf.OmegaConf.create({"a": "${nowhere}"})) is None


@pytest.mark.parametrize("data", [{"a": "${oc.env:HOME}"}, {"a": [{"__class__": 1}]}])
def test_makes_no_settings_that_are_more_than_data(data: dict[str, Any]) -> None:
    for make in settings.MAKERS.values():
        with pytest.raises(ValueError, match=r"more than plain data|the interpreter's"):
            make(dict, data)
