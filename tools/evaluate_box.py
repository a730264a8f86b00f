"""Measures a network with a box head: single-step accuracy, or tracking from the first frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool


def evaluate_box(
    weights: Annotated[Path, typer.Option(help="Checkpoint of tools/train_box.py.")],
    dataset: Annotated[str, typer.Option(help="otb, got10k-val, or held-out.")],
    root: Annotated[Path, typer.Option(help="The data set's folder; of held-out, above train/.")],
    single_step: Annotated[
        bool, typer.Option("--single-step", help="One step from nearly right boxes; else AO.")
    ] = False,
    max_frames: Annotated[
        int, typer.Option(help="Of each sequence; held-out ones are taken whole.")
    ] = 120,
    hold_out: Annotated[int, typer.Option(help="data.hold_out of the training.")] = 8,
) -> None:
    """Measure a 1-bit network with a box head in torch.

    Examples:

    `python tools/evaluate_box.py --weights runs/rbsf_box/final.safetensors --dataset held-out
    --root data/got10k --single-step`

    `python tools/evaluate_box.py --weights runs/rbsf_box/final.safetensors --dataset otb
    --root data/otb`
    """
    from rbsf.embedder import load_embedder
    from rbsf.torch_box_network import TorchBoxNetwork
    from tracker.box_tracker import BoxTracker
    from tracker.evaluation.datasets import load_dataset
    from tracker.evaluation.peak_looker import PeakLooker
    from tracker.evaluation.runner import evaluate_tracker
    from tracker.evaluation.single_step import held_out_sequences, measure_single_step
    from tracker.tracker import SiamFCTracker

    network, shipped = TorchBoxNetwork.from_file(weights), load_embedder()
    if dataset == "held-out":
        sequences = held_out_sequences(root, hold_out)
    else:
        loaded = load_dataset(dataset, root).first_frames(max_frames)
        sequences = list(loaded.sequences)
    if single_step or dataset == "held-out":
        peak = measure_single_step(lambda: PeakLooker(shipped), sequences)
        head = measure_single_step(lambda: BoxTracker(network), sequences)
        typer.echo(
            f"stay at the believed box  {head.stay:.3f}  above .5 {head.stay_above_half:.3f}"
        )
        typer.echo(f"{shipped.name}'s peak  {peak.iou:.3f}  above .5 {peak.above_half:.3f}")
        typer.echo(f"{network.name}  {head.iou:.3f}  above .5 {head.above_half:.3f}")
        return
    siamfc = evaluate_tracker(lambda: SiamFCTracker(shipped), loaded)
    boxes = evaluate_tracker(lambda: BoxTracker(network), loaded)
    for name, results in ((shipped.name, siamfc), (network.name, boxes)):
        overall = results.overall
        typer.echo(f"{name}  AO {overall.ao:.3f}  SR.5 {overall.sr50:.3f}")


if __name__ == "__main__":
    run_tool(evaluate_box)
