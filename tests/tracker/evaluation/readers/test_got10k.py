"""GOT-10k: names that would lead out of the folder, the test split, attributes."""

import numpy as np
import pytest
from benchmark_folders import walk, write_got10k, write_got10k_test

from rbsf.errors import InputError
from tracker.evaluation.datasets import load_dataset


@pytest.mark.parametrize("name", ["..", "../../up", "/etc", "a/b", "a\\b", ".", "C:x"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_a_name_that_is_a_path_is_refused(tmp_path, name, split):
    write_got10k(tmp_path, "good", walk(4), [8] * 4)
    write_got10k_test(tmp_path, "good", 4, walk(1)[0])
    with (tmp_path / split / "list.txt").open("a") as file:
        file.write(name + "\n")
    dataset = load_dataset(f"got10k-{split}", tmp_path)
    assert [sequence.name for sequence in dataset.sequences] == ["good"]
    assert dataset.left_out[0].sequence == name and "it is a path" in dataset.left_out[0].reason
    with pytest.raises(InputError, match="it is a path"):
        load_dataset(f"got10k-{split}", tmp_path, [name])


def test_the_test_split_has_first_boxes_alone(tmp_path):
    write_got10k_test(tmp_path, "GOT-10k_Test_000001", 5, [3, 4, 20, 10])
    (sequence,) = load_dataset("got10k-test", tmp_path).sequences
    assert len(sequence.frames) == 5
    assert sequence.boxes[0].tolist() == [2, 3, 20, 10]
    assert sequence.present.tolist() == [True, False, False, False, False]
    with pytest.raises(InputError, match="got10k-test has no public boxes"):
        load_dataset("got10k-test", tmp_path).under("sre")
    assert load_dataset("got10k-test", tmp_path).first_frames(3).sequences


def test_attributes_are_labels_that_occur(tmp_path):
    folder = write_got10k(tmp_path, "a", walk(4), [8] * 4)
    np.savetxt(folder / "cut_by_image.label", [0, 1, 0, 0], fmt="%d")
    (sequence,) = load_dataset("got10k-val", tmp_path).sequences
    assert sequence.attributes == ("cut_by_image",)
