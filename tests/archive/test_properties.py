"""Whatever members come in come out, and there is one file for them (I1, I3)."""

from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from bundler.archive.names import collisions, name_problem
from bundler.archive.reader import open_bundle
from bundler.archive.writer import NewMember, write_stored_zip
from tests.archive import builders

SEGMENT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
CONTENT = st.one_of(st.binary(max_size=200), st.integers(0, 5000).map(bytes), st.just(bytes(1 << 20)))
SOUND = st.dictionaries(
    NAMES.map(lambda name: f"examples/{name}").filter(lambda name: name_problem(name) is None), CONTENT, max_size=6
).filter(lambda members: not list(collisions(members)))


@given(SOUND, st.sampled_from([None, "zstd"]))
def test_members_come_back(members: dict[str, bytes], encoding: str | None) -> None:
    suffix = ".zst" if encoding else ""
    given = {f"{name}{suffix}": content for name, content in members.items() if not encoding or len(content) < 10_000}
    new = [NewMember(name, content, encoding) for name, content in given.items()]
    data = builders.written([*builders.members(), *new])
    with open_bundle(io.BytesIO(data)) as bundle:
        bundle.verify()
        assert {name: bundle.read(name) for name in given} == given
    assert builders.written([*reversed(new), *builders.members()]) == data


@given(st.dictionaries(NAMES.filter(lambda name: "\0" not in name), CONTENT, max_size=6))
def test_stored_zip_comes_back(members: dict[str, bytes]) -> None:
    file = io.BytesIO()
    write_stored_zip(file, [NewMember(name, content) for name, content in members.items()])
    with zipfile.ZipFile(file) as archive:
        assert {name: archive.read(name) for name in members} == members
        assert archive.namelist() == list(members)


@given(NAMES.filter(lambda name: name_problem(f"code/{name}") is None))
def test_accepted_name_stays_below_its_folder(name: str) -> None:
    assert not name.startswith("/")
    assert "\\" not in name
    assert not set(name.split("/")) & {"", ".", ".."}
    assert name.isprintable()
