"""The sizes, names and parameter counts of the networks, and what a binary layer computes."""

from functools import partial

import pytest
import torch
from reference_file import reference_state
from torch.nn import functional as F

from rbsf.binarize import RBCN, ApproxSign, activation_binarizer, weight_binarizer
from rbsf.errors import InputError
from rbsf.nn import AlexNetV1, BinaryAlexNetV1, BinaryConv2d, Discriminator, SiamFC, correlate
from rbsf.nn.discriminator import normalise
from rbsf.nn.siamfc import correlate_by_products

torch.manual_seed(0)

# the sizes after each convolution, or after its pool if it has one
SIZES = {127: (29, 12, 10, 8, 6), 255: (61, 28, 26, 24, 22), 239: (57, 26, 24, 22, 20)}
CHANNELS = (96, 256, 384, 384, 256)


@pytest.mark.parametrize("backbone", [AlexNetV1, BinaryAlexNetV1])
@pytest.mark.parametrize("size", SIZES)
def test_feature_sizes(backbone, size):
    maps = backbone().eval().maps(torch.rand(1, 3, size, size) * 255)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (c, s, s) for c, s in zip(CHANNELS, SIZES[size], strict=True)
    ]


def test_parameter_count_is_siamfcs():
    assert sum(p.numel() for p in SiamFC().parameters()) == 2_336_320


def test_the_reference_state_dict_loads_as_it_is_and_computes_what_it_should():
    state = reference_state()
    assert len(state) == 30
    model = SiamFC()
    model.load_state_dict(state, strict=True)
    model.eval()
    x = torch.rand(1, 3, 127, 127) * 255
    expected = x
    for number, stride, groups in ((1, 2, 1), (2, 1, 2), (3, 1, 1), (4, 1, 2), (5, 1, 2)):
        key = f"backbone.conv{number}"
        weight, bias = state[f"{key}.0.weight"], state[f"{key}.0.bias"]
        expected = F.conv2d(expected, weight, bias, stride, groups=groups)
        if number < 5:
            mean, var, gamma, beta = (
                state[f"{key}.1.{name}"]
                for name in ("running_mean", "running_var", "weight", "bias")
            )
            expected = F.relu(F.batch_norm(expected, mean, var, gamma, beta, eps=1e-6))
        if number < 3:
            expected = F.max_pool2d(expected, 3, 2)
    torch.testing.assert_close(model.embed(x), expected, rtol=1e-4, atol=1e-4)


def test_batch_norm_constants():
    for backbone in (AlexNetV1(), BinaryAlexNetV1()):
        norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert len(norms) == 4
        assert {(n.eps, n.momentum) for n in norms} == {(1e-6, 0.05)}


def binary_conv(**kwargs):
    return BinaryConv2d(
        4, 8, 3, weight_binarizer=RBCN, activation_binarizer=ApproxSign(), groups=2, **kwargs
    )


def test_binary_conv_equals_a_plain_convolution_of_signs():
    conv = binary_conv()
    conv.bias.data.normal_()
    x = torch.randn(2, 4, 9, 9)
    x[0, 0, 0, 0] = 0.0
    signs = torch.where(conv.weight >= 0, 1.0, -1.0)
    bits = torch.where(x >= 0, 1.0, -1.0)
    c_star = conv.weight_binarizer.c.mean()
    expected = F.conv2d(bits, signs * c_star, conv.bias, groups=2)
    torch.testing.assert_close(conv(x), expected)


def test_binarizers_can_be_passed_by_name_or_by_class():
    """These are the two ways that the documentation of rbsf.binarize shows."""
    by_class = binary_conv()
    by_name = BinaryConv2d(
        4,
        8,
        3,
        groups=2,
        weight_binarizer=partial(weight_binarizer, "rbcn"),
        activation_binarizer=activation_binarizer("approx", 4),
    )
    by_name.load_state_dict(by_class.state_dict())
    x = torch.randn(2, 4, 9, 9)
    assert torch.equal(by_name(x), by_class(x))


def test_binary_conv_counts_are_exact_integers():
    conv = binary_conv(bias=False)
    counts = conv(torch.randn(2, 4, 9, 9)) / conv.weight_binarizer.c_star
    assert torch.equal(counts.round(), counts) or (counts - counts.round()).abs().max() < 1e-5
    assert (counts.round() % 2 == 0).all()  # 18 products of +1 and -1 sum to an even number


@pytest.mark.parametrize("pad_value", [None, 0.5])
def test_padding_a_binary_map_with_anything_but_a_bit_is_refused(pad_value):
    with pytest.raises(InputError, match="pad_value"):
        binary_conv(padding=1, pad_value=pad_value)


@pytest.mark.parametrize("pad_value", [1, -1])
def test_padding_with_a_bit(pad_value):
    conv = binary_conv(padding=1, pad_value=pad_value)
    x = torch.randn(1, 4, 5, 5)
    plain = binary_conv()
    plain.load_state_dict(conv.state_dict())
    padded = F.pad(torch.where(x >= 0, 1.0, -1.0), (1, 1, 1, 1), value=float(pad_value))
    torch.testing.assert_close(conv(x), plain(padded))


def test_every_binary_input_sees_both_signs():
    """There is no ReLU before a sign, because a constant input would carry no information."""
    maps = BinaryAlexNetV1().train().maps(torch.rand(2, 3, 127, 127) * 255)
    for m in maps[:-1]:
        assert 0.2 < (m >= 0).float().mean() < 0.8


def test_student_takes_the_teachers_weights():
    teacher, student = AlexNetV1(), BinaryAlexNetV1()
    student.take_weights(teacher)
    for name, conv in student.binary_layers().items():
        real = getattr(teacher, name)[0].weight
        assert torch.equal(conv.weight, real)
        expected = real.abs().mean(dim=(0, 1), keepdim=True)
        torch.testing.assert_close(conv.weight_binarizer.c.data, expected)


@pytest.mark.parametrize("form", [correlate, correlate_by_products])
def test_correlation_is_the_dot_product_at_every_position(form):
    z, x = torch.randn(2, 3, 2, 2), torch.randn(2, 3, 5, 5)
    responses = form(z, x)
    assert responses.shape == (2, 4, 4)
    expected = (z[1] * x[1, :, 2:4, 1:3]).sum()
    torch.testing.assert_close(responses[1, 2, 1], expected)


def test_response_gain_is_the_references():
    assert SiamFC().gain.item() == pytest.approx(0.001)
    assert SiamFC().bias.item() == 0
    assert "log_gain" not in SiamFC().state_dict()
    assert "log_gain" in SiamFC(learn_response=True).state_dict()


@pytest.mark.parametrize(
    ("entry", "inputs", "small", "large"),
    [
        ("positions", 96, 36, 484),
        ("filters", 36, 96, 96),
        ("average", 96, 1, 1),
        ("flattened", 96 * 36, 1, 1),
    ],
)
def test_one_discriminator_takes_maps_of_any_size(entry, inputs, small, large):
    d = Discriminator(96, entry)
    assert d(torch.randn(3, 96, 6, 6)).shape == (3, small)
    assert d(torch.randn(3, 96, 22, 22)).shape == (3, large)
    linear = [m for m in d.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == [
        (inputs, 128), (128, 256), (256, 128), (128, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(("entry", "verdicts"), [("positions", [7]), ("filters", [3])])
def test_a_verdict_is_on_one_position_or_one_filter(entry, verdicts):
    """A change of filter 3 at position 7 changes that verdict alone."""
    torch.manual_seed(0)
    d, m = Discriminator(8, entry), torch.randn(1, 8, 6, 6)
    other = m.clone()
    other[0, 3].view(-1)[7] += 1
    assert torch.nonzero(~torch.isclose(d(m), d(other), atol=1e-6))[:, 1].tolist() == verdicts


def test_what_each_entry_of_a_discriminator_can_tell_apart():
    """Shuffled positions and averaged positions are told from the map by some entries alone."""
    torch.manual_seed(0)
    m = torch.randn(2, 8, 6, 6)
    shuffled = m.flatten(2)[..., torch.randperm(36)].view_as(m)
    flat = m.mean(dim=(2, 3), keepdim=True).expand_as(m)
    differs = {}
    for entry in ("positions", "filters", "average", "flattened"):
        d = Discriminator(8, entry)
        same = [torch.allclose(d(m).mean(dim=1), d(o).mean(dim=1), atol=1e-6)
                for o in (shuffled, flat)]  # fmt: skip
        differs[entry] = tuple(not equal for equal in same)
    assert differs == {
        "positions": (False, True),
        "filters": (True, True),
        "average": (False, False),
        "flattened": (True, True),
    }


def test_normalised_maps_do_not_reveal_their_scale():
    m = torch.randn(4, 8, 6, 6)
    torch.testing.assert_close(normalise(m * 50 + 3), normalise(m), atol=1e-3, rtol=1e-3)
