"""The packed file: its bytes, written out by hand, and which files are refused."""

import json
import struct
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packed_bytes import flipped_bits, refusal_by, u32

from rbsf.engine.format import (
    PackedLayer,
    PackedNetwork,
    from_bytes,
    read_packed,
    to_bytes,
    write_packed,
)
from rbsf.errors import InputError

METADATA = b'{"a": 1}'
FIRST, SECOND = 40 + len(METADATA), 40 + len(METADATA) + 24 + 6 + 8 + 1
"""The positions where the two layers of `tiny` begin."""


def tiny() -> PackedNetwork:
    """A layer 3 -> 2 with a 1x1 kernel on pixels, then a last layer 2 -> 3 with a 2x2 kernel."""
    pixels = np.array([[1, -2, 3], [-127, 0, 127]], np.int8).reshape(2, 3, 1, 1)
    signs = -np.ones((3, 2, 2, 2), np.int8)
    signs[0, 0, 0, 0] = 1  # element 0
    signs[0, 1, 0, 0] = 1  # element 1: the inputs of a place lie together
    signs[1, 0, 0, 1] = 1  # element 2: then comes the next column
    signs[2, 1, 1, 1] = 1  # element 7
    first = PackedLayer(
        "pixels", 3, 2, 1, 2, 1, True, pixels,
        thresholds=np.array([5, -6], np.int32), flips=np.array([False, True]),
    )  # fmt: skip
    second = PackedLayer(
        "binary", 2, 3, 2, 1, 1, False, signs,
        scale=np.array([1, 2, 0.5], np.float32), bias=np.array([0, -1, 4], np.float32),
    )  # fmt: skip
    return PackedNetwork((first, second), 0.5, -2.0, {"a": 1})


BODY = b"".join(
    [
        METADATA,
        bytes([0, 0, 1, 0]),
        struct.pack("<5I", 3, 2, 1, 2, 1),
        bytes([1, 254, 3, 129, 0, 127]),
        struct.pack("<2i", 5, -6),
        bytes([0b10]),
        bytes([1, 1, 0, 0]),
        struct.pack("<5I", 2, 3, 2, 1, 1),
        bytes([0b11, 0b100, 0b10000000]),
        struct.pack("<6f", 1, 2, 0.5, 0, -1, 4),
    ]
)


def with_levels() -> PackedNetwork:
    """The same network, but its first layer gives levels."""
    first, second = tiny().layers
    thresholds = np.array([[5, -6], [5, 0], [9, 7]], np.int32)
    return PackedNetwork((replace(first, thresholds=thresholds), second), 0.5, -2.0, {"a": 1})


LEVELS_BODY = b"".join(
    [
        METADATA,
        bytes([0, 2, 1, 0]),
        BODY[len(METADATA) + 4 : FIRST - 40 + 30],
        struct.pack("<6i", 5, -6, 5, 0, 9, 7),
        BODY[FIRST - 40 + 38 :],
    ]
)


def sealed(body: bytes, gain=0.5, bias=-2.0, metadata=8, layers=2, version=1) -> bytes:
    """A file whose size and checksum are right, with any other numbers in its header."""
    rest = struct.pack("<QffII", 40 + len(body), gain, bias, metadata, layers) + body
    return b"\x89RBSF\r\n\x1a" + struct.pack("<II", version, zlib.crc32(rest)) + rest


def changed(at: int, new: bytes) -> bytes:
    data = sealed(BODY)
    return sealed((data[:at] + new + data[at + len(new) :])[40:])


def refusal(data: bytes) -> str:
    return refusal_by(from_bytes, data)


def test_the_bytes_are_those_of_the_description():
    assert to_bytes(tiny()) == sealed(BODY)
    assert to_bytes(with_levels()) == sealed(LEVELS_BODY, version=2)


@pytest.mark.parametrize("make", [tiny, with_levels])
def test_what_is_read_is_what_was_written(tmp_path, make):
    write_packed(tmp_path / "a.rbsf", make())
    network, expected = read_packed(tmp_path / "a.rbsf"), make()
    assert [file.name for file in tmp_path.iterdir()] == ["a.rbsf"]
    assert (network.response_gain, network.response_bias) == (0.5, -2)
    assert network.metadata == {"a": 1}
    for layer, wanted in zip(network.layers, expected.layers, strict=True):
        for key, value in vars(wanted).items():
            found = getattr(layer, key)
            assert np.array_equal(found, value) if value is not None else found is None
            assert getattr(found, "dtype", None) == getattr(value, "dtype", None)
    assert [layer.terms for layer in network.layers] == [3, 8]
    assert [layer.output for layer in network.layers] == [
        "levels" if make is with_levels else "bits",
        "real",
    ]


def test_torch_is_not_needed():
    code = "import rbsf.engine.format, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("data", [sealed(BODY), sealed(LEVELS_BODY, version=2)])
def test_every_truncation_is_reported(data):
    for length in range(len(data)):
        message = refusal(data[:length])
        assert ("is truncated" if length else "is not a packed") in message


@pytest.mark.parametrize("data", [sealed(BODY), sealed(LEVELS_BODY, version=2)])
def test_every_flipped_bit_is_refused(data):
    for flipped in flipped_bits(data):
        refusal(flipped)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not a packed RB-SF file"),
        (b"PK\x03\x04" + bytes(60), "is not a packed RB-SF file"),
        (sealed(BODY, version=5), "has version 5, but this rbsf reads only up to 4: update rbsf"),
        (sealed(BODY, version=4), "holds a classifier, not a tracker's network"),
        (sealed(BODY, version=2), "has version 2, but its layers make version 1"),
        (sealed(LEVELS_BODY), "has version 1, but its layers make version 2"),
        (
            sealed(LEVELS_BODY.replace(u32(9), u32(4)), version=2),
            "layer 1 has thresholds that do not ascend",
        ),
        (
            sealed(LEVELS_BODY.replace(u32(7), u32(2**32 - 1)), version=2),
            "layer 1 has thresholds that do not ascend",
        ),
        (sealed(BODY, version=0), "is damaged: there is no version 0"),
        (sealed(BODY) + b"\0", "is damaged: 1 bytes follow its end"),
        (sealed(BODY)[:-1] + b"\1", "is damaged: its checksum does not match"),
        (sealed(BODY + b"\0"), "is damaged: 1 bytes follow its last layer"),
        (sealed(BODY, gain=0), "has response gain 0"),
        (sealed(BODY, gain=float("nan")), "has response gain nan"),
        (sealed(BODY, bias=float("inf")), "has response bias inf"),
        (sealed(BODY, metadata=65537), "has 65537 bytes of metadata"),
        (sealed(BODY, metadata=2**32 - 1), "has 4294967295 bytes of metadata"),
        (sealed(BODY, metadata=60000), "is damaged: it ends"),
        (sealed(BODY, layers=1), "has 1 layers: 2 to 32"),
        (sealed(BODY, layers=2**32 - 1), "has 4294967295 layers: 2 to 32"),
        (sealed(BODY, layers=3), "layer 2 must give bits or levels"),
        (changed(40, b'"123456"'), "its metadata is not a JSON object"),
        (changed(40, b'{"a": 1 '), "its metadata is not a JSON object"),
        (changed(40, b"\xff\xfe\xfd" * 2), "its metadata is not a JSON object"),
        (sealed(b"[" * 60000 + BODY, metadata=60000), "its metadata is not a JSON object"),
        (sealed(b"9" * 60000 + BODY, metadata=60000), "its metadata is not a JSON object"),
        (changed(FIRST, b"\2"), "layer 1 has an unknown kind"),
        (changed(FIRST + 1, b"\3"), "layer 1 has an unknown kind"),
        (changed(FIRST + 3, b"\1"), "layer 1 has an unknown kind"),
        (changed(FIRST, b"\1"), "layer 1 must be pixels"),
        (changed(FIRST + 1, b"\1"), "layer 1 must give bits"),
        (changed(FIRST + 4, u32(4)), "layer 1 has 4 inputs, not 3"),
        (changed(FIRST + 8, u32(0)), "layer 1 has 3 inputs and 0 outputs, not 1 to 4096"),
        (changed(FIRST + 8, u32(2**32 - 1)), "layer 1 has 3 inputs and 4294967295 outputs"),
        (changed(FIRST + 8, u32(4096)), "is damaged: it ends"),
        (changed(FIRST + 12, u32(0)), "layer 1 has kernel 0"),
        (changed(FIRST + 12, u32(16)), "layer 1 has kernel 16"),
        (changed(FIRST + 16, u32(5)), "layer 1 has stride 5"),
        (changed(FIRST + 20, u32(0)), "layer 1 has 0 groups"),
        (changed(FIRST + 20, u32(3)), "layer 1 has 3 groups"),
        (changed(FIRST + 24, b"\x80"), "layer 1 has a weight below -127"),
        (changed(SECOND - 1, b"\x06"), "is damaged: unused bits are not 0"),
        (changed(SECOND, b"\0"), "layer 2 must be binary"),
        (changed(SECOND + 1, b"\0"), "layer 2 must give reals"),
        (changed(SECOND + 1, b"\2"), "layer 2 must give reals"),
        (changed(SECOND + 2, b"\1"), "layer 2 is the last and must not have a pool"),
        (changed(SECOND + 4, u32(3)), "layer 2 has 3 inputs, not 2"),
        (changed(SECOND + 16, u32(2)), "layer 2 is binary and has stride 2, not 1"),
        (
            changed(SECOND + 20, u32(2)),
            "layer 2 has 2 groups, which do not divide 2 inputs and 3 outputs",
        ),
        (changed(SECOND + 27, struct.pack("<f", float("nan"))), "scale or bias that is not finite"),
        (changed(SECOND + 39, struct.pack("<f", float("inf"))), "scale or bias that is not finite"),
    ],
)  # fmt: skip
def test_what_is_refused(data, reason):
    assert reason in refusal(data)


def test_a_layer_may_sum_32768_terms_and_no_more():
    body = [b"{}", bytes(4), struct.pack("<5I", 3, 4096, 1, 1, 1), bytes(3 * 4096 + 4 * 4096 + 512)]
    body += [bytes([1, 1, 0, 0]), struct.pack("<5I", 4096, 1, 3, 1, 1)]
    assert "layer 2 sums 36864 terms" in refusal(sealed(b"".join(body), metadata=2))
    body[-1] = struct.pack("<5I", 4096, 2, 4, 1, 2)
    body.append(bytes(2 * 32768 // 8 + 4 * 4))
    assert from_bytes(sealed(b"".join(body), metadata=2), "a").layers[1].terms == 32768


def test_a_layer_may_sum_16384_terms_on_levels_and_no_more():
    body = [b"{}", bytes([0, 2, 0, 0]), struct.pack("<5I", 3, 1024, 1, 1, 1)]
    body += [bytes(3 * 1024 + 3 * 4 * 1024 + 128), bytes([1, 1, 0, 0])]
    body += [struct.pack("<5I", 1024, 2, 8, 1, 1)]
    data = sealed(b"".join(body), metadata=2, version=2)
    assert "layer 2 sums 65536 terms on levels, more than 16384" in refusal(data)
    body[-1] = struct.pack("<5I", 1024, 2, 4, 1, 1) + bytes(2 * 16384 // 8 + 4 * 4)
    data = sealed(b"".join(body), metadata=2, version=2)
    assert from_bytes(data, "a").layers[1].terms == 16384


@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(24, 39 + len(BODY)), st.integers(0, 255)), max_size=8),
)
def test_a_file_with_any_content_is_read_or_refused(levels, changes):
    data = bytearray(sealed(LEVELS_BODY if levels else BODY))
    for at, value in changes:
        data[at] = value
    metadata, layers = struct.unpack_from("<II", data, 32)
    gain, bias = struct.unpack_from("<ff", data, 24)
    try:
        version = 2 if levels else 1
        from_bytes(sealed(bytes(data[40:]), gain, bias, metadata, layers, version), "a.rbsf")
    except InputError as error:
        assert str(error).startswith("a.rbsf ") and "\n" not in str(error)


def test_nothing_is_written_that_could_not_be_read(tmp_path):
    first, second = tiny().layers
    with pytest.raises(InputError, match="this network has 65"):
        to_bytes(PackedNetwork((first, second), 1.0, 0.0, {"a": "b" * 65536}))
    with pytest.raises(InputError, match=r"this network .* layer 1 must be pixels"):
        write_packed(tmp_path / "a.rbsf", PackedNetwork((second, first), 1.0, 0.0, {}))
    assert not list(tmp_path.iterdir())


def test_metadata_of_any_language():
    network = PackedNetwork(tiny().layers, 1.0, 0.0, {"name": "Fliegenpilz \u2603"})
    data = to_bytes(network)
    assert from_bytes(data, "a").metadata == network.metadata
    length = struct.unpack_from("<I", data, 32)[0]
    assert json.loads(data[40 : 40 + length].decode("utf-8")) == network.metadata


def test_files_that_do_not_exist(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*no\.rbsf: No such file"):
        read_packed(tmp_path / "no.rbsf")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_packed(tmp_path)
    with pytest.raises(InputError, match=r"cannot write .*a\.rbsf: No such file"):
        write_packed(tmp_path / "no" / "a.rbsf", tiny())
