"""The box head: closed forms of decoding, correlations, and what an untrained head answers."""

from __future__ import annotations

import math

import pytest
import torch

from rbsf.engine.pack import pack
from rbsf.nn import SLIM_LAYERS, WIDE_LAYERS, BinaryAlexNetV1, correlate
from rbsf.nn.backbone import LayerShape
from rbsf.nn.box_head import (
    BoxHead,
    BoxNet,
    cell_centers,
    decode_boxes,
    depthwise_correlation,
    pixelwise_correlation,
)


def slim() -> BinaryAlexNetV1:
    return BinaryAlexNetV1(layers=SLIM_LAYERS).eval()


def test_the_middle_cell_is_the_crop_middle() -> None:
    assert cell_centers(17)[8] == 0
    assert cell_centers(17)[0] == -64
    assert cell_centers(17)[16] == 64


def test_a_code_of_zero_is_the_believed_size_at_the_cell() -> None:
    boxes = decode_boxes(torch.zeros(1, 4, 17, 17), torch.tensor([[50.0, 80.0]]))
    assert boxes[0, :, 8, 8].tolist() == [0, 0, 50, 80]
    assert boxes[0, :, 2, 16].tolist() == [64, -48, 50, 80]


def test_a_code_moves_by_32_pixels_and_scales_by_its_exponential() -> None:
    codes = torch.zeros(1, 4, 17, 17)
    codes[0, :, 8, 8] = torch.tensor([0.5, -0.25, math.log(2), -math.log(4)])
    boxes = decode_boxes(codes, torch.tensor([[50.0, 80.0]]))
    assert boxes[0, :, 8, 8].tolist() == pytest.approx([16, -8, 100, 20])


def test_no_code_gives_an_empty_or_infinite_box() -> None:
    codes = torch.full((1, 4, 17, 17), 1e9)
    codes[:, 2] *= -1
    boxes = decode_boxes(codes, torch.tensor([[50.0, 80.0]]))
    assert boxes.isfinite().all()
    assert (boxes[:, 2:] > 1).all()


def test_depthwise_correlation_summed_over_channels_is_the_response() -> None:
    z, x = torch.randn(2, 8, 6, 6), torch.randn(2, 8, 22, 22)
    torch.testing.assert_close(
        depthwise_correlation(z, x).sum(dim=1), correlate(z, x), atol=1e-3, rtol=1e-4
    )


def test_pixelwise_correlation_is_the_mean_product_of_two_cells() -> None:
    z, x = torch.randn(2, 8, 6, 6), torch.randn(2, 8, 22, 22)
    maps = pixelwise_correlation(z, x)
    assert maps.shape == (2, 36, 22, 22)
    expected = (z[1, :, 2, 5] * x[1, :, 7, 3]).mean()
    torch.testing.assert_close(maps[1, 2 * 6 + 5, 7, 3], expected)


def test_an_untrained_head_keeps_the_box() -> None:
    head = BoxHead().eval()
    z, x = torch.randn(2, 256, 6, 6), torch.randn(2, 256, 22, 22)
    believed = torch.tensor([[50.0, 80.0], [64.0, 64.0]])
    maps = head(z, x, correlate(z, x), believed)
    assert (maps.target == 0).all()
    assert (maps.quality == 0).all()
    assert maps.boxes[:, :, 8, 8].tolist() == [[0, 0, 50, 80], [0, 0, 64, 64]]


def test_the_head_hears_of_the_believed_size() -> None:
    head = BoxHead().eval()
    torch.nn.init.normal_(head.place_maps.weight)
    z, x = torch.randn(1, 256, 6, 6), torch.randn(1, 256, 22, 22)
    narrow, wide = (
        head(z, x, correlate(z, x), torch.tensor([size])).target
        for size in ([40.0, 90.0], [90.0, 40.0])
    )
    assert (narrow - wide).abs().max() > 1e-3


@pytest.mark.parametrize("layers", [SLIM_LAYERS, WIDE_LAYERS])
def test_other_backbones_have_alexnets_geometry(layers: tuple[LayerShape, ...]) -> None:
    backbone = BinaryAlexNetV1(layers=layers).eval()
    assert backbone(torch.zeros(1, 3, 127, 127)).shape == (1, 256, 6, 6)
    assert backbone(torch.zeros(1, 3, 255, 255)).shape == (1, 256, 22, 22)


def test_a_slim_feature_cell_sees_87_pixels_around_its_middle() -> None:
    side = 255
    for layer in SLIM_LAYERS:
        assert (side - layer.kernel) % layer.stride == 0
        side = (side - layer.kernel) // layer.stride + 1
        if layer.pool:
            assert (side - 3) % 2 == 0  # no cell is left out at one side alone
            side = (side - 3) // 2 + 1
    assert side == 22
    assert backbone_reach() == 87


def backbone_reach() -> int:
    reach, step = 1, 1
    for layer in SLIM_LAYERS:
        reach += (layer.kernel - 1) * step
        step *= layer.stride
        if layer.pool:
            reach += 2 * step
            step *= 2
    return reach


def test_the_slim_backbone_packs_into_a_quarter_of_its_size_limit() -> None:
    from rbsf.engine.format import to_bytes

    packed = pack(BoxNet(slim()), {})
    assert [layer.outputs for layer in packed.layers] == [64, 128, 192, 192, 192, 256]
    assert len(to_bytes(packed)) < 150_000
