"""Students whose batch norms are anything but trained: both signs, zeros and ties."""

import torch

from rbsf.nn import BinaryAlexNetV1, SiamFC


@torch.no_grad()
def random_student(seed: int = 0, **settings) -> SiamFC:
    """A student with random parameters; every 16th gamma is 0, about a third are negative.

    The settings are those of `BinaryAlexNetV1`.
    """
    torch.manual_seed(seed)
    model = SiamFC(BinaryAlexNetV1(**settings), learn_response=True).eval()
    conv1 = model.backbone.conv1
    conv1.bias.normal_(0, 5)
    pixels = torch.randint(256, (2, 3, 127, 127)).float()
    for index, name in enumerate(model.backbone.norms):
        norm = model.backbone.norms[name]
        seen = model.backbone.maps(pixels)[index]  # the norm is still 0, 1
        norm.running_mean.copy_(seen.mean(dim=(0, 2, 3)))
        norm.running_var.copy_(seen.var(dim=(0, 2, 3)) + 0.01)
        norm.weight.normal_(0.3, 1)[::16] = 0
        norm.bias.normal_(0, 0.4)
    for conv in model.backbone.binary_layers().values():
        conv.bias.normal_(0, 0.5)
    return model
