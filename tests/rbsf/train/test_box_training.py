"""Training of the box network: steps, their losses, resuming, starting from weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest
import torch
from tiny_data import write_got10k, write_plain
from tiny_teacher import tiny_backbone

from rbsf.binarize import ActivationBinarizerName
from rbsf.config import CONFIGS, load_settings
from rbsf.data.box_pairs import BoxPair, open_box_pairs
from rbsf.engine.torch_box import load_box_net
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.losses import feature_distillation
from rbsf.nn.discriminator import normalise
from rbsf.train.box import BoxBatch, BoxLoop, BoxTask, take_kernels
from rbsf.train.box_latent import save_latent
from rbsf.train.box_settings import BoxSettings
from rbsf.train.distributed import World
from rbsf.train.feature_teacher import FeatureAdapter, FeatureTeacher
from rbsf.train.loop import Batch
from rbsf.train.run import train

CPU = World(0, 1, torch.device("cpu"))


def batch(present: bool = True, boxed: bool = True) -> Batch:
    generator = torch.Generator().manual_seed(0)
    z, x = (
        torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=generator)
        for side in (127, 255)
    )
    boxes, believed = torch.tensor([[8.0, -16.0, 60.0, 60.0]] * 2), torch.full((2, 2), 64.0)
    flags = (torch.tensor([flag] * 2) for flag in (present, boxed))
    return cast(Batch, BoxBatch(BoxPair(z, x, boxes, believed, *flags), CPU.device))


def tiny_settings(root: Path, **changes: object) -> BoxSettings:
    write_got10k(root)
    settings = {
        "epochs": 2, "batch": 2, "workers": 0, "optimiser": {"name": "adam", "lr": 1e-3},
        "data": {
            "root": str(root), "cache": str(root / "cache"), "pairs_per_epoch": 4, "hold_out": 0,
            "sources": [{"kind": "got10k", "path": "got10k"}],
            "filter": {"min_side": 5, "min_share": 0, "max_share": 1},
        },
    }  # fmt: skip
    return BoxSettings.model_validate(settings | changes)


def run(settings: BoxSettings, folder: Path, resume: bool = False) -> None:
    train(BoxTask, settings, folder, resume=resume, open_dataset=open_box_pairs, loop_type=BoxLoop)


def test_steps_lower_the_losses_of_a_batch() -> None:
    settings = BoxSettings.model_validate({"optimiser": {"name": "adam", "lr": 2e-3}})
    task = BoxTask(settings, CPU)
    task.start_epoch(0)
    losses = [task.step(batch()) for _ in range(8)]
    for name in ("target", "box", "response"):
        assert losses[-1][name] < losses[0][name]
    assert losses[-1]["iou"] > losses[0]["iou"]


def test_the_first_answer_is_the_believed_box_at_every_cell() -> None:
    first = BoxTask(BoxSettings(), CPU).step(batch())
    assert first["target"] == pytest.approx(0.6931 * 1.15, abs=1e-3)  # log 2 and the hard ones
    assert first["quality"] == pytest.approx(0.6931, abs=1e-3)


@pytest.mark.parametrize(("present", "boxed"), [(False, True), (True, False)])
def test_without_a_true_box_no_box_is_taught(present: bool, boxed: bool) -> None:
    task = BoxTask(BoxSettings(), CPU)
    losses = task.step(batch(present, boxed))
    assert losses["box"] == losses["quality"] == 0
    assert (losses["target"] == 0) == (not boxed)


def test_the_rate_falls_along_half_a_cosine() -> None:
    settings = BoxSettings.model_validate({"epochs": 10, "optimiser": {"lr": 1.0, "final_lr": 0.1}})
    assert settings.rate_at(0) == pytest.approx(1.0)
    assert settings.rate_at(5) == pytest.approx(0.55)
    assert settings.rate_at(10) == pytest.approx(0.1)


def test_norms_are_frozen_late() -> None:
    task = BoxTask(BoxSettings(epochs=10), CPU)
    task.start_epoch(6)
    assert task.backbone.norms["conv1"].training
    task.start_epoch(7)
    assert not task.backbone.norms["conv1"].training
    assert not task.head.correlated.training
    assert task.head.training


def test_latent_weights_start_small_and_conv1_from_the_teacher() -> None:
    task = BoxTask(BoxSettings(), CPU)
    for conv in task.backbone.binary_layers().values():
        assert conv.weight.abs().mean().item() == pytest.approx(0.015, rel=1e-4)
        assert conv.weight_binarizer.c_star.item() == pytest.approx(0.015, rel=1e-4)


def test_the_strongest_kernels_are_taken_from_their_middles() -> None:
    kernels = torch.zeros(3, 3, 5, 5)
    kernels[0] = 1.0
    kernels[2, :, 1:4, 1:4] = 2.0
    conv = torch.nn.Conv2d(3, 2, 3)
    take_kernels(conv, kernels)
    assert (conv.weight[0] == 2).all()
    assert (conv.weight[1] == 1).all()


@pytest.mark.parametrize("pairs_from", ["workers", "device"])
def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path, pairs_from: str) -> None:
    settings = tiny_settings(tmp_path, pairs_from=pairs_from)
    run(settings, tmp_path / "whole")
    torch.manual_seed(1)
    from unittest.mock import patch

    with patch.object(BoxLoop, "_end_epoch", side_effect=RuntimeError), pytest.raises(RuntimeError):
        run(settings.model_copy(update={"checkpoint_steps": 1}), tmp_path / "cut")
    run(settings, tmp_path / "cut", resume=True)
    whole, cut = (
        load_checkpoint(tmp_path / name / "final.safetensors") for name in ("whole", "cut")
    )
    assert whole.header["step"] == cut.header["step"] == 4
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, cut.tensors[name]), name


def test_a_run_starts_from_the_half_precision_weights_of_another(tmp_path: Path) -> None:
    first = BoxTask(BoxSettings(seed=3), CPU)
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in first.model.state_dict().items()
    }
    header = {"kind": "box", "config": first.settings.model_dump(mode="json")}
    save_checkpoint(tmp_path / "start.safetensors", header, {"model": halves})
    settings = BoxSettings(start=str(tmp_path / "start.safetensors"))
    second = BoxTask(settings, CPU)
    for name, tensor in second.model.state_dict().items():
        assert torch.equal(tensor, halves[name].to(tensor.dtype)), name
    loaded = load_box_net(tmp_path / "start.safetensors")
    assert torch.equal(loaded.backbone.conv6.weight, second.backbone.conv6.weight)  # type: ignore[union-attr]


class SomeTeacher:
    """A teacher whose features are noise."""

    channels = 3

    def __init__(self, path: str, device: torch.device) -> None:
        self.features = torch.randn(2, 3, 16, 16)

    def __call__(self, searches: torch.Tensor) -> torch.Tensor:
        return self.features


def changes_by_step(task: BoxTask, epoch: int) -> tuple[bool, bool]:
    """Whether a step in an epoch changes conv3's weights, and whether it changes the adapter."""
    task.start_epoch(epoch)
    watched = (task.backbone.conv3.weight, task.modules["adapter"].project.weight)  # type: ignore[union-attr]
    before = [tensor.detach().clone() for tensor in watched]
    task.step(batch())
    first, second = (not torch.equal(x, y) for x, y in zip(before, watched, strict=True))
    return first, second


def test_learned_weights_do_not_follow_an_adapter_that_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rbsf.train.box.FeatureTeacher", SomeTeacher)
    losses = dict.fromkeys(("target", "hard", "box", "quality", "response"), 0.0)
    learn = {"losses": losses | {"feature": 1.0}, "feature_teacher": "any.onnx"}
    first = BoxTask(BoxSettings.model_validate(learn), CPU)
    assert changes_by_step(first, epoch=0) == (True, True)  # both are new, so both learn
    path = tmp_path / "start.safetensors"
    header = {"kind": "box", "config": first.settings.model_dump(mode="json")}
    model, adapter = first.model.state_dict(), first.modules["adapter"].state_dict()
    save_checkpoint(path, header, {"model": model})
    second = BoxTask(BoxSettings.model_validate(learn | {"start": str(path)}), CPU)
    assert changes_by_step(second, epoch=0) == (False, True)
    assert changes_by_step(second, epoch=1) == (True, True)
    save_checkpoint(path, header, {"model": model, "adapter": adapter})
    third = BoxTask(BoxSettings.model_validate(learn | {"start": str(path)}), CPU)
    kept = third.modules["adapter"].project.weight
    assert torch.equal(kept, adapter["project.weight"])  # type: ignore[arg-type]
    assert changes_by_step(third, epoch=0) == (True, True)


@pytest.mark.parametrize("activations", ["approx", "two_bit"])
def test_a_network_has_the_activations_that_it_was_trained_with(
    tmp_path: Path, activations: ActivationBinarizerName
) -> None:
    task = BoxTask(BoxSettings(activations=activations), CPU)
    config = task.settings.model_dump(mode="json")
    if activations == "approx":
        del config["activations"]  # as in checkpoints from before there was a choice
    path = tmp_path / "trained.safetensors"
    save_checkpoint(path, {"kind": "box", "config": config}, {"model": task.model.state_dict()})
    pixels = torch.randint(0, 256, (1, 3, 127, 127)).float()
    expected = task.model.eval().embed(pixels)
    assert torch.equal(load_box_net(path).embed(pixels), expected)


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, {"kind": "student", "config": {}}, {"model": {}})
    with pytest.raises(InputError, match=r"other\.safetensors is of another architecture"):
        load_box_net(path)
    config = {"backbone": "slim", "activations": "nine_bit"}
    save_checkpoint(path, {"kind": "box", "config": config}, {"model": {}})
    with pytest.raises(InputError, match=r"other\.safetensors is of another architecture"):
        load_box_net(path)


def test_an_adapter_finds_features_that_are_a_mixture_of_ours() -> None:
    torch.manual_seed(0)
    adapter = FeatureAdapter(4, 3)
    ours = torch.randn(2, 4, 22, 22)
    taught = adapter.project(torch.nn.functional.avg_pool2d(ours, 2)).detach()
    wider = torch.nn.functional.pad(5 * taught - 1, (3, 2, 3, 2), value=9.0)  # we see its middle
    assert adapter(ours, wider).item() == pytest.approx(0, abs=1e-4)
    assert adapter(ours, torch.randn(2, 3, 16, 16)).item() == pytest.approx(2, abs=0.5)
    assert feature_distillation(normalise(taught), normalise(-taught)).item() == pytest.approx(
        4, abs=1e-2
    )


def test_the_teacher_sees_bgr_and_answers_at_our_cells(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    teacher = FeatureTeacher(str(tiny_backbone(tmp_path / "backbone.onnx")), CPU.device)
    pixels = torch.zeros(1, 3, 255, 255)
    pixels[0, 0, 48:63, 64:79] = 100.0  # red, where the teacher's cell (3, 4) is
    taught = teacher(pixels)
    assert taught.shape == (1, 3, 16, 16)
    assert taught[0, 2, 3, 4].item() == pytest.approx(100, abs=1e-3)
    assert taught.sum().item() == pytest.approx(100, abs=1e-3)


def test_a_teacher_of_other_shapes_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = tiny_backbone(tmp_path / "small.onnx", size=127)
    with pytest.raises(InputError, match=r"small\.onnx is not a NanoTrack backbone"):
        FeatureTeacher(str(path), CPU.device)
    with pytest.raises(InputError, match="no feature teacher at"):
        FeatureTeacher(str(tmp_path / "missing.onnx"), CPU.device)


def test_a_missing_onnxruntime_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_backbone(tmp_path / "backbone.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"onnxruntime, which is not installed.*rivals"):
        FeatureTeacher(str(path), CPU.device)


def test_features_are_taught_where_nothing_is_boxed(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    write_plain(tmp_path)
    path = tiny_backbone(tmp_path / "backbone.onnx")
    task = BoxTask(BoxSettings(feature_teacher=str(path)), CPU)
    first = task.step(batch(boxed=False))
    for _ in range(3):
        last = task.step(batch(boxed=False))
    assert last["feature"] < first["feature"]
    assert last["target"] == 0


def test_the_shipped_config_is_valid() -> None:
    settings = load_settings(BoxSettings, CONFIGS / "rbsf_box.yaml")
    paths = [source.path for source in settings.data.sources]
    assert not any("val" in path or "otb" in path or "uav" in path for path in paths)
    assert (settings.backbone, settings.activations) == ("slim", "two_bit")


def test_latent_weights_keep_their_bits_in_half_precision(tmp_path: Path) -> None:
    task = BoxTask(BoxSettings(), CPU)
    weight = task.backbone.conv3.weight
    assert isinstance(weight, torch.nn.Parameter)
    with torch.no_grad():
        weight[0, 0, 0] = torch.tensor([-1e-12, 0.0, 1e-12])
        task.backbone.norms["conv1"].running_var.fill_(1e6)  # type: ignore[union-attr, operator]
    config = task.settings.model_dump(mode="json") | {"feature_teacher": "/somewhere/v3.onnx"}
    config["data"] |= {"root": "/somewhere/data", "cache": "/somewhere/cache"}
    header = {"kind": "box", "config": config, "step": 7}
    save_checkpoint(tmp_path / "full.safetensors", header, {"model": task.model.state_dict()})
    save_latent(tmp_path / "full.safetensors", tmp_path / "latent.safetensors", {"iou": 0.5})
    full, latent = (load_box_net(tmp_path / f"{name}.safetensors") for name in ("full", "latent"))
    for name, tensor in full.state_dict().items():
        stored = latent.state_dict()[name]
        assert torch.equal(stored >= 0, tensor >= 0), name
        torch.testing.assert_close(stored, tensor, atol=1e-4, rtol=1e-3)
    crop = torch.randint(0, 256, (1, 3, 127, 127)).float()
    assert torch.equal(latent.embed(crop), full.embed(crop))
    header = load_checkpoint(tmp_path / "latent.safetensors").header
    assert header["step"] == 7
    assert header["metrics"] == {"iou": 0.5}
    assert header["config"]["feature_teacher"] == "v3.onnx"
    assert "somewhere" not in str(header)
    assert (tmp_path / "latent.safetensors").stat().st_size < 2_500_000
