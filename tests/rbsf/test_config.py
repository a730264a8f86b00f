"""Configuration: every shipped YAML, the numbers of the references, and messages on mistakes."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from rbsf.binarize import WEIGHTS
from rbsf.config import load_settings, parse_settings
from rbsf.errors import InputError
from rbsf.train.box_settings import BoxSettings
from rbsf.train.settings import (
    Decaying,
    OptimiserSettings,
    StudentSettings,
    TeacherSettings,
)
from tracker.loop.config import TrackerConfig

CONFIGS = Path(__file__).parents[2] / "configs"


def kind_of(name):
    if name.startswith("rbsf_box"):
        return BoxSettings
    kinds = {"siamfc": TeacherSettings, "tracker": TrackerConfig}
    return kinds.get(name.partition("_")[0], StudentSettings)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_config_parses_and_says_what_it_is_for(file):
    assert load_settings(kind_of(file.stem), file).model_fields_set
    assert file.read_text().startswith("# ")


def test_siamfc_yaml_is_the_reference():
    """The crops and the training are those of siamfc-pytorch."""
    s = load_settings(TeacherSettings, CONFIGS / "siamfc.yaml")
    assert (s.epochs, s.batch) == (50, 8)
    o = s.optimiser
    assert (o.name, o.momentum, o.weight_decay) == ("sgd", 0.9, 5e-4)
    assert (o.lr, o.final_lr) == (1e-2, 1e-5)
    assert s.data.pairs_per_epoch is None  # one pair a sequence
    assert [(source.kind, source.subset) for source in s.data.sources] == [("got10k", "train")]
    assert (s.data.crop.size, s.data.crop.context) == (255, 0.5)
    f = s.data.filter
    assert (f.min_side, f.max_side, f.min_share, f.max_share) == (20, 500, 0.01, 0.5)
    assert (f.max_aspect, f.max_gap) == (4, 100)
    a = s.data.augment
    assert (a.stretch, a.exemplar_shift, a.search_shift) == (0.05, 4, 4)
    assert (a.colour, a.blur, a.grey, a.flip) == (0, 0, 0, 0)


def test_the_schedule_is_siamfcs():
    """The rate falls from 1e-2 to 1e-5 by a factor of 0.87096 at the start of each of 50 epochs."""
    rates = [OptimiserSettings().lr_at(epoch, 50) for epoch in range(51)]
    assert rates[0] == 1e-2
    assert rates[50] == pytest.approx(1e-5)
    for before, after in pairwise(rates):
        assert after / before == pytest.approx(0.87096, abs=5e-6)


def test_the_paper_preset_is_as_printed():
    """A random start, l1 = l2 = 0.01 times 0.9 every 60 epochs, SGD with momentum 0.9 and decay."""
    s = load_settings(StudentSettings, CONFIGS / "rbsf_paper.yaml")
    assert (s.epochs, s.init, s.weights, s.activations) == (200, "random", "rbcn", "approx")
    assert (s.optimiser.name, s.optimiser.momentum) == ("sgd", 0.9)
    decays = (s.optimiser.weight_decay, s.latent_weight_decay, s.other_weight_decay)
    assert decays == (1e-4, 1e-4, 1e-4)  # on all parameters
    assert s.kernel_loss == s.adversarial_loss == Decaying(value=0.01, gamma=0.9, every=60)
    assert (s.c_shape, s.kernel_loss_grad, s.gan) == ("kernel", "paper", "rbcn")  # eq. 15, 9-11, 4
    assert (s.adversarial_reduction, s.discriminator_entry) == ("sum", "filters")  # eq. 4
    assert s.discriminator_layers == ("conv2", "conv3", "conv4", "conv5")
    assert (s.response_distillation, s.feature_distillation) == (0, 0)
    assert s.norm_pass > 0 and s.freeze_norms_from == 1


def test_the_corrected_preset_differs_where_it_says_so():
    paper, corrected = (
        load_settings(StudentSettings, CONFIGS / f"rbsf_{name}.yaml").model_dump()
        for name in ("paper", "corrected")
    )
    different = {key for key in paper if paper[key] != corrected[key]}
    assert different == {"other_weight_decay", "kernel_loss_grad", "discriminator_entry"}
    assert corrected["kernel_loss_grad"] == "direct" and corrected["other_weight_decay"] == 0


@pytest.mark.parametrize("name", ["rbsf_paper", "rbsf_corrected"])
def test_each_line_of_the_papers_presets_names_its_source(name):
    """It names an equation, a section, the algorithm, or says that it is ours."""
    lines = (CONFIGS / f"{name}.yaml").read_text().splitlines()
    settings = [line for line in lines if line.strip() and not line.startswith("#")]
    bare = {"optimiser:", "data:", "  sources:"}  # what is below them says it
    for line in (line for line in settings if line not in bare):
        assert re.search(r"# (ours|eq\. \d|section \d|Algorithm 1)", line), line


def test_recommended_students_start_from_the_teacher_without_decay_on_latent_weights():
    for file in CONFIGS.glob("rbsf*.yaml"):
        if file.stem not in {
            "rbsf_paper",
            "rbsf_corrected",
            "rbsf_box",
            "rbsf_box_features",
            "rbsf_box_gpu",
        }:
            s = load_settings(StudentSettings, file)
            assert (s.init, s.latent_weight_decay, s.optimiser.name) == ("teacher", 0, "adam")


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("xnor*.yaml")), ids=lambda file: file.stem)
def test_xnor_is_trained_without_a_teacher(file):
    s = load_settings(StudentSettings, file)
    assert (s.weights.partition("_")[0], s.activations) == ("xnor", "clipped")
    assert not s.guided and s.init == "random"


def test_weights_of_losses_fall_in_steps():
    schedule = Decaying(value=0.01, gamma=0.9, every=60)
    expected = [0.01, 0.01, 0.009, 0.009, 0.0081]
    assert [schedule.at(e) for e in (0, 59, 60, 119, 120)] == pytest.approx(expected)


def refused(tmp_path, text, kind=TeacherSettings):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        load_settings(kind, file)
    message = str(error.value)
    assert str(file) in message and "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epoch: 3", "unknown key epoch; did you mean epochs?"),
        ("optimiser: {lrr: 1}", "unknown key optimiser.lrr; did you mean lr?"),
        ("data: {augment: {strech: 0}}", "unknown key data.augment.strech; did you mean stretch?"),
        (
            "data: {sources: [{knd: voc}]}",
            "unknown key data.sources.0.knd; did you mean kind?",
        ),
        ("qqqqqq: 3", "unknown key qqqqqq; known keys: "),
        ("epochs: many", "epochs: Input should be a valid integer"),
        ("epochs: 0", "epochs: Input should be greater than or equal to 1"),
        ("optimiser: {lr: -1}", "optimiser.lr: "),
        ("data: {sources: []}", "data.sources: "),
        ("data: {sources: [{kind: coco}]}", "data.sources.0.kind: "),
        ("precision: fp8", "precision: "),
        ("- 1\n- 2", "holds no settings"),
        ("", "holds no settings"),
        ("epochs: [1", "is not YAML"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_nearest_key(tmp_path, text, reason):
    assert reason in refused(tmp_path, text)


def test_a_students_key_is_unknown_to_a_teacher(tmp_path):
    assert "unknown key c_rate" in refused(tmp_path, yaml.safe_dump({"c_rate": 0.1}))
    assert "weights: " in refused(tmp_path, "weights: magic", StudentSettings)


def test_a_config_may_hold_only_what_differs_from_another(tmp_path):
    (tmp_path / "a.yaml").write_text("epochs: 3\noptimiser: {name: adam, lr: 0.5}\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\noptimiser: {lr: 0.25}\nbatch: 2\n")
    (tmp_path / "c.yaml").write_text("extends: b.yaml\nbatch: 4\n")
    s = load_settings(TeacherSettings, tmp_path / "c.yaml")
    assert (s.epochs, s.batch, s.optimiser.name, s.optimiser.lr) == (3, 4, "adam", 0.25)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("extends: no.yaml", "cannot read config"),
        ("extends: [mine.yaml]", "extends: it must be the name of a YAML file"),
        ("extends: mine.yaml", "mine.yaml extends itself"),
        ("extends: ./other.yaml", "mine.yaml extends itself"),
        ('extends: "a\\0b"', "is not YAML"),
    ],
)
def test_what_cannot_be_extended_is_one_line(tmp_path, text, reason):
    (tmp_path / "other.yaml").write_text("extends: mine.yaml")
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        load_settings(TeacherSettings, tmp_path / "mine.yaml")
    assert reason in str(error.value) and "\n" not in str(error.value)


METHODS = sorted(file for file in CONFIGS.glob("*_sf.yaml"))


@pytest.mark.parametrize("file", METHODS, ids=lambda file: file.stem)
def test_each_method_trains_on_the_same_pairs_for_as_long(file):
    xnor, other = (load_settings(StudentSettings, f) for f in (CONFIGS / "xnor_sf.yaml", file))
    assert (other.data, other.epochs, other.batch) == (xnor.data, xnor.epochs, xnor.batch)


def test_every_weight_binarizer_has_a_config():
    named = {load_settings(StudentSettings, file).weights for file in METHODS}
    assert named == set(WEIGHTS) - {"rbcn"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read config .*no\.yaml"):
        load_settings(TeacherSettings, tmp_path / "no.yaml")


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        TeacherSettings().epochs = 3


def test_distilling_maps_of_no_layer_is_refused():
    values = {"feature_distillation": 1.0, "discriminator_layers": []}
    with pytest.raises(InputError, match="needs discriminator_layers"):
        parse_settings(StudentSettings, values, "x.yaml")


def test_a_config_of_another_command_is_recognised():
    for name in ("rbsf", "siamfc", "rbsf_box"):
        with pytest.raises(InputError, match="may be the config of another command"):
            load_settings(TrackerConfig, CONFIGS / f"{name}.yaml")
