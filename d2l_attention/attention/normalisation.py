"""From scores to weights. A masked weight is exactly zero, whatever finite number the score is."""

from d2l_attention.backend import operators as op
from d2l_attention.backend.block import check_arrays
from d2l_attention.backend.operators import HUGE


def masked_softmax(scores, mask=None):
    """alpha_i = exp a_i / sum_j exp a_j over the allowed keys; a row that allows none is all zeros.

    Parameters
    ----------
    scores : array or symbol (..., m, n)
        Above -HUGE, the lowest float32. An allowed score of NaN or infinity makes its row NaN, as
        in any softmax; but minus infinity, beside finite scores that are allowed, weighs zero.
    mask : array or symbol of zeros and ones, or None
        As many axes as the scores, and any but the last may be of size 1; of their dtype (see
        `masks`). Its values are not checked, and it gets no gradient.

    >>> masked_softmax(np.array([[[1.0, 1.0, 5.0]]]), np.array([[[1.0, 1.0, 0.0]]])).tolist()
    [[[0.5, 0.5, 0.0]]]
    """
    check_arrays("... n, ...? n", scores=scores, mask=mask)
    if mask is None:
        return op.softmax(scores)
    bound = op.repeat_like(op.upper_bound(mask), scores)  # infinity where the mask is 1
    return op.softmax(op.minimum(scores, bound)) * op.greater(bound, 0)


def softmax_within_reach(scores, mask=None):
    """`masked_softmax` for which a score of -HUGE forbids its key, as a compact kernel's does."""
    return masked_softmax(scores, mask) * op.greater(scores, -HUGE)


def identity(scores, mask=None):
    """alpha_i = a_i, and 0 for a masked key: no normalisation.

    The "linear start" of Sukhbaatar et al. (2015, section 4.2).

    >>> identity(np.array([[[0.5, -1.0, 5.0]]]), np.array([[[1.0, 1.0, 0.0]]])).tolist()
    [[[0.5, -1.0, 0.0]]]
    """
    check_arrays("... n, ...? n", scores=scores, mask=mask)
    return scores if mask is None else scores * op.repeat_like(mask, scores)
