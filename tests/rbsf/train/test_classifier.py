"""A step trains what it should, a toy classifier learns, and a run resumes to the bit."""

from __future__ import annotations

import pytest
import torch
from tiny_pictures import write_pictures
from torch.nn import functional as F

from rbsf.data.pictures import Picture, open_split
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint
from rbsf.files.classifiers import load_classifier
from rbsf.nn import Answer, NetworkSettings, binary_layers, make_classifier
from rbsf.nn.discriminator import normalise
from rbsf.train.accuracy import measure_accuracy
from rbsf.train.classifier import (
    BinaryClassifierTask,
    PictureBatch,
    PictureLoop,
    open_checked,
    train_classifier,
)
from rbsf.train.classifier_settings import BinaryClassifierSettings, ClassifierSettings
from rbsf.train.distributed import World

CPU = World(0, 1, torch.device("cpu"))
NETWORK = {"architecture": "wrn22", "stages": (8, 8, 8, 8), "classes": 3}
COMMON = {"network": NETWORK, "epochs": 2, "batch": 4, "precision": "fp32", "device": "cpu"}
OPTIMISER = {"name": "adam", "lr": 5e-3, "final_lr": 1e-3, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"))


def data(root):
    return {"root": str(root), "side": 16}


@pytest.fixture(scope="module")
def teacher(root, tmp_path_factory):
    """A teacher of the three colours, trained for a moment."""
    folder = tmp_path_factory.mktemp("teacher")
    common = {**COMMON, "epochs": 12, "optimiser": OPTIMISER, "data": data(root)}
    settings = ClassifierSettings(**common)
    assert train_classifier(settings, folder)
    return folder / "final.safetensors"


def student(root, checkpoint, **changes):
    return BinaryClassifierSettings(
        **{
            **COMMON,
            "data": data(root),
            "optimiser": OPTIMISER,
            "teacher": str(checkpoint),
            "feature_distillation": 1.0,
            "response_distillation": 1.0,
            "norm_pass": 0.4,
            "discriminator_entry": "filters",
            **changes,
        }
    )


def some_pictures(count=4, side=16):
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    return PictureBatch(Picture(pixels, torch.arange(count) % 3), CPU.device)


def test_a_teacher_learns_three_colours(root, teacher):
    network = load_classifier(teacher)
    split = open_split(ClassifierSettings(data=data(root)).data, train=False)
    assert measure_accuracy(network, split, 16, CPU).top1 == 1.0


def test_accuracy_counts_the_likeliest_and_the_five_likeliest(root):
    class Fixed(torch.nn.Module):
        """Takes every picture for class 2, then 0, 3, 4, 5; class 1 comes last."""

        def forward(self, pixels):
            logits = torch.tensor([[4.0, -9.0, 5.0, 3.0, 2.0, 1.0]])
            return Answer(logits.expand(len(pixels), -1), [])

    split = open_split(ClassifierSettings(data=data(root)).data, train=False)
    right = measure_accuracy(Fixed(), split, 16, CPU)
    assert right == pytest.approx((1 / 3, 2 / 3))


@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_a_stopped_run_goes_on_to_the_same_bits(root, teacher, tmp_path, kind):
    common = {**COMMON, "data": data(root), "optimiser": OPTIMISER}
    settings = ClassifierSettings(**common) if kind == "teacher" else student(root, teacher)
    assert train_classifier(settings, tmp_path / "whole")
    before, step = PictureLoop._check_finite, 4

    def stop_there(loop, losses):
        loop.stopping = loop.step == step
        before(loop, losses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PictureLoop, "_check_finite", stop_there)
        assert not train_classifier(settings, tmp_path / "parts")
    assert train_classifier(settings, tmp_path / "parts", resume=True)
    whole, parts = (load_checkpoint(tmp_path / f / "last.safetensors") for f in ("whole", "parts"))
    assert whole.tensors.keys() == parts.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, parts.tensors[name]), name
    assert whole.header["best_top1"] == parts.header["best_top1"]


def test_a_step_trains_the_student_and_its_discriminators(root, teacher):
    torch.manual_seed(0)
    task = BinaryClassifierTask(student(root, teacher), CPU)
    parts = (task.model, task.modules["discriminators"], task.teacher)
    before = [{n: p.clone() for n, p in part.named_parameters()} for part in parts]
    task.start_epoch(0)
    losses = task.step(some_pictures())
    assert losses.keys() == {
        *("label", "kernel", "adversarial", "distil_response", "distil_feature", "discriminator")
    }
    moved = [
        {n for n, p in part.named_parameters() if not torch.equal(p, old[n])}
        for part, old in zip(parts, before, strict=True)
    ]
    assert moved[0] >= {f"{name}.weight" for name in binary_layers(task.model)} | {"fc.weight"}
    assert len(moved[1]) == len(before[1]) and not moved[2]


def test_the_losses_are_those_that_the_formulas_give(root, teacher):
    task = BinaryClassifierTask(student(root, teacher, map_stride=2), CPU)
    task.start_epoch(0)
    b = some_pictures()
    ours, theirs = task.model(b.pixels), task.teacher(b.pixels)
    losses = task.step(b)
    assert losses["label"] == pytest.approx(F.cross_entropy(ours.logits, b.labels).item())
    p, q = theirs.logits.softmax(dim=1), ours.logits.softmax(dim=1)
    divergence = (p * (p / q).log()).sum(dim=1).mean()
    assert losses["distil_response"] == pytest.approx(divergence.item(), rel=1e-3)
    distances = [
        (normalise(t[..., ::2, ::2]) - normalise(r[..., ::2, ::2])).square().mean()
        for t, r in zip(ours.maps, theirs.maps, strict=True)
    ]
    mean = torch.stack(distances).mean().item()
    assert losses["distil_feature"] == pytest.approx(mean, rel=1e-4)


def test_the_pass_over_batch_norms_changes_nothing_else(root, teacher):
    task = BinaryClassifierTask(student(root, teacher, norm_pass=1.0), CPU)
    task.start_epoch(0)
    before = {n: t.clone() for n, t in task.model.state_dict().items()}
    task.end_epoch(lambda first: iter([some_pictures(), some_pictures()]), 2)
    norms = ("bn1", "bn2", "downsample.1")
    for name, tensor in task.model.state_dict().items():
        of_norm = any(f"{norm}." in f".{name}" for norm in norms)
        assert torch.equal(tensor, before[name]) == (not of_norm), name


def test_a_labels_share_is_spread_over_all_classes():
    answer = Answer(torch.tensor([[2.0, 0.0, -1.0]]), [])
    pixels = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    batch = PictureBatch(Picture(pixels, torch.tensor([1])), CPU.device, label_smoothing=0.3)
    target = torch.tensor([0.1, 0.8, 0.1])
    expected = -(target * answer.logits[0].log_softmax(dim=0)).sum()
    torch.testing.assert_close(batch.loss(answer), expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"teacher": None}, "need a teacher but name none"),
        ({"discriminator_layers": ("layer9_0_conv1",)}, "there is no layer layer9_0_conv1"),
        ({"network": {**NETWORK, "architecture": "wrn40"}}, "is a wrn22 of 3 classes"),
        ({"network": {**NETWORK, "stages": (8, 8, 8, 16)}, "init": "teacher"}, "other stages"),
    ],
)
def test_a_teacher_or_a_layer_that_does_not_fit(root, teacher, changes, reason):
    with pytest.raises(InputError, match=reason):
        BinaryClassifierTask(student(root, teacher, **changes), CPU)


def test_a_binary_network_is_no_teacher_and_loads_as_it_was(root, teacher, tmp_path):
    settings = student(root, teacher, epochs=1)
    assert train_classifier(settings, tmp_path)
    file = tmp_path / "final.safetensors"
    assert set(binary_layers(load_classifier(file))) == set(
        binary_layers(make_classifier(settings.network, "rbcn"))
    )
    with pytest.raises(InputError, match="is a binary network"):
        BinaryClassifierTask(student(root, file), CPU)


def test_as_many_classes_as_the_pictures_have(root):
    settings = ClassifierSettings(network=NetworkSettings(classes=7), data=data(root))
    with pytest.raises(InputError, match="3 classes, but the network of the settings has 7"):
        open_checked(settings)(settings.data, 0)


def test_torchvisions_weights_load_as_a_teacher(tmp_path):
    import torchvision

    theirs = torchvision.models.resnet18().eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    network = load_classifier(tmp_path / "resnet18.pth")
    assert torch.equal(network.fc.weight, theirs.fc.weight)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="is not a state dict"):
        load_classifier(tmp_path / "text.pth")
