"""No foreign exception leaves the load side (I12): not for a crafted file, and not for a full disk."""

from __future__ import annotations

import errno
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.archive.scratch import written_below
from bundler.archive.writer import NewMember, write_stored_zip
from bundler.errors import InvalidBundle, RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io.files.keras_file import read_config, unpack_keras_file
from bundler.keras_io.selftest.recording import arrays
from bundler.namespace import ModuleText, open_namespace


def keras_file(path: Path, names: list[str], *, compress: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name in [*("metadata.json", "config.json", "model.weights.h5"), *names]:
            archive.writestr(name, b"content " * 100)
    return path


def full_disk(opens: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `Path.open` that finds no room for a new file."""

    def opened(path: Path, mode: str = "r", **options: Any) -> Any:
        if "x" in mode or "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opens(path, mode, **options)

    return opened


def test_refuses_a_keras_file_whose_compressed_bytes_are_damaged(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras", [], compress=True)
    content = bytearray(path.read_bytes())
    content[41:43] = b"\xff\xff"
    path.write_bytes(content)
    with pytest.raises(InvalidBundle):
        unpack_keras_file(path, tmp_path / "out")
    with pytest.raises(InvalidBundle):
        read_config(path)


def test_refuses_a_keras_file_with_an_offset_beyond_every_file(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras", [])
    content = bytearray(path.read_bytes())
    record = content.index(b"PK\x01\x02")
    extra = b"\x01\x00\x08\x00" + b"\xff" * 8
    content[record + 30 : record + 32] = len(extra).to_bytes(2, "little")
    content[record + 42 : record + 46] = b"\xff" * 4
    after = record + 46 + len("config.json")
    content[after:after] = extra
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = (end - record).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InvalidBundle):
        unpack_keras_file(path, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["assets/a", "assets/a"], "twice"),
        (["a"], "a file that Keras does not write"),
        (["assets/a", "assets/a/b"], "folder"),
        (["assets/" + "x" * 300], "long"),
        (["assets/" + "x/" * 600 + "y"], "long"),
    ],
)
def test_refuses_names_in_a_keras_file_that_cannot_be_written(tmp_path: Path, names: list[str], what: str) -> None:
    path = keras_file(tmp_path / "m.keras", names)
    with pytest.raises(InvalidBundle, match=what):
        unpack_keras_file(path, tmp_path / "out")


def test_a_full_disk_names_the_folder_and_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keras_file(tmp_path / "m.keras", [])
    monkeypatch.setattr(Path, "open", full_disk(Path.open))
    with pytest.raises(RebuildFailed, match="No space left") as caught:
        unpack_keras_file(path, tmp_path / "out")
    assert caught.value.place == str(tmp_path / "out")
    assert "TMPDIR" in str(caught.value.hint)


def test_a_reader_of_the_progress_that_has_left_is_no_full_disk(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), written_below(tmp_path):
        raise BrokenPipeError


@pytest.mark.parametrize("text", [b"x = '\xff'\n", b"# coding: none-such\n", b"# coding: hex\n00\n"])
def test_refuses_a_module_that_is_no_text_however_often(text: bytes) -> None:
    for _ in range(2):
        with pytest.raises(RebuildFailed, match="not Python text"):
            open_namespace(
                f"sha256:{text.hex():0<64.64}",
                [ModuleText(name="odd", text=text, package=False)],
                {},
                versions={},
                isolation=lambda *_: pytest.fail("nothing may run"),
            )


@pytest.mark.parametrize("structure", [{"dict": 3}, {"list": {}, "x": 1}, {"array": "gone", "dtype": "x"}, 3])
def test_refuses_arrays_of_a_structure_that_means_nothing(structure: Any) -> None:
    target = io.BytesIO()
    write_stored_zip(target, [NewMember(name="structure.json", content=json.dumps(structure).encode())])
    with pytest.raises(InvalidBundle):
        arrays.parse(target.getvalue(), "examples/inputs.npz")


def test_a_pointer_of_thousands_of_digits_points_to_nothing() -> None:
    with pytest.raises(KeyError):
        keras_config.get([1, 2], "/" + "1" * 5000)
