"""The doors of data: annotations for training and evaluation, lists, results, caches, images."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tiny_data
from benchmark_folders import (
    SIZE,
    walk,
    write_got10k,
    write_got10k_test,
    write_images,
    write_otb,
    write_uav123,
)
from doors import Door
from result_folders import evaluate_into, write_dataset

from rbsf.data.cache_index import Index, load_index, save_index
from rbsf.data.crops import CachedTarget, CropSettings, crop_file_name, read_rows, write_crops
from rbsf.data.sources import SourceSettings, Target, read_source, source_stamp
from rbsf.files.image import image_size, read_image
from tracker.evaluation.archive import Archive
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.protocols import runs_of
from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.study import make_study
from tracker.evaluation.report.text import write_markdown

WORDS = (b",", b"\t", b" ", b"inf", b"1e308", b"-1e308", b"1_0", b"0x10", b"\r\n", b"\xa0", b"NaN")
FRAMES = 6


def of_file(file: Path, read: Callable[[], object], words: tuple[bytes, ...] = WORDS) -> Door:
    """The door of a file that lies among others, and is whole as it is."""
    return Door(file, read, [file.read_bytes()], words)


def training_doors(root: Path) -> list[Door]:
    """The files of a GOT-10k split and a VOC folder, as training reads them; and of their cache."""
    got10k, voc = tiny_data.write_got10k(root), tiny_data.write_voc(root)
    sequence = got10k / "train" / "seq0"
    sources = SourceSettings(kind="got10k", path="got10k"), SourceSettings(kind="voc", path="voc")

    def reader(source: SourceSettings) -> Callable[[], object]:
        return lambda: (read_source(source, root), source_stamp(source, root))

    tags = b"<object> </object> <bndbox> <xmin> </xmin> <filename> <![CDATA[ ]]> <!-- --> &lt; &x; "
    tags += b'<!DOCTYPE <!ENTITY <?xml version="1.0" encoding="utf-7"?> /> '
    tags += b"../../etc/passwd nan 1e400"
    return [
        of_file(sequence / "groundtruth.txt", reader(sources[0])),
        of_file(sequence / "cover.label", reader(sources[0])),
        of_file(got10k / "train" / "list.txt", reader(sources[0]), (*WORDS, b"seq1", b"/", b"..")),
        of_file(voc / "Annotations" / "photo0.xml", reader(sources[1]), tuple(tags.split())),
        *cache_doors(root / "cache", read_source(sources[1], root)[0]),
    ]


def cache_doors(folder: Path, target: Target) -> list[Door]:
    """A file of crops and an index. What is damaged is made again, so it is never refused."""
    folder.mkdir()
    crops = folder / crop_file_name(target, CropSettings())
    write_crops(target, crops, CropSettings())
    rows = read_rows(crops)
    assert rows is not None
    cached = CachedTarget(target.name, crops, **rows[0], is_still=True)
    index = folder / "index.safetensors"
    save_index(index, Index("stamp", [cached], []))
    words = tuple(b'null [] {} " I8 F16 BF16 __metadata__ offsets [2]'.split())

    def read_crops() -> None:
        if read_rows(crops) is not None:
            cached.crop(0)

    return [
        of_file(crops, read_crops, words),
        of_file(index, lambda: load_index(index, "stamp"), words),
    ]


def benchmark_doors(root: Path) -> list[Door]:
    """The annotations and lists of every benchmark's layout."""
    boxes = walk(FRAMES)
    otb = write_otb(root / "otb", "Girl", [boxes], FRAMES)
    (otb / "attrs.txt").write_text("SV, OCC")
    val = write_got10k(root, "one", boxes, [8] * FRAMES)
    test = write_got10k_test(root, "one", FRAMES, boxes[0])
    write_uav123(root / "uav", "bike1", "bike1", 1, walk(3085))
    lasot = root / "lasot" / "bear" / "bear-2"
    write_images(lasot / "img", [f"{number:08d}.jpg" for number in range(1, FRAMES + 1)])
    np.savetxt(lasot / "groundtruth.txt", boxes, fmt="%g", delimiter=",")
    (lasot / "out_of_view.txt").write_text("0,0,1,0,0,0")
    nfs = root / "nfs" / "a" / "30"
    write_images(nfs / "a", [f"{number:05d}.jpg" for number in range(1, FRAMES + 1)])
    corners = [f"0 {x:g} {y:g} {x + w:g} {y + h:g} 1 0 0 0" for x, y, w, h in boxes]
    (nfs / "a.txt").write_text("\n".join(corners))
    vot = root / "vot" / "ball"
    write_images(vot / "color", [f"{number:08d}.jpg" for number in range(1, 5)])
    regions = "1,2,30,20\n1,1,20,1,20,30,1,30\nm3,4,5,6,2,7,3,9\n0\n"
    (vot / "groundtruth.txt").write_text(regions)
    (vot.parent / "list.txt").write_text("ball\n")
    (vot / "occlusion.tag").write_text("0\n1\n0\n0\n")

    def door(name: str, place: Path, file: Path) -> Door:
        return of_file(
            file, functools.partial(load_dataset, name, place), (*WORDS, b"m", b"(", b")")
        )

    return [
        door("otb", root / "otb", otb / "groundtruth_rect.txt"),
        door("otb", root / "otb", otb / "attrs.txt"),
        *(door("got10k-val", root, val / n) for n in ("groundtruth.txt", "cover.label")),
        *(door("got10k-val", root, val / n) for n in ("meta_info.ini", "absence.label")),
        door("got10k-val", root, val.parent / "list.txt"),
        door("got10k-test", root, test / "groundtruth.txt"),
        door("lasot", root / "lasot", lasot / "groundtruth.txt"),
        door("lasot", root / "lasot", lasot / "out_of_view.txt"),
        door("nfs", root / "nfs", nfs / "a.txt"),
        *(door("vot-st", vot.parent, vot / n) for n in ("groundtruth.txt", "occlusion.tag")),
        door("vot-st", vot.parent, vot.parent / "list.txt"),
        door("absent", root / "otb", otb / "groundtruth_rect.txt"),
    ]


def result_doors(root: Path) -> list[Door]:
    """What an evaluation leaves, as the report reads it, and as the next evaluation does."""
    data = write_dataset(root / "data")
    output = evaluate_into(root / "results", data, ["standing"])
    folder = output / "standing"
    (first, *_) = load_dataset("otb", data).sequences
    (run, *_) = runs_of(first, "ope")
    words = b'null true [] {} "" ope sre NaN -Infinity 1e999 \\ud800 ao sequences starts overall'

    def study() -> None:
        made = make_study(read_entries([output]))
        write_markdown(made, root)
        for name in made.videos:
            for one in made.passes(made.focus, name):
                assert one.comparison and one.sources

    def resume() -> None:
        Archive(folder, {}, "").load(run)

    return [
        of_file(folder / "results.json", study, tuple(words.split())),
        of_file(folder / "boxes" / "Ant.txt", study),
        of_file(folder / "progress.json", resume, tuple(words.split())),
        of_file(folder / "scores" / "Ant.txt", resume),
    ]


def image_doors(folder: Path) -> list[Door]:
    """Images of every kind that is read."""
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    file = folder / "x.png"

    def read() -> None:
        for image in (read_image(file), read_image(file, as_stored=True)):
            assert image is None or (image.ndim == 3 and image.dtype == np.uint8)
        image_size(file)

    kinds = (".jpg", ".png", ".bmp", ".tif", ".webp", ".ppm", ".pgm")
    samples = [
        cv2.imencode(kind, noise[..., 0] if kind == ".pgm" else noise)[1].tobytes()
        for kind in kinds
    ]
    return [Door(file, read, samples, (b"IHDR", b"\xff\xd8\xff\xe1", b"60000 60000", b"P6"))]
