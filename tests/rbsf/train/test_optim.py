"""Optimisers: the rates of W, C and the rest. Also the world of a single process."""

import pytest
import torch
from torch import nn

from rbsf.errors import InputError
from rbsf.train.distributed import open_world
from rbsf.train.optim import autocast, make_optimiser, set_rates
from rbsf.train.settings import OptimiserSettings


def two(name):
    """Two parameters without decay, the second at a tenth of the rate, and their optimiser."""
    w, c = (nn.Parameter(torch.ones(3)) for _ in range(2))
    settings = OptimiserSettings(name=name, lr=0.1, weight_decay=0)
    return w, c, make_optimiser(settings, [{"params": [w]}, {"params": [c], "rate": 0.1}])


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_w_and_c_move_at_their_own_rates(name):
    w, c, optimiser = two(name)
    set_rates(optimiser, 0.01)
    w.grad, c.grad = torch.full((3,), 2.0), torch.full((3,), 2.0)
    optimiser.step()
    torch.testing.assert_close((1 - w) / (1 - c), torch.full((3,), 10.0), rtol=1e-3, atol=0)


def test_decay_is_the_groups_own_or_the_optimisers():
    own, rest = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    settings = OptimiserSettings(lr=0.1, weight_decay=0.5)
    optimiser = make_optimiser(
        settings, [{"params": [own], "weight_decay": 0.0}, {"params": [rest]}]
    )
    set_rates(optimiser, 0.1)
    own.grad, rest.grad = torch.zeros(1), torch.zeros(1)
    optimiser.step()
    assert own.item() == 1
    assert rest.item() == pytest.approx(1 - 0.1 * 0.5)


def test_a_linear_schedule_falls_by_the_same_amount_every_epoch():
    settings = OptimiserSettings(lr=1.0, final_lr=0.2, schedule="linear")
    assert [settings.lr_at(e, 4) for e in range(5)] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])


def test_sgd_is_siamfcs_momentum():
    p = nn.Parameter(torch.zeros(1))
    optimiser = make_optimiser(OptimiserSettings(), [{"params": [p]}])
    assert isinstance(optimiser, torch.optim.SGD)
    group = optimiser.param_groups[0]
    assert (group["momentum"], group["weight_decay"], group["nesterov"]) == (0.9, 5e-4, False)


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_precision_is_what_was_asked_for(precision, kind):
    with autocast(precision, torch.device("cpu")):
        assert nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype == kind


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "vendor", "kind"),
    [
        (True, True, "GenuineIntel", torch.bfloat16),
        (False, True, "AuthenticAMD", torch.bfloat16),
        (False, True, "GenuineIntel", torch.float32),
        (False, False, "AuthenticAMD", torch.float32),
    ],
)
def test_auto_is_bf16_where_a_cpu_gains_from_it(amx, avx512_bf16, vendor, kind, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr("rbsf.train.optim._cpu_description", lambda: vendor)
    with autocast("auto", torch.device("cpu")):
        assert nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype == kind


def test_one_process_is_a_world_of_its_own():
    with open_world("cpu") as world:
        assert (world.rank, world.size, world.is_main) == (0, 1, True)
        module, tensor = nn.Linear(2, 2), torch.ones(2)
        assert world.wrap(module) is module
        assert world.any(True) and not world.any(False)
        world.average([tensor])
        assert tensor.tolist() == [1, 1]


@pytest.mark.parametrize("device", ["gpu7", "cuda:99", ""])
def test_a_device_that_does_not_exist_is_named(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"device '{device}'"), open_world(device):
        pass
