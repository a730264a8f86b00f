"""RPReLU's shape, and that it and a sign after it are one step."""

import torch

from rbsf.binarize import ReActSign, RPReLU, RSign


def test_rprelu_bends_at_gamma_and_passes_through_zeta():
    f = RPReLU(2)
    f.gamma.data = torch.tensor([1.0, 0.0]).reshape(2, 1, 1)
    f.zeta.data = torch.tensor([0.5, 0.0]).reshape(2, 1, 1)
    f.beta.data = torch.tensor([0.1, -0.5]).reshape(2, 1, 1)
    x = torch.tensor([-1.0, 0.0, 1.0, 2.0]).expand(1, 2, 1, 4)
    torch.testing.assert_close(
        f(x)[0, :, 0], torch.tensor([[0.3, 0.4, 0.5, 1.5], [-0.5, 0.0, 1.0, 2.0]])
    )


def test_rprelus_gradients_are_its_slopes_by_finite_differences():
    torch.manual_seed(0)
    f = RPReLU(3).double()
    for parameter in f.parameters():
        parameter.data.normal_()
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    inputs = (x, f.gamma, f.zeta, f.beta)
    assert torch.autograd.gradcheck(lambda *_: f(x), inputs)


def test_it_never_falls_whatever_is_learned():
    f = RPReLU(4)
    f.beta.data = torch.tensor([-2.0, -0.1, 0.0, 3.0]).reshape(4, 1, 1)
    y = f(torch.linspace(-3, 3, 100).expand(1, 4, 1, 100))
    assert (y.diff(dim=3) >= 0).all()


def test_rprelu_comes_before_the_sign():
    both, x = ReActSign(3), torch.randn(2, 3, 4, 4)
    rectifier, sign = both
    rectifier.zeta.data.fill_(0.7)
    sign.alpha.data.fill_(0.2)
    assert isinstance(rectifier, RPReLU) and isinstance(sign, RSign)
    assert torch.equal(both(x), torch.where(rectifier(x) >= 0.2, 1.0, -1.0))
