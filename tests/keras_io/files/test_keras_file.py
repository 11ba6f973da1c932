"""The files inside a ``.keras`` file: whatever is in them, what comes out is an error of kbundle's. No framework."""

from __future__ import annotations

import errno
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import InvalidBundle, RebuildFailed
from bundler.formats import keras_config
from bundler.keras_io.files.keras_file import read_config, read_metadata, unpack_keras_file, write_config


def _saved(path: Path, config: bytes = b"{}", metadata: bytes = b"{}") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", metadata)
        archive.writestr("model.weights.h5", b"")
    return path


@pytest.mark.parametrize(
    "text", [b"\xff{}", b"", b"[" * 100_000, b"9" * 5000, b"[]", b"3", b'"keras"', b"null"],
    ids=["text", "none", "deep", "number", "a list", "a number", "a string", "null"],
)  # fmt: skip
def test_refuses_what_is_not_a_json_object(tmp_path: Path, text: bytes) -> None:
    path = _saved(tmp_path / "m.keras", text, text)
    for read in (read_config, read_metadata):
        with pytest.raises(InvalidBundle, match=r"m\.keras"):
            read(path)


def test_refuses_a_member_that_does_not_unpack(tmp_path: Path) -> None:
    path = _saved(tmp_path / "m.keras", json.dumps(list(range(1000))).encode())
    content = bytearray(path.read_bytes())
    content[60:64] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(InvalidBundle, match=r"m\.keras"):
        read_config(path)
    with pytest.raises(InvalidBundle, match=r"m\.keras"):
        unpack_keras_file(path, tmp_path / "out")


def test_says_that_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RebuildFailed, match=r"cannot be written: No space left[^\0]*TMPDIR"):
        write_config(tmp_path, {})


def test_a_pointer_with_a_number_beyond_all_lists_leads_nowhere() -> None:
    with pytest.raises(KeyError):
        keras_config.get([1], f"/{'9' * 5000}")
