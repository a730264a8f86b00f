"""The training of a 1-bit backbone and its box head together.

The backbone starts at random, except for its first kernels, which are those of the shipped SiamFC.
The head has its own losses. The plain correlation is trained as well, because it knows which of
several things is the target. A teacher's features guide the backbone, and its answers the head, on
every picture, boxed or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from rbsf.binarize import RBCN
from rbsf.box_losses import (
    box_losses,
    make_labels,
    target_loss,
    taught_losses,
    weighted_mean,
)
from rbsf.data.box_pairs import BoxPair, BoxPairs
from rbsf.data.on_device.batches import draw_batch
from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.store import Store, load_store
from rbsf.engine.torch_box import BACKBONES, float_copy
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module
from rbsf.files.networks import load_network
from rbsf.files.weights import SHIPPED_TEACHER
from rbsf.nn import BinaryAlexNetV1, Output, SiamFC
from rbsf.nn.backbone import FEATURE_CHANNELS
from rbsf.nn.box_head import BoxHead, BoxMaps, BoxNet
from rbsf.train.answer_teacher import Answers, AnswerTeacher
from rbsf.train.box_settings import BoxSettings
from rbsf.train.distributed import World
from rbsf.train.feature_teacher import FeatureAdapter, FeatureTeacher
from rbsf.train.loop import Batch, Loop
from rbsf.train.optim import autocast, make_optimiser, set_rates

LATENT_MAGNITUDE = 0.015
"""The mean |W| at the start: so small that signs can turn within some of Adam's steps of 1e-3."""
FLIP_INTERVAL = 50
"""The steps between two counts of the weights that change their sign in a step."""


def make_box_net(settings: BoxSettings) -> BoxNet:
    """Makes an untrained network of the architecture that the settings name."""
    layers = BACKBONES[settings.backbone]
    return BoxNet(BinaryAlexNetV1(activations=settings.activations, layers=layers))


class BoxBatch:
    """A batch of pairs on the device. Pixels are floats from 0 to 255.

    Args:
        pair: The pairs, stacked as a DataLoader does.
        device: Where the batch goes.
    """

    def __init__(self, pair: BoxPair, device: torch.device) -> None:
        def pixels(crop: Tensor) -> Tensor:
            moved = crop.to(device, non_blocking=True).float()
            return moved.contiguous(memory_format=torch.channels_last)

        self.exemplars, self.searches = pixels(pair.exemplar), pixels(pair.search)
        self.boxes, self.believed = pair.box.float().to(device), pair.believed.float().to(device)
        self.present, self.boxed = pair.present.to(device), pair.boxed.to(device)

    def run(self, network: nn.Module) -> Output:
        """Runs a SiamFC on the pairs."""
        output: Output = network(self.exemplars, self.searches)
        return output


class BoxLoop(Loop):
    """The training loop on batches of box pairs, which workers or the device make."""

    settings: BoxSettings
    store: Store | None = None

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Gives this process its batches of the current epoch, from number `first` on."""
        made = self.settings.pairs_from == "device"
        pairs = self._made_here(first) if made else self.feed.batches(self.epoch, first)
        return (cast(Batch, BoxBatch(pair, self.world.device)) for pair in pairs)

    def _made_here(self, first: int) -> Iterator[BoxPair]:
        """Makes the batches. What is random follows from seed, epoch, number and rank."""
        s, world = self.settings, self.world
        if self.store is None:
            self.store = load_store(cast(BoxPairs, self.dataset), world.device)
        for number in range(first, self.steps):
            draw = Draws(world.device, (s.seed, self.epoch, number, world.rank))
            yield draw_batch(self.store, s.batch, s.data.box_augment, draw)


class BoxTask:
    """The network, the teacher of its features, and what a step does.

    Args:
        settings: The settings of the run.
        world: This process among all.

    Raises:
        InputError: The checkpoint to start from or a teacher cannot be loaded, or a head teacher
            has no feature teacher.
    """

    kind = "box"

    def __init__(self, settings: BoxSettings, world: World) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.world = settings, world
        self.model: SiamFC = make_box_net(settings)
        kept = self._start()
        self.model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modules: dict[str, nn.Module] = {}
        self.teacher: FeatureTeacher | None = None
        self.answers: AnswerTeacher | None = None
        # Weights that have learned must not follow an adapter that knows nothing yet.
        self.adapter_alone = bool(settings.start) and not kept
        if settings.head_teacher and not settings.feature_teacher:
            raise InputError(
                "a head teacher needs the backbone that it was trained with: name it with "
                "feature_teacher or --feature-teacher"
            )
        if settings.feature_teacher and (settings.losses.feature or settings.head_teacher):
            self.teacher = FeatureTeacher(settings.feature_teacher, world.device)
            adapter = FeatureAdapter(FEATURE_CHANNELS, self.teacher.channels)
            if kept:
                restore_module(adapter, kept, str(settings.start))
            self.modules["adapter"] = adapter.to(world.device)
            if settings.head_teacher:
                self.answers = AnswerTeacher(settings.head_teacher, self.teacher)
        self.optimisers = {"optimiser": make_optimiser(settings.optimiser, self._groups())}
        self.flip_ratio, self.steps, self.epoch = 0.0, 0, 0

    @property
    def backbone(self) -> BinaryAlexNetV1:
        """The network's backbone."""
        return cast(BinaryAlexNetV1, self.model.backbone)

    @property
    def head(self) -> BoxHead:
        """The network's box head."""
        return cast(BoxNet, self.model).head

    def _start(self) -> dict[str, Tensor]:
        """Sets the first weights, or those of the checkpoint that the settings name.

        Returns:
            The adapter of features that the checkpoint has. It is empty if there is none.
        """
        if self.settings.start:
            start = load_checkpoint(self.settings.start)
            floats = {name: float_copy(tensor) for name, tensor in start.part("model").items()}
            restore_module(self.model, floats, self.settings.start)
            return start.part("adapter")
        for conv in self.backbone.binary_layers().values():
            conv.set_weight(conv.weight * (LATENT_MAGNITUDE / conv.weight.abs().mean()))
        first = load_network(SHIPPED_TEACHER).get_parameter("backbone.conv1.0.weight")
        take_kernels(cast(nn.Conv2d, self.backbone.conv1), first)
        return {}

    def _groups(self) -> list[dict[str, Any]]:
        """The parameters by rate: W, C, the backbone's real ones, the response's and the head's."""
        s, convs = self.settings, self.backbone.binary_layers().values()
        latent = [conv.weight for conv in convs]
        c = [conv.weight_binarizer.c for conv in convs if isinstance(conv.weight_binarizer, RBCN)]
        known = {id(p) for p in (*latent, *c)}
        real = [p for p in self.backbone.parameters() if id(p) not in known]
        head = [*self.head.parameters()]
        head += [p for module in self.modules.values() for p in module.parameters()]
        response = [self.model.log_gain, self.model.bias]
        return [
            {"params": latent, "weight_decay": 0.0},
            {"params": c, "rate": s.c_rate, "weight_decay": 0.0},
            {"params": real, "rate": s.backbone_rate},
            {"params": response, "rate": s.response_rate, "weight_decay": 0.0},
            {"params": head},
        ]

    def start_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        self.model.train()
        if epoch >= self.settings.freeze_norms_from * self.settings.epochs:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        set_rates(self.optimisers["optimiser"], self.settings.rate_at(epoch))

    def step(self, batch: Batch) -> dict[str, float]:
        """Trains on one batch.

        Returns:
            The losses by name, and as "iou" the mean IoU of the boxes near the targets.
        """
        pairs, s = cast(BoxBatch, batch), self.settings
        with autocast(s.precision, self.world.device):
            output: Output = self.model(pairs.exemplars, pairs.searches)
            z, x = output.exemplar_maps[-1].float(), output.search_maps[-1].float()
            maps = self.head(z, x, output.responses, pairs.believed)
        maps = BoxMaps(*(m.float() for m in maps))
        losses, iou = self._task_losses(pairs, output.responses, maps)
        losses["kernel"] = self._kernel_loss()
        if self.teacher:
            ours = x.detach() if self.epoch == 0 and self.adapter_alone else x
            taught = self.teacher(pairs.searches)
            losses["feature"] = self.modules["adapter"](ours, taught)
            if self.answers:
                losses |= self._taught_losses(pairs, maps, self.answers(pairs.exemplars, taught))
        weights = s.losses.model_dump()
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        self._descend(total)
        figures = torch.stack([*losses.values(), iou]).tolist()  # waits for the device once
        return dict(zip([*losses, "iou"], figures, strict=True))

    def _task_losses(
        self, pairs: BoxBatch, responses: Tensor, maps: BoxMaps
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of boxed pairs, and the mean IoU of the boxes near their targets."""
        labels = make_labels(pairs.boxes, pairs.present, responses.shape[-1])
        box, quality, iou = box_losses(maps.boxes, maps.quality, pairs.boxes, labels)
        target = target_loss(maps.target, labels, self.settings.losses.hard)
        response = target_loss(responses, labels)
        shown = pairs.present & pairs.boxed
        return {
            "target": weighted_mean(target, pairs.boxed),
            "response": weighted_mean(response, pairs.boxed),
            "box": weighted_mean(box, shown),
            "quality": weighted_mean(quality, shown),
        }, weighted_mean(iou, shown)

    def _taught_losses(self, pairs: BoxBatch, maps: BoxMaps, taught: Answers) -> dict[str, Tensor]:
        """The losses of following the teacher's answers, at the cells that it has too."""
        target, boxes = maps.target[:, ::2, ::2], maps.boxes[:, :, ::2, ::2]
        losses = taught_losses(target, boxes, taught.target, taught.boxes)
        trusted = pairs.present & (taught.agree(pairs.boxes) | ~pairs.boxed)
        names = ("taught_target", "taught_box")
        return {n: weighted_mean(loss, trusted) for n, loss in zip(names, losses, strict=True)}

    def _kernel_loss(self) -> Tensor:
        """Half of RBCN's squares (eq. 3), summed over layers and filters."""
        squares = [
            conv.weight_binarizer.kernel_loss(conv.weight, "direct")
            for conv in self.backbone.binary_layers().values()
        ]
        return 0.5 * torch.stack(squares).sum()

    def _descend(self, loss: Tensor) -> None:
        """Makes a step of the optimiser. A loss that is not finite changes nothing."""
        optimiser = self.optimisers["optimiser"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if not torch.isfinite(loss):
            return
        before = self._signs() if self.steps % FLIP_INTERVAL == 0 else None
        optimiser.step()
        for conv in self.backbone.binary_layers().values():
            conv.weight_binarizer.project(conv.weight)
        if before is not None:
            self.flip_ratio = (self._signs() != before).float().mean().item()
        self.steps += 1

    def _signs(self) -> Tensor:
        convs = self.backbone.binary_layers().values()
        return torch.cat([(conv.weight >= 0).flatten() for conv in convs])

    def end_epoch(self, batches: Callable[[int], Iterator[Batch]], steps: int) -> None:
        """Does nothing: batch norms learn in the steps, and are frozen late in the run."""

    def metrics(self) -> dict[str, float]:
        """The learning rate, the share of signs that a step flips, the response's gain and bias."""
        return {
            "lr": self.optimisers["optimiser"].param_groups[0]["lr"],
            "flip_ratio": self.flip_ratio,
            "gain": self.model.gain.item(),
            "bias": self.model.bias.item(),
        }


@torch.no_grad()
def take_kernels(conv: nn.Conv2d, kernels: Tensor) -> None:
    """Sets the kernels of a first layer to the middles of the strongest kernels of another one.

    Args:
        conv: The layer, whose kernels are (C, 3, k, k).
        kernels: The kernels (C', 3, k', k') of a network on the same pixels, with k' >= k.
    """
    margin = (kernels.shape[-1] - conv.weight.shape[-1]) // 2
    end = margin + conv.weight.shape[-1]
    middles = kernels[:, :, margin:end, margin:end]
    strongest = middles.flatten(1).norm(dim=1).argsort(descending=True)[: len(conv.weight)]
    conv.weight[: len(strongest)] = middles[strongest]
