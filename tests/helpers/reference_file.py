"""What siamfc-pytorch's released weights consist of."""

import torch


def reference_state():
    """The 30 tensors of siamfc_alexnet_e50.pth by name and shape (siamfc.md)."""
    shapes = {1: (96, 3, 11, 11), 2: (256, 48, 5, 5), 3: (384, 256, 3, 3), 4: (384, 192, 3, 3)}
    state = {}
    for number, shape in {**shapes, 5: (256, 192, 3, 3)}.items():
        state[f"backbone.conv{number}.0.weight"] = torch.randn(shape) * 0.02
        state[f"backbone.conv{number}.0.bias"] = torch.randn(shape[0]) * 0.1
        if number < 5:
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"backbone.conv{number}.1.{name}"] = torch.rand(shape[0]) + 0.5
            state[f"backbone.conv{number}.1.num_batches_tracked"] = torch.tensor(7)
    return state
