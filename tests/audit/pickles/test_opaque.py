"""A pickle tells what it would import, and nothing of it is ever unpickled."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.audit.finding import (
    DYNAMIC_CODE,
    ENVIRONMENT,
    FILESYSTEM,
    NETWORK,
    OPAQUE_CODE,
    PROCESS,
    REFLECTION,
    UNSAFE_DESERIALIZATION,
    Finding,
    Severity,
)
from bundler.audit.pickles.pickle_findings import RULES, WRITTEN, bundled_modules, opaque_findings
from bundler.audit.source.call_rules import CALL_RULES
from bundler.audit.source.exported_names import exported
from bundler.audit.source.framework_sinks import KERAS, KERAS_SOURCE_DOORS, NUMPY, OTHERS, TENSORFLOW
from bundler.audit.source.library_sinks import IMPORTS, PURE_PARTS, SINKS
from bundler.audit.source.lookup import Kind, look
from bundler.formats.pickles import MOST_OPCODES
from bundler.namespace.opaque import MARK
from tests.audit.pickles.programs import (
    by_cloudpickle,
    called,
    extension,
    imported,
    new_object,
    old_global,
    old_instance,
    old_object,
    program,
    text,
    through_memo,
)


def make_class(bound: Any = None) -> type:
    class Scale:
        factor = 2.0

        def call(self, x: Any) -> Any:
            return x * self.factor, bound

    return Scale


def make_hostile() -> Callable[[], Any]:
    def run() -> Any:
        import subprocess

        return subprocess.run(["id"]), eval("1")

    return run


def findings(data: bytes) -> list[Finding]:
    return opaque_findings(data, member="code/zoo.Made.pickle", what="layer zoo.Made")


def rules(data: bytes) -> set[str]:
    return {item.rule.id for item in findings(data)}


def test_lists_what_a_pickle_of_cloudpickle_imports_and_asks_for_nothing_more() -> None:
    found = findings(by_cloudpickle(make_class()))
    assert [item.rule.id for item in found] == ["opaque.code"]
    assert "cloudpickle.cloudpickle._make_skeleton_class" in found[0].what
    assert "types.CodeType" in found[0].what
    assert "factor" in found[0].what, "names of its bytecode"
    assert found[0].severity is Severity.CONSENT


def test_names_the_modules_of_the_bundle_that_a_pickle_refers_to() -> None:
    data = by_cloudpickle(make_class(io.BytesIO))
    assert rules(data) == {"opaque.code"}
    assert bundled_modules(data) == {"shop.late"}


def test_knows_the_mark_of_persistent_ids() -> None:
    data = program(b"(" + text(MARK) + text("pkg") + b"tQ")
    assert bundled_modules(data) == {"pkg"}


def test_best_guess_of_bytecode_names_is_marked_as_such() -> None:
    found = [item for item in findings(by_cloudpickle(make_hostile())) if item.rule.id != "opaque.code"]
    assert {item.capability for item in found} == {DYNAMIC_CODE, PROCESS}
    assert all("best guess" in item.what for item in found)


@pytest.mark.parametrize(
    ("data", "name", "capability"),
    [
        (program(called(imported("os", "system"), text("id"))), "os.system", PROCESS),
        (program(called(imported("posix", "system"), text("id"))), "posix.system", PROCESS),
        (program(called(imported("subprocess", "Popen"), text("id"))), "subprocess.Popen", PROCESS),
        (program(called(imported("builtins", "eval"), text("1"))), "builtins.eval", DYNAMIC_CODE),
        (program(called(imported("builtins", "open"), text("x"))), "builtins.open", FILESYSTEM),
        (program(imported("builtins", "globals")), "builtins.globals", REFLECTION),
        (program(imported("socket", "create_connection")), "socket.create_connection", NETWORK),
        (program(through_memo("os", "system")), "os.system", PROCESS),
        (program(imported("logging", "os.system")), "logging.os.system", PROCESS),
        (program(imported("functools", "partial.__globals__")), "functools.partial.__globals__", REFLECTION),
        (program(old_global("os", "system")), "os.system", PROCESS),
        (program(old_instance("os", "system")), "os.system", PROCESS),
        (program(old_object("os", "system")), "os.system", PROCESS),
        (program(new_object("subprocess", "Popen")), "subprocess.Popen", PROCESS),
        (program(new_object("subprocess", "Popen", extended=True)), "subprocess.Popen", PROCESS),
        (program(called(imported("cloudpickle.cloudpickle", "subimport"), text("os"))), "os", PROCESS),
        (
            program(
                called(
                    imported("builtins", "getattr"),
                    called(imported("cloudpickle.cloudpickle", "subimport"), text("shutil")),
                    text("rmtree"),
                )
            ),
            "shutil.rmtree",
            FILESYSTEM,
        ),
        (b"cos\nsystem\n(S'id'\ntR.", "os.system", PROCESS),
    ],
)
def test_asks_for_the_word_of_what_reaches_further(data: bytes, name: str, capability: str) -> None:
    found = findings(data)
    assert any(item.capability == capability and name in item.what for item in found), found
    assert any(item.rule.id == "opaque.code" and name in item.what for item in found)


def asked(dotted: str) -> set[str | None]:
    """The words that a pickle needs beyond ``opaque-code`` when it imports `dotted`."""
    module, _, name = dotted.rpartition(".")
    return {item.capability for item in findings(program(imported(module, name)))} - {OPAQUE_CODE}


def listed_names() -> Iterator[str]:
    """Every name that a table of the source audit has."""
    tables = [*exported().items(), *((module, names) for module, (_, names) in PURE_PARTS.items())]
    yield from (f"{module}.{name}" for module, names in tables for name in names)
    sinks = (*CALL_RULES, *IMPORTS, *SINKS, *TENSORFLOW, *KERAS, *NUMPY, *OTHERS, *KERAS_SOURCE_DOORS)
    yield from (sink if "." in sink else f"{sink}.anything" for sink in sinks)


def test_allows_no_name_that_is_a_capability_in_source() -> None:
    names = {name for name in listed_names() if look(name).kind in (Kind.SINK, Kind.CALL)}
    assert len(names) > 1_000
    assert {name for name in names if look(name).capability not in asked(name)} <= WRITTEN


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "os.kill",
        "os.remove",
        "os.environ",
        "os.path.expanduser",
        "posix.system",
        "subprocess.Popen",
        "socket.socket",
        "shutil.rmtree",
        "builtins.eval",
        "builtins.open",
        "builtins.setattr",
        "sys.exit",
        "sys.setprofile",
        "logging.disable",
        "logging.FileHandler",
        "pickle.loads",
        "torch.load",
        "torch.save",
        "yaml.load",
        "ctypes.CDLL",
        "importlib.import_module",
        "types.FunctionType",
        "functools.singledispatch",
        "operator.attrgetter",
        "operator.methodcaller",
        "copyreg._reconstructor",
        "codecs.encode",
        "numpy.load",
        "keras.saving.load_model",
        "numpy._core.multiarray._reconstruct",
        "tensorflow.io.read_file",
        "tensorflow.raw_ops.ReadFile",
        "keras.layers.Lambda",
    ],
)
def test_asks_for_the_word_that_source_asks_for(name: str) -> None:
    assert look(name).capability in asked(name)


@pytest.mark.parametrize(
    "name",
    [
        "os.path.join",
        "io.BytesIO",
        "logging.getLogger",
        "threading.Lock",
        "pathlib.PurePath",
        "platform.system",
        "collections.OrderedDict",
        "functools.partial",
        "datetime.date",
        "torch.tensor",
        "torch.nn.Linear",
        "numpy.ndarray",
        "numpy.trace",
        "keras.layers.Dense",
        "keras.src.layers.core.dense.Dense",
        "keras.ops.trace",
        "builtins.hex",
        "scipy.sparse._csr.csr_matrix",
    ],
)
def test_asks_for_nothing_where_source_asks_for_nothing(name: str) -> None:
    assert look(name).kind in (Kind.PLAIN, Kind.OPEN, Kind.MODULE)
    assert asked(name) == set()


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        # What no list has, in the standard library: a pickle chooses the arguments.
        ("_codecs.encode", REFLECTION),
        ("logging.config.dictConfig", REFLECTION),
        ("inspect._signature_fromstr", REFLECTION),
        # Past a sink to another one.
        ("pathlib.os.system", PROCESS),
        ("keras.src.saving.saving_lib.load_model", FILESYSTEM),
        # As Python 2 calls them.
        ("__builtin__.eval", DYNAMIC_CODE),
        ("commands.getoutput", PROCESS),
        ("copy_reg._reconstructor", UNSAFE_DESERIALIZATION),
    ],
)
def test_asks_for_what_is_reached_on_a_way_around(name: str, capability: str) -> None:
    assert capability in asked(name)


@pytest.mark.parametrize(
    ("name", "capability"),
    [("str.format", REFLECTION), ("object.__subclasses__", REFLECTION), ("no_such_name", DYNAMIC_CODE)],
)
def test_asks_for_what_builtins_have_and_no_list(name: str, capability: str) -> None:
    assert f"opaque.{capability}" in rules(program(imported("builtins", name)))


def test_a_mixed_module_as_a_value_asks_for_all_that_is_in_it() -> None:
    found = findings(program(called(imported("cloudpickle.cloudpickle", "subimport"), text("os"))))
    assert {item.capability for item in found} == {OPAQUE_CODE, FILESYSTEM, PROCESS, ENVIRONMENT}


def test_asks_for_what_a_persistent_id_reaches_through_a_module_of_the_bundle() -> None:
    pid = b"(" + text("kbundle") + text("pkg") + text("os.system") + b"tQ"
    assert "opaque.process" in rules(program(pid))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (program(b"(" + text("kbundle") + b"tQ"), "opaque.persistent-id"),
        (program(b"(" + text("other") + text("pkg") + b"tQ"), "opaque.persistent-id"),
        (program(text("kbundle") + b"Q"), "opaque.persistent-id"),
        (program(b"(" + text("kbundle") + text("pkg") + text("a") + text("b") + b"tQ"), "opaque.persistent-id"),
        (program(b"Pkbundle\n"), "opaque.persistent-id"),
        (program(extension(1)), "opaque.extension-registry"),
        (program(extension(300)), "opaque.extension-registry"),
        (program(extension(70_000)), "opaque.extension-registry"),
        (program(b"N") + b"\0", "opaque.trailing-data"),
        (program(b"N") + program(imported("os", "system")), "opaque.trailing-data"),
        (program(b"N")[:-1], "opaque.malformed"),
        (b"", "opaque.malformed"),
        (program(b"0"), "opaque.malformed"),
        (program(b"h\x07"), "opaque.malformed"),
        (program(b"t"), "opaque.malformed"),
        (program(text("os") + b"\x93"), "opaque.malformed"),
        (b"\x80\x02N.", "opaque.foreign-opcode"),
        (program(b"\x97"), "opaque.foreign-opcode"),
        (program(b"L1L\n"), "opaque.foreign-opcode"),
        (program(called(imported("builtins", "str"), text("os")) + text("system") + b"\x93"), "opaque.computed-import"),
        (program(called(imported("cloudpickle.cloudpickle", "subimport"), b"N")), "opaque.computed-import"),
        (program(imported("sys", "modules") + text("os") + b"Ns"), "opaque.changes-import"),
        (program(imported("keras", "Model") + b"}b"), "opaque.changes-import"),
    ],
)
def test_refuses_what_cloudpickle_never_makes(data: bytes, rule: str) -> None:
    found = {item.rule.id: item.severity for item in findings(data)}
    assert found[rule] is Severity.REFUSED, found


def test_every_pickle_of_a_member_is_listed() -> None:
    found = findings(program(b"N") + program(imported("os", "system")))
    assert len([item for item in found if item.rule.id == "opaque.code"]) == 2
    assert "opaque.process" in {item.rule.id for item in found}


def test_says_what_was_left_unread() -> None:
    assert "opaque.too-long" in rules(program(b"N0" * MOST_OPCODES, b"N"))


def test_a_code_object_of_another_form_is_counted() -> None:
    code = called(imported("cloudpickle.cloudpickle", "_builtin_type"), text("CodeType"))
    assert "1 code objects whose names cannot be told" in findings(program(called(code, b"N")))[0].what


def test_every_finding_is_of_a_listed_rule() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.id.startswith("opaque.") for rule in RULES)


class Trap:
    """Calls `sys.exit` when it is unpickled."""

    def __reduce__(self) -> Any:
        return sys.exit, ("unpickled",)


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_unpickled(protocol: int) -> None:
    found = findings(pickle.dumps(Trap(), protocol=protocol))
    assert any("sys.exit" in item.what and item.capability == PROCESS for item in found)


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert findings(data)


@given(
    st.lists(st.tuples(st.integers(min_value=0, max_value=700), st.integers(min_value=0, max_value=255)), max_size=5),
    st.integers(min_value=0, max_value=700),
)
def test_no_damaged_pickle_raises(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(_WHOLE)
    for place, value in changes:
        data[place % len(data)] = value
    assert findings(bytes(data))
    assert findings(bytes(data[:cut]))


_WHOLE = by_cloudpickle(make_class())
