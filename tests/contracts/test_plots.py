"""Every plot module has what the program asks of it."""

import pytest

from lambdabench.core import registry

PLOTS = registry.names("plots")


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_has_a_title_and_draws(name: str) -> None:
    module = registry.load("plots", name)
    assert module.TITLE
    assert callable(module.draw)
    assert module.__doc__
