"""What changes while a model is trained: where the training is, what it has measured, the best epoch.

`training` makes it, and `resuming` writes it to a file and reads it again.
"""

import math
from dataclasses import dataclass, field

import numpy as onp

from mxnet import gluon, np
from mxnet.gluon.parameter import DeferredInitializationError

PLAIN = bool | int | float | str | None


@dataclass(frozen=True)
class History:
    """What happened in training: `history["loss"]` is an array with one number per epoch.

    Attributes
    ----------
    epochs : list of dict
        One record an epoch: "epoch" (from 1), "loss" (mean over the epoch's examples, taken while
        the parameters moved) and whatever `evaluate` returned.
    best : int or None
        Index into `epochs` of the lowest monitored value (the first, if equal).
    stopped_early : bool
        Whether patience ran out before the last epoch.
    """

    epochs: list[dict[str, float]]
    best: int | None = None
    stopped_early: bool = False

    def __getitem__(self, name: str) -> onp.ndarray:
        """One quantity over the epochs, (epochs,)."""
        if name not in self.epochs[0]:
            raise KeyError(f"no {name!r} in this history: it has {', '.join(self.epochs[0])}")
        return onp.array([record[name] for record in self.epochs])


class Best:
    """The best epoch so far by the monitored value, and the parameters after it.

    Parameters
    ----------
    parameters : list of mxnet.gluon.Parameter
        All of the model, fixed ones too.
    monitor, patience : str or None, int or None
        As for `training.fit`.
    """

    def __init__(self, parameters: list, monitor: str | None, patience: int | None):
        self.parameters, self.monitor, self.patience = parameters, monitor, patience
        self.epoch, self.kept = None, []

    def judge(self, records: list[dict]) -> None:
        """Keep the parameters if the last epoch is better than all before.

        Raises
        ------
        ValueError, FloatingPointError
            The monitored value is not there, or is not a number.
        """
        if self.monitor is None:
            return
        if self.monitor not in records[-1]:
            names = ", ".join(records[-1])
            raise ValueError(f"monitor must be one of {names}, got {self.monitor!r}")
        value = records[-1][self.monitor]
        if math.isnan(value):
            raise FloatingPointError(f"{self.monitor} is not a number after epoch {len(records)}")
        if self.epoch is None or value < records[self.epoch][self.monitor]:
            self.epoch = len(records) - 1
            self.kept = [parameter.list_data()[0].copy() for parameter in self.parameters]

    def is_long_ago(self, epoch: int) -> bool:
        """Whether patience has run out after this epoch, counted from 0."""
        known = self.patience is not None and self.epoch is not None
        return known and epoch - self.epoch >= self.patience

    def restore(self) -> None:
        """Give the model the parameters of the best epoch, if one was looked for."""
        if self.monitor is not None:
            for parameter, value in zip(self.parameters, self.kept, strict=True):
                parameter.set_data(value)


@dataclass
class State:
    """A training between two steps: with it and the same batches, it goes on as if it had not stopped.

    Attributes
    ----------
    model : Block
    parameters : list of mxnet.gluon.Parameter
        All of the model.
    trainer : mxnet.gluon.Trainer
        It holds the optimizer and, for each device, what the optimizer remembers.
    best : Best
    records : list of dict
        Of the epochs that are over.
    step, total, count : int, float, int
        Steps of the epoch that is not over, the sum of its losses so far, and of how many examples.
    """

    model: gluon.Block
    parameters: list
    trainer: gluon.Trainer
    best: Best
    records: list[dict] = field(default_factory=list)
    step: int = 0
    total: float = 0.0
    count: int = 0

    def end_step(self, total: float, count: int) -> None:
        """Count a step, with the sum of its losses and their number.

        Raises
        ------
        FloatingPointError
            The sum is not finite.
        """
        self.step, self.total, self.count = self.step + 1, self.total + total, self.count + count
        if not math.isfinite(self.total):
            place = f"epoch {len(self.records) + 1}, step {self.step}"
            raise FloatingPointError(f"the loss is not finite in {place}")

    @property
    def loss(self) -> float:
        """The mean loss of the epoch so far."""
        return self.total / self.count

    def end_epoch(self, record: dict) -> None:
        """Count an epoch: {"loss": ..., and what else was measured}."""
        self.records.append({"epoch": len(self.records) + 1} | record)
        self.step, self.total, self.count = 0, 0.0, 0

    # ---------------------------------------------------------------- what a checkpoint holds of it
    def recipe(self) -> dict:
        """What decides how the training goes on, and does not change: {name: number or word}."""
        optimizer = {"optimizer": type(self.trainer.optimizer).__name__}
        watched = {"monitor": self.best.monitor, "patience": self.best.patience}
        return watched | optimizer | _plain(self.trainer.optimizer)

    def numbers(self) -> dict:
        """All that is no array: {name: what JSON can hold}."""
        found = {name: getattr(self, name) for name in ("records", "step", "total", "count")}
        found |= {"best": self.best.epoch, "updates": _updates(self.trainer, len(self._trained()))}
        return found | {"optimizer": _plain(self.trainer.optimizer)}

    def kinds(self) -> dict[str, tuple]:
        """{"model.path": (shape, dtype)} of each parameter; sizes below 1 are not known yet."""
        return {f"model.{n}": (p.shape, onp.dtype(p.dtype).name) for n, p in self._named().items()}

    def arrays(self) -> dict[str, onp.ndarray]:
        """Parameters, those of the best epoch, and what the optimizer remembers of each."""
        named, found = self._named(), {}
        for name, parameter in named.items():
            found[f"model.{name}"] = parameter.list_data()[0].asnumpy()
        for name, array in zip(named, self.best.kept, strict=False):
            found[f"best.{name}"] = array.asnumpy()
        states = self.trainer._updaters[0].states  # noqa: SLF001 - save_states() would pickle them
        for index, name in enumerate(self._trained()):
            for place, array in enumerate(_flat(states.get(index))):
                found[f"optimizer.{name}.{place}"] = array.asnumpy()
        return found

    def give(self, numbers: dict, arrays: dict[str, onp.ndarray]) -> None:
        """Bring a new training to where another one was."""
        for name, parameter in self._named().items():
            array = arrays[f"model.{name}"]
            _initialise(parameter, array.shape)
            parameter.set_data(_beside(parameter, array))
        for name in ("records", "step", "total", "count"):
            setattr(self, name, numbers[name])
        self.best.epoch = numbers["best"]
        if self.best.epoch is not None:
            named = self._named().items()
            self.best.kept = [_beside(p, arrays[f"best.{name}"]) for name, p in named]
        _remind(self.trainer, numbers, arrays, self._trained())

    def _named(self) -> dict:
        """{path in the model: parameter}; a shared one has the first of its paths."""
        paths = self.model._collect_params_with_prefix()  # noqa: SLF001 - as Gluon's save_parameters
        names = {parameter: name for name, parameter in reversed(paths.items())}
        return {names.get(parameter, parameter.name): parameter for parameter in self.parameters}

    def _trained(self) -> dict:
        """{path: parameter} of those that are trained, in the trainer's order."""
        return {name: p for name, p in self._named().items() if p.grad_req != "null"}


def _beside(parameter, array: onp.ndarray):
    """An array on the parameter's first device."""
    return np.array(array, dtype=array.dtype, ctx=parameter.list_ctx()[0])


def _initialise(parameter, shape: tuple) -> None:
    """Give a parameter that waits for its shape this one."""
    try:
        parameter.list_data()
    except DeferredInitializationError:
        parameter.shape = shape
        parameter.initialize(ctx=parameter.list_ctx(), force_reinit=True)


# ----------------------------------------------------------------------- what an optimizer remembers
def _remind(trainer, numbers: dict, arrays: dict, trained: dict) -> None:
    """Give an optimizer what it remembered, for each device."""
    optimizer = trainer.optimizer
    _set_plain(optimizer, numbers["optimizer"])
    for place, updater in enumerate(trainer._updaters):  # noqa: SLF001 - load_states() would unpickle
        for index, (name, parameter) in enumerate(trained.items()):
            weight = parameter.list_data()[place].as_nd_ndarray()
            state = optimizer.create_state_multi_precision(index, weight)
            for number, array in enumerate(_flat(state)):
                array[:] = arrays[f"optimizer.{name}.{number}"]
            updater.states[index], updater.states_synced[index] = state, True
        optimizer._set_current_context(weight.context.device_id)  # noqa: SLF001 - counts are per device
        optimizer._index_update_count.update(enumerate(numbers["updates"]))  # noqa: SLF001


def _updates(trainer, count: int) -> list[int]:
    """How often each parameter was updated, on the device where most often: Adam's t."""
    counts = trainer.optimizer._all_index_update_counts.values()  # noqa: SLF001
    return [max(of_device.get(index, 0) for of_device in counts) for index in range(count)]


def _flat(state) -> list:
    """The arrays in what an optimizer remembers of a parameter: None, an array, or nested tuples."""
    if isinstance(state, list | tuple):
        return [array for each in state for array in _flat(each)]
    return [] if state is None else [state]


def _plain(optimizer) -> dict:
    """The numbers and words of an optimizer, and of its schedule."""
    found = {}
    for prefix, thing in (("", optimizer), ("schedule.", optimizer.lr_scheduler)):
        for name, value in vars(thing).items() if thing else ():
            value = value.item() if isinstance(value, onp.generic) else value
            listed = isinstance(value, list | tuple) and all(isinstance(v, PLAIN) for v in value)
            if isinstance(value, PLAIN) or listed:
                found[prefix + name] = list(value) if listed else value
    return found


def _set_plain(optimizer, values: dict) -> None:
    for name in _plain(optimizer).keys() & values.keys():
        thing = optimizer.lr_scheduler if name.startswith("schedule.") else optimizer
        setattr(thing, name.removeprefix("schedule."), values[name])
