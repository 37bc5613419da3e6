"""Losses that several models share."""

from d2l_attention.backend import operators as op
from d2l_attention.backend.block import check_arrays
from d2l_attention.backend.checks import check_share

from mxnet import np, npx


def smoothed_cross_entropy(logits, target, smoothing: float):
    """- sum_t sum_w q_t(w) log p_t(w): cross-entropy with smoothed labels, summed over a sentence.

    q_t gives 1 - e to the right word and e / V to each of all V words, so that no logit has to grow
    without end (Szegedy et al. 2016, section 7; Vaswani et al. 2017, section 5.4).

    Parameters
    ----------
    logits : array (B, T, V)
    target : array (B, T) of integers
        The right words; 0 is padding, behind a sentence, and costs nothing.
    smoothing : float
        e, from 0 to below 1.

    Returns
    -------
    array (B,)
        In nats.

    Raises
    ------
    ValueError, TypeError
        A shape, a dtype or a number is not what it should be, or a sentence has no word at all.

    >>> logits, target = np.array([[[0.0, 9.0, 0.0]]]), np.array([[1]], dtype="int32")
    >>> [round(smoothed_cross_entropy(logits, target, e).item(), 2) for e in (0.0, 0.3)]
    [0.0, 1.8]
    """
    check_share(smoothing=smoothing)
    check_arrays("B T V, ids B T", logits=logits, target=target)
    if target.ctx.device_type == "cpu" and not (target.asnumpy() > 0).any(axis=1).all():
        raise ValueError("target must hold at least one word, other than 0, in each row")
    log_p = op.log_softmax(logits)  # (B, T, V)
    right = op.pick(log_p, target)  # (B, T)
    if smoothing:
        right = (1 - smoothing) * right + smoothing * _mean(log_p)
    return -op.sum_last(right * (target > 0).astype(logits.dtype))


def next_word_loss(logits, target, asked):
    """- log p(x_{t+1} | x_1 ... x_t), the mean of the places t that are asked for; 0 if none is.

    Parameters
    ----------
    logits, target, asked : array or symbol (B, n, V), (B, n) of integers, (B, n) of ones and zeros

    Returns
    -------
    array or symbol (B,)
        In nats.

    >>> logits, target = np.array([[[0.0, 0.0], [0.0, 9.0]]]), np.array([[0, 1]], dtype="int32")
    >>> [round(next_word_loss(logits, target, np.array([a])).item(), 2) for a in ([1.0, 0.0], [0.0, 1.0])]
    [0.69, 0.0]
    """
    right = op.pick(op.log_softmax(logits), target)  # (B, n)
    return -op.sum_last(right * asked) / op.maximum(op.sum_last(asked), 1)


def _mean(x):
    """The mean over the last axis as a product with a vector, whose gradient is the faster one."""
    share = np.full((1, x.shape[-1]), 1 / x.shape[-1], dtype=x.dtype, ctx=x.ctx)
    options = {"num_hidden": 1, "no_bias": True, "flatten": False}
    return op.squeeze(npx.fully_connected(x, share, **options), -1)
