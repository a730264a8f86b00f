"""BWNH: signs and scales that keep a filter's products with its inputs."""

import itertools

import torch

from rbsf.binarize.bwnh import hash_kernel


def error(inputs, kernel, binary):
    return (inputs @ (kernel - binary).T).square().sum(dim=0)


def case(seed, count=50, terms=6, filters=4):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(terms, terms, generator=generator, dtype=torch.float64)
    inputs = torch.randn(count, terms, generator=generator, dtype=torch.float64) @ mixing
    return inputs, torch.randn(filters, terms, generator=generator, dtype=torch.float64)


def scaled_signs(kernel):
    return kernel.abs().mean(dim=1, keepdim=True) * torch.where(kernel >= 0, 1.0, -1.0)


def best_of_all(inputs, kernel):
    """The least error over all signs, each with its best positive scale."""
    least = torch.full((len(kernel),), torch.inf, dtype=torch.float64)
    for bits in itertools.product([1.0, -1.0], repeat=kernel.shape[1]):
        products, wanted = inputs @ torch.tensor(bits).double(), inputs @ kernel.T
        alpha = ((products @ wanted) / products.square().sum()).clamp(min=0)
        least = torch.minimum(least, (wanted - products[:, None] * alpha).square().sum(dim=0))
    return least


def test_each_filter_is_a_positive_number_times_signs():
    inputs, kernel = case(0)
    magnitudes = hash_kernel(inputs, kernel).abs()
    torch.testing.assert_close(magnitudes, magnitudes[:, :1].expand_as(magnitudes))
    assert (magnitudes > 0).all()


def test_with_independent_inputs_it_is_the_projection():
    """With R = 1 the error is that of W itself, and the best are its signs and mean magnitudes."""
    _, kernel = case(0)
    found = hash_kernel(torch.eye(6).double(), kernel)
    torch.testing.assert_close(found, scaled_signs(kernel))


def test_rounds_never_make_the_error_larger_and_often_reach_the_best():
    reached = 0
    for seed in range(20):
        inputs, kernel = case(seed)
        errors = [error(inputs, kernel, hash_kernel(inputs, kernel, r)) for r in range(4)]
        start = error(inputs, kernel, scaled_signs(kernel))
        for before, after in itertools.pairwise([start, *errors]):
            assert (after <= before * (1 + 1e-9)).all()
        best = best_of_all(inputs, kernel)
        assert (errors[-1] >= best * (1 - 1e-9)).all()
        reached += int((errors[-1] <= best * (1 + 1e-6)).sum())
    assert reached > 40  # of 80; the projection reaches hardly any
