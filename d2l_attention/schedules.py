"""Learning rates that change while a model is trained."""

from d2l_attention.backend.checks import check_positive, check_sizes

from mxnet import lr_scheduler


class WarmUp(lr_scheduler.LRScheduler):
    """peak min(s / S, sqrt(S / s)) at step s: a line up for S steps, then down as 1 / sqrt(s).

    Vaswani et al. (2017, equation 3) write d^-0.5 min(s^-0.5, s S^-1.5), which is this with
    peak = (d S)^-0.5. The rate that the optimizer is given as its own does not count.

    Parameters
    ----------
    peak : float
        The largest rate, at step S.
    steps : int
        S.

    >>> rate = WarmUp(0.002, steps=100)
    >>> rate(1), rate(50), rate(100), rate(400)
    (2e-05, 0.001, 0.002, 0.001)
    """

    def __init__(self, peak: float, *, steps: int):
        check_positive(peak=peak)
        check_sizes(steps=steps)
        super().__init__(base_lr=peak)
        self.peak, self.steps = peak, steps

    def __call__(self, num_update: int) -> float:
        """The rate at a step, the first of which is 1."""
        step = max(num_update, 1)
        return self.peak * min(step / self.steps, (self.steps / step) ** 0.5)
