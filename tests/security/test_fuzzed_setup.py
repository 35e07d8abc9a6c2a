"""Setup files of any content: read, or refused as `setup_invalid` with the file and a line."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.cli import setup_file
from zekt_backend.rules.setup import SetupFile
from zekt_testing import setup
from zekt_testing.fuzzing import bent, documents, outcome, steadily, texts

TAGS = st.sampled_from(["!!binary", "!!timestamp", "!!python/object:os.system", "!!set", "!!int", "!!float", "!x"])
SCALARS = st.sampled_from(
    ["2026-13-45", "2026-02-30T99:00:00Z", "0x", "1_0", "9" * 5_000, ".inf", "~", "190:20:30", "=", "<<", "0b", "é"]
)
LINES = st.lists(
    st.one_of(
        st.tuples(texts, SCALARS).map(": ".join),
        st.tuples(st.sampled_from(["accounts", "subscriptions", "- login", "&a x", "*a"]), SCALARS).map(": ".join),
        st.tuples(TAGS, SCALARS | texts).map(lambda pair: "x: " + " ".join(pair)),
        st.sampled_from(
            ["- &a [*a]", "? [a]", "--- ", "...", "%YAML 9.9", "\t- x", "x: *nowhere", "<<: {a: 1}", "{", "'"]
        ),
    ),
    max_size=6,
).map("\n".join)


def read(content: bytes) -> SetupFile | None:
    """The file as a model, or None when it was refused as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "setup.yml"
        path.write_bytes(content)
        found = outcome(setup_file.read, path)
    if isinstance(found, SetupFile):
        return found
    assert found.code == "setup_invalid"
    assert str(path) in found.detail
    return None


@steadily
@given(
    st.binary(max_size=120) | LINES.map(str.encode) | documents.map(str.encode) | bent(setup.directory()),
)
def test_any_file_is_read_or_refused_by_name(content: bytes) -> None:
    read(content)


@pytest.mark.parametrize("scalar", ["2026-13-45", "!!int x", "!!int ''", "!!timestamp x", "!!bool x", "!!binary é"])
def test_a_scalar_that_is_not_what_it_looks_like_is_refused_by_name(scalar: str) -> None:
    assert read(f"accounts: {scalar}\n".encode()) is None


def test_the_good_one_is_read() -> None:
    """Else the property above could hold because nothing is ever read."""
    assert read(json.dumps(setup.directory()).encode()) is not None
