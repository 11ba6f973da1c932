"""The command line: what each command prints, and its exit codes."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bundler.cli.main import COMMANDS, main
from tests.cli.conftest import SOURCE, Run, write_small_bundle


def test_inspect_shows_what_an_auditor_asks_first(small: Path, kbundle: Run) -> None:
    shown = kbundle("inspect", small)
    assert shown.returncode == 0
    assert shown.stderr == ""
    for expected in (
        r"digest +sha256:[0-9a-f]{64}",
        r"input +x  FP32 \[-1, 4\]",
        r"output +y  FP32 \[-1, 2\]",
        r"1,234 trainable, 5 not",
        r"layer +shop>Gain +gain\.Gain +code/gain\.py:1",
        r"gain +21 B +[0-9a-f]{12} +defines Gain",
        r"keras +==3\.15\.1",
        r"Keras 3\.15\.1",
        r"not proved",
        r"not checked now +the bytes of the members",
    ):
        assert re.search(expected, shown.stdout), expected


def test_inspect_as_json_holds_the_manifest_word_for_word(small: Path, kbundle: Run) -> None:
    with_json = json.loads(kbundle("inspect", small, "--json").stdout)
    unzipped = subprocess.run(["unzip", "-p", small, "manifest.json"], capture_output=True, check=True).stdout
    assert with_json["manifest"] == json.loads(unzipped)
    assert with_json["digest"].startswith("sha256:")


def test_names_in_a_bundle_cannot_steer_the_terminal(tmp_path: Path, kbundle: Run) -> None:
    path = tmp_path / "hostile.kbundle"
    write_small_bundle(path, name="\x1b[2J\x1b[1;31mverified\u202e", key="a\r\nproof  recorded>B")
    shown = kbundle("inspect", path).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[2J" in shown
    assert not re.search(r"^proof", shown, re.MULTILINE)


def test_verify_says_what_it_checked(small: Path, kbundle: Run) -> None:
    shown = kbundle("verify", small)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "every byte of 5 members" in shown.stdout
    assert json.loads(kbundle("verify", small, "--json").stdout)["verified"] is True


def test_verify_refuses_a_changed_byte_with_3_and_another_bundle_with_1(small: Path, kbundle: Run) -> None:
    assert kbundle("verify", small, "--digest", "0" * 64).returncode == 1
    content = bytearray(small.read_bytes())
    content[content.index(SOURCE)] ^= 1
    small.write_bytes(content)
    shown = kbundle("verify", small)
    assert shown.returncode == 3
    assert "code/gain.py" in shown.stderr
    assert "next step" in shown.stderr
    as_json = kbundle("verify", small, "--json")
    assert as_json.returncode == 3
    assert json.loads(as_json.stdout)["error"]["place"] == "code/gain.py"


def test_extract_writes_every_member_below_the_folder(small: Path, tmp_path: Path, kbundle: Run) -> None:
    assert kbundle("extract", small, tmp_path / "out").returncode == 0
    assert (tmp_path / "out/code/gain.py").read_bytes() == SOURCE
    again = kbundle("extract", small, tmp_path / "out")
    assert again.returncode == 1
    assert "--overwrite" in again.stderr or "overwrite=True" in again.stderr
    files = json.loads(kbundle("extract", small, tmp_path / "other", "--json").stdout)["files"]
    assert len(files) == 5


@pytest.mark.parametrize("command", ["inspect", "verify", "extract"])
def test_what_is_no_bundle_ends_with_3_and_a_next_step(command: str, tmp_path: Path, kbundle: Run) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello")
    for path in (wrong, tmp_path / "nowhere", tmp_path):
        shown = kbundle(command, path, *([tmp_path / "out"] if command == "extract" else []))
        assert shown.returncode == 3
        assert shown.stdout == ""
        assert "next step" in shown.stderr
        assert "Traceback" not in shown.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_usage_ends_with_2(kbundle: Run) -> None:
    assert kbundle().returncode == 2
    assert kbundle("inspect").returncode == 2
    assert kbundle("nonsense").returncode == 2


def test_pack_without_the_model_says_so(kbundle: Run, tmp_path: Path) -> None:
    shown = kbundle("pack", tmp_path / "nowhere.keras", "-o", "m.kbundle")
    assert shown.returncode == 1
    assert "nowhere.keras" in shown.stderr
    assert not (tmp_path / "m.kbundle").exists()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


def test_the_installed_command_is_the_module(kbundle: Run) -> None:
    (entry,) = importlib.metadata.distribution("kbundle").entry_points.select(group="console_scripts")
    assert (entry.name, entry.load()) == ("kbundle", main)
    assert kbundle("--version").stdout.startswith("kbundle ")


def test_a_closed_pipe_is_no_error(small: Path) -> None:
    command = f"{sys.executable} -m bundler inspect {small} | head -n 1"
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert shown.stderr == ""


def test_output_that_cannot_be_written_is_one_line_and_no_traceback(small: Path) -> None:
    for redirect in ("> /dev/full", ">&-", "2>&-"):
        command = f"{sys.executable} -m bundler inspect {small} {redirect}"
        shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert "Traceback" not in shown.stderr
        assert shown.returncode == (1 if "full" in redirect else 0)


def test_a_terminal_that_lacks_a_character_gets_an_escape(tmp_path: Path) -> None:
    path = tmp_path / "m.kbundle"
    write_small_bundle(path, name="日本")
    command = f"PYTHONIOENCODING=ascii {sys.executable} -m bundler inspect {path}"
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert r"\u65e5\u672c" in shown.stdout


def test_a_long_text_of_a_bundle_does_not_fill_the_screen(tmp_path: Path, kbundle: Run) -> None:
    path = tmp_path / "m.kbundle"
    write_small_bundle(path, name="x" * 100_000)
    shown = kbundle("inspect", path).stdout
    assert max(map(len, shown.splitlines())) < 600
    assert "(99600 more)" in shown


def test_a_working_folder_that_is_gone_is_no_traceback(tmp_path: Path) -> None:
    command = (
        f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone && {sys.executable} -m bundler inspect x"
    )
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert shown.returncode == 3
    assert "Traceback" not in shown.stderr
