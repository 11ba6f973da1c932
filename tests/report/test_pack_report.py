"""A report of a model that does not travel says why, and holds nothing that is only the author's."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bundler.cli.main import main
from bundler.errors import PackError, SourceError
from bundler.report.pack_report import reported
from bundler.report.stripped import config_outline, place_of, stripped

_LAYER = {
    "module": "shop.layers",
    "class_name": "Lookup",
    "registered_name": "shop>Lookup",
    "config": {
        "units": 8,
        "words": ["anna", "otto"],
        "ids": {"anna": 1, "otto": 2},
        "note": "for Mr Smith",
        "rate": 0.125,
        "batch_shape": [None, 4],
        "dtype": "float32",
        "activation": {"class_name": "function", "config": "swirl"},
        "table": {"class_name": "__numpy__", "config": {"value": [[1.5, 2.5]], "dtype": "float32"}},
        "text": {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "closure": None}},
    },
}


def keras_file(path: Path, config: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"the weights")
    return path


def failing_report(path: Path, error: Exception, **options: Any) -> dict[str, Any]:
    def pack() -> None:
        with reported({"model": None, **options}, path, None) as progress:
            progress("importing Keras", 0, 0)
            progress("trying again: with whole modules", 0, 0)
            raise error

    with pytest.raises(type(error)):
        pack()
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def test_config_keeps_classes_arguments_shapes_and_dtypes() -> None:
    outline = config_outline(_LAYER)
    assert (outline["module"], outline["class_name"], outline["registered_name"]) == (
        *("shop.layers", "Lookup", "shop>Lookup"),
    )
    assert set(outline["config"]) == set(_LAYER["config"])
    assert outline["config"]["batch_shape"] == [None, 4]
    assert outline["config"]["dtype"] == "float32"
    assert outline["config"]["activation"]["config"] == "swirl"


def test_config_loses_every_value() -> None:
    text = json.dumps(config_outline(_LAYER))
    for value in ("anna", "otto", "Smith", "0.125", "1.5", "2.5", "4wEA"):
        assert value not in text
    assert config_outline(_LAYER)["config"]["ids"] == "dict of 2"
    assert config_outline(_LAYER)["config"]["units"] == "int"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/clients/acme/train.py:12: no", "train.py:12: no"),
        (r"C:\Users\anna\net.py, line 3", "net.py, line 3"),
        (f"{Path.home()}/My Work/net.py", "My Work/net.py"),
        ("~/x/net.py: no", "net.py: no"),
        ("/config/layers/1/config: no", "/config/layers/1/config: no"),
        ("get it from https://me:token@host/simple now", "get it from ... now"),
        ("ask anna@example.org", "ask ..."),
        ("the class 'shop.Gain' has no 'units'", "the class 'shop.Gain' has no 'units'"),
        ("row 'Anna Smith' isn't in 'table'", "row '...' isn't in 'table'"),
        ("Full config: {'words': ['a', {'b': 1}]} end", "Full config: {...} end"),
        ("values [0.5 0.25] of [None, 4] and (3, 4)", "values [...] of [None, 4] and (3, 4)"),
        ("cut {'words': ['a'", "cut {..."),
        ("[Errno 2] No such file", "[Errno 2] No such file"),
        ("\x1b[1mrow\x1b[0m", "row"),
        ('in user code:\n  File "/w/net.py", line 3, in call\n    x * KEY\n  ValueError: no',
         'in user code:\n  File "net.py", line 3, in call\n  ValueError: no'),
    ],
)  # fmt: skip
def test_message_keeps_its_words_and_loses_the_rest(text: str, expected: str) -> None:
    assert stripped(text) == expected


def test_message_loses_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/annamaria")
    monkeypatch.setenv("LOGNAME", "annamaria")
    assert stripped("annamaria has no annamarias") == "USER has no annamarias"


def test_place_of_an_installed_file_starts_at_its_package() -> None:
    assert place_of("/home/anna/.venv/lib/python3.12/site-packages/keras/src/layer.py") == "keras/src/layer.py"
    assert place_of("/home/anna/work/net.py") == "net.py"


def test_report_holds_the_error_with_its_causes_and_what_was_tried(tmp_path: Path) -> None:
    error = SourceError("it cannot travel", ["/home/anna/net.py:3: no source"], hint="mend it")
    error.__cause__ = ValueError("deep")
    report = failing_report(tmp_path / "r.json", error, payload="full", license="MIT", include=["acme"], vendor=False)
    assert [item["type"] for item in report["error"]] == ["bundler.errors.SourceError", "builtins.ValueError"]
    assert report["error"][0]["message"] == ["it cannot travel", "  - net.py:3: no source", "  next step: mend it"]
    assert report["error"][0]["frames"][-1].startswith("test_pack_report.py:")
    assert report["options"] == {"include": ["acme"], "license": "given", "payload": "full"}
    assert report["attempts"] == ["trying again: with whole modules"]
    assert report["steps"][0] == "importing Keras"
    assert {"python", "platform", "kbundle", "backend"} <= set(report["versions"])
    assert report["result"] == "failed"


def test_report_holds_the_config_and_no_weights(tmp_path: Path) -> None:
    model = keras_file(tmp_path / "m.keras", _LAYER)
    report = failing_report(tmp_path / "r.json", PackError("no"), model=str(model))
    assert report["config"]["class_name"] == "Lookup"
    text = (tmp_path / "r.json").read_text()
    assert "the weights" not in text
    assert str(tmp_path) not in text


def test_report_says_why_it_has_no_config(tmp_path: Path) -> None:
    damaged = tmp_path / "m.keras"
    damaged.write_bytes(b"none")
    assert "cannot be read" in failing_report(tmp_path / "r.json", PackError("no"), model=str(damaged))["no_config"]
    assert "only .keras" in failing_report(tmp_path / "r.json", PackError("no"), model="folder")["no_config"]


def test_report_is_written_when_packing_succeeds(tmp_path: Path) -> None:
    with reported({"model": None}, tmp_path / "r.json", None):
        pass
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["result"], report["error"]) == ("packed", [])


def test_no_other_file_is_overwritten(tmp_path: Path) -> None:
    model = keras_file(tmp_path / "m.keras", _LAYER)
    content = model.read_bytes()
    with pytest.raises(PackError, match="not a report"), reported({"model": None}, model, None):
        pytest.fail("the block must not run")
    assert model.read_bytes() == content
    # A report may be replaced by the next one.
    for _ in range(2):
        failing_report(tmp_path / "r.json", PackError("no"))


def test_a_report_that_cannot_be_written_hides_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PackError, match="the cause"), reported({"model": None}, tmp_path / "no" / "r.json", None):
        raise PackError("the cause")
    assert "the report cannot be written" in capsys.readouterr().err


def test_command_says_where_the_report_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["pack", str(tmp_path / "absent.keras"), "-o", str(tmp_path / "o.kbundle"), "--no-proof", "--report"]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert f"the report is in {tmp_path}/o.kbundle.report.json; it holds no weights, data or source" in said
    report = json.loads((tmp_path / "o.kbundle.report.json").read_text())
    assert report["options"]["prove"] is False
    assert report["error"]
