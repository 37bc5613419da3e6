"""The mean of a model's weights at several moments of its training."""

from collections import deque

import numpy as onp

from d2l_attention.backend.checks import check_sizes

from mxnet import np


class WeightAverage:
    """The mean of the weights after the last epochs (Vaswani et al. 2017, section 6.1).

    A step of training moves the weights about a good place; their mean is nearer to it.

    Parameters
    ----------
    model : Block
    last : int
        How many epochs count.

    >>> from mxnet.gluon import nn
    >>> model = nn.Dense(1, in_units=1)
    >>> model.initialize()
    >>> average = WeightAverage(model, last=2)
    >>> for weight in (5.0, 1.0, 2.0):
    ...     model.weight.set_data(np.array([[weight]]))
    ...     _ = average.keep()  # which may be given to `fit` as `evaluate`
    >>> average.apply()
    >>> model.weight.data().item()
    1.5
    """

    def __init__(self, model, *, last: int):
        check_sizes(last=last)
        self.model, self.kept = model, deque(maxlen=last)

    def keep(self) -> dict:
        """Remember the weights as they are now; return no numbers."""
        self.kept.append([p.list_data()[0].asnumpy() for p in self._parameters()])
        return {}

    def apply(self) -> None:
        """Give the model the mean of what was kept.

        Raises
        ------
        ValueError
            Nothing was kept.
        """
        if not self.kept:
            raise ValueError("keep() must be called before apply()")
        for parameter, values in zip(self._parameters(), zip(*self.kept, strict=True), strict=True):
            mean = onp.mean(values, axis=0, dtype="float64").astype(values[0].dtype)
            parameter.set_data(np.array(mean, ctx=parameter.list_ctx()[0]))

    def _parameters(self):
        found = self.model.collect_params().values()
        return [parameter for parameter in found if parameter.grad_req != "null"]
