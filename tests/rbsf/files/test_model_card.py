"""The model card's table: sizes and hashes are those of the files, and nothing else changes."""

import hashlib

import pytest

from rbsf.errors import InputError
from rbsf.files.model_card import update_card

HASH = "0" * 64
CARD = f"""# Card

| file | network | size | sha256 |
|---|---|---|---|
| `a.rbsf` | A | 1 bit, packed | 330,564 bytes | `{HASH}` |
| `b_c.safetensors` | B (not in the wheel) | 12 bytes | `{HASH}` |

`a.rbsf` has 330,564 bytes. | `x.rbsf` | no row |
"""


@pytest.fixture
def card(tmp_path):
    (tmp_path / "a.rbsf").write_bytes(b"x" * 12_345)
    (tmp_path / "b_c.safetensors").write_bytes(b"yy")
    (tmp_path / "README.md").write_text(CARD)
    return tmp_path / "README.md"


def test_rows_get_the_size_and_hash_of_their_file(card):
    assert update_card(card) == ["a.rbsf", "b_c.safetensors"]
    lines, before = card.read_text().splitlines(), CARD.splitlines()
    first = hashlib.sha256(b"x" * 12_345).hexdigest()
    assert lines[4] == f"| `a.rbsf` | A | 1 bit, packed | 12,345 bytes | `{first}` |"
    second = hashlib.sha256(b"yy").hexdigest()
    assert lines[5] == f"| `b_c.safetensors` | B (not in the wheel) | 2 bytes | `{second}` |"
    assert lines[:4] + lines[6:] == before[:4] + before[6:]


def test_a_card_that_is_up_to_date_is_left_alone(card):
    update_card(card)
    written = card.stat().st_mtime_ns
    assert update_card(card) == []
    assert card.stat().st_mtime_ns == written


def test_a_file_that_does_not_exist_is_named_and_nothing_is_written(card):
    (card.parent / "a.rbsf").unlink()
    with pytest.raises(InputError, match=r"names a\.rbsf, which does not exist"):
        update_card(card)
    assert card.read_text() == CARD
