"""A progress line for training, whose last state no run changes."""

import sys

from tqdm import tqdm


class ProgressLine:
    """One line of plain text on stdout that is rewritten in place: epochs, and losses meanwhile.

    In the end it says how many epochs there were, or, if training may stop early, how many there
    could have been: last bits, and so an early stop, differ between machines.
    """

    def __init__(self, description: str, epochs: int, visible: bool, *, may_stop: bool):
        self.epochs, self.may_stop = epochs, may_stop
        self._line = tqdm(
            total=epochs,
            desc=description,
            disable=not visible,
            file=sys.stdout,
            ascii=" #",
            miniters=0,
            bar_format="{desc} |{bar:10}| {n_fmt}/{total_fmt} epochs{postfix}",
            ncols=10_000,  # else tqdm cuts the line at the width of a terminal it runs in
        )

    def __enter__(self):
        return self

    def show(self, text: str) -> None:
        """Say something, if the last time was long enough ago."""
        self._line.set_postfix_str(text, refresh=False)
        self._line.update(0)

    def end_epoch(self, record: dict, best: int | None) -> None:
        """Count an epoch, and say what was measured."""
        values = [f"{name} {value:.3g}" for name, value in record.items() if name != "epoch"]
        if best is not None:
            values.append(f"best epoch {best + 1}")
        self._line.set_postfix_str(", ".join(values), refresh=False)
        self._line.update(1)

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            count = f"at most {self.epochs}" if self.may_stop else "{n_fmt}/{total_fmt}"
            self._line.bar_format = "{desc} |{bar:10}| " + count + " epochs"
            self._line.update(self.epochs - self._line.n)
        self._line.clear()  # else the last state is padded to the length of the one before
        self._line.close()
