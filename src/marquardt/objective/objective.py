"""The objective: network, loss, penalty and data as one function of the weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import Any, TypeVar

import numpy as np
from scipy.linalg.blas import dnrm2

from marquardt.arrays import Array, ArrayLike, Indices
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss, Robust, Squares, WeightDecay
from marquardt.networks import INPUTS, LayerGraph, Scaling
from marquardt.numerics import OrthogonalStep, SequentialRows, hold_blas, is_held
from marquardt.objective.blocks import ArraySource, Source, require_width
from marquardt.objective.compiled import Descent
from marquardt.objective.evaluation import Evaluation, Facts, Need
from marquardt.objective.forms.matrix_free import ProductSystem
from marquardt.objective.local import LocalSums
from marquardt.objective.memory import Budget, require_memory
from marquardt.objective.relative import Relative, check_loss, check_weights_of_outputs, in_parts_of
from marquardt.objective.robust import misfit_of, noise_of, robust_mean_of, spread_of_targets
from marquardt.objective.sums import Part, Sums

__all__ = ["Objective"]

T = TypeVar("T")

_NAMES = {need: need.counted_as for need in Need}

ORTHOGONAL_BYTES = 32 << 20
"""What the rows of an orthogonal factorization may take where the plan has less for the normal equations."""


def is_linear(graph: LayerGraph) -> bool:
    """Return whether outputs are linear in the weights: one layer of identity that sees nothing but the inputs."""
    layer = graph.output
    return len(graph.layers) == 1 and layer.activation == "identity" and layer.sources == (INPUTS,)


@lru_cache(maxsize=64)
def _groups_of(graph: LayerGraph) -> tuple[tuple[Indices, ...], Indices]:
    """The weights without the biases, a layer at a time, and the biases of all layers but the output."""
    layers = len(graph.layers)
    # Layer k has the decay k + 1: one diagonal tells them all.
    numbers = WeightDecay(tuple(float(k + 1) for k in range(layers))).diagonal(graph)
    decayed = tuple(np.flatnonzero(numbers == k + 1) for k in range(layers))
    firsts = np.arange(graph.n_weights) if graph.weight_map is None else graph.weight_map.first
    is_hidden_bias = firsts < graph.spans[-1].start
    is_hidden_bias[np.concatenate(decayed)] = False
    hidden_biases = np.flatnonzero(is_hidden_bias)
    for shared in (*decayed, hidden_biases):
        shared.flags.writeable = False
    return decayed, hidden_biases


class Objective:
    """Σ_samples w_s loss(outputs, targets) + penalty, as a function of the flat weight vector.

    Where the loss is a sum over outputs, each output of a sample may have a weight of its own, w_sk.

    One objective is for one thread of the caller at a time: its scratch arrays are its own.

    Parameters
    ----------
    graph : LayerGraph
        The network.
    inputs : array-like of shape (n_samples, n_inputs)
        A row is a sample.
    targets : array-like of shape (n_samples, n_outputs)
        A row is a sample.
    loss : Loss
        Squares when not given.
    penalty : WeightDecay, optional
        Added once, not per sample.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Not negative; all 1 when not given. A target of weight 0 is not looked at, and may be missing.
    rows : array-like of int, optional
        The samples to take; all when not given.
    input_scaling, target_scaling : Scaling, optional
        Applied to inputs and targets; none when not given. Loss and derivatives are in scaled units, the
        performance of a loss of squares is in the target's own.
    form : str
        How the normal equations are summed: ``"auto"``, ``"pairs"``, ``"explicit"`` or ``"neuron_by_neuron"``; or
        solved without their matrix: ``"samples"`` or ``"matrix_free"``.
    block_size, threads : int, optional
        Chosen by the plan when not given.
    most : Need
        The most that is going to be asked for, for the plan: it can be asked for more, in more time and memory.
    matrices : int
        How many matrices of n_weights × n_weights the plan counts: three for Levenberg–Marquardt, which has the one
        here, the one there and the damped copy.
    systems : sequence of str
        The forms without a matrix that ``"auto"`` may take, of `SYSTEM_FORMS`: none unless the rule says so.
    max_memory : int, str or MemoryLimit, optional
        Bytes, or a text such as ``"500MB"``, that objective and step may take beyond the caller's data, that is
        `plan.memory`: form and blocks are chosen to keep within it. The machine's memory when not given.
    is_relative : bool
        Whether weights count relative to their mean, those of the samples and those of the outputs: loss and
        derivatives, penalty included, are in parts of `unit`, so that a common factor of all weights changes nothing
        that a rule sees. That is how networks are trained.

    Attributes
    ----------
    plan : Plan
        What was chosen, and the memory it takes.
    n_weights, n_outputs, n_samples : int
        Sizes.
    sample_unit, unit : float
        What the sample weights, and what loss and derivatives are in parts of; 1 unless `is_relative`.
    counted_weight : float
        The weight that the evidence counts as one sample; 1 unless `is_relative`.
    total_weight : float
        Sum of the sample weights, relative ones where `is_relative`; of weights an output the mean over outputs.
    facts : Facts
        What rules may know.
    evaluations : dict of str to int
        Calls of `at`, by the name of what was asked for in lower case.

    Raises
    ------
    ShapeError
        If the arrays do not fit the network or each other.
    DataError
        If there is no sample, a value is not finite, a row does not exist, all weights are zero, or the targets of a
        cross-entropy are no probabilities.
    ConfigurationError
        If the loss and the output activation do not go together, or an option cannot be.
    ResourceError
        If there is not enough memory; the message names the form or algorithm that would fit.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> objective = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
    >>> here = objective.at(np.array([0.0, 0.0]), Need.NORMAL)
    >>> here.loss, here.gradient, here.normal
    (5.0, array([-3., -4.]), array([[1., 1.], [1., 2.]]))
    """

    def __init__(
        self,
        graph: LayerGraph,
        inputs: ArrayLike,
        targets: ArrayLike,
        loss: Loss | None = None,
        *,
        penalty: WeightDecay | None = None,
        sample_weight: ArrayLike | None = None,
        rows: ArrayLike | None = None,
        input_scaling: Scaling | None = None,
        target_scaling: Scaling | None = None,
        form: str = "auto",
        block_size: int | None = None,
        threads: int | None = None,
        most: Need = Need.NORMAL,
        matrices: int = 3,
        systems: Sequence[str] = (),
        max_memory: Budget = None,
        is_relative: bool = False,
    ) -> None:
        require_width(inputs, graph.n_inputs, "inputs")
        require_width(targets, graph.n_outputs, "targets")
        self._begin(
            graph,
            loss,
            lambda: ArraySource(inputs, targets, sample_weight, rows),
            penalty=penalty,
            input_scaling=input_scaling,
            target_scaling=target_scaling,
            form=form,
            block_size=block_size,
            threads=threads,
            most=most,
            matrices=matrices,
            systems=systems,
            max_memory=max_memory,
            is_relative=is_relative,
        )

    @classmethod
    def of(
        cls,
        graph: LayerGraph,
        source: Source,
        loss: Loss | None = None,
        *,
        penalty: WeightDecay | None = None,
        input_scaling: Scaling | None = None,
        target_scaling: Scaling | None = None,
        form: str = "auto",
        block_size: int | None = None,
        threads: int | None = None,
        most: Need = Need.NORMAL,
        matrices: int = 3,
        systems: Sequence[str] = (),
        max_memory: Budget = None,
        is_relative: bool = False,
    ) -> Objective:
        """Return the objective of samples that come from a source, such as files larger than memory.

        Every evaluation goes through the source once, and nothing that belongs to a single block is kept from one to
        the next unless the source keeps its blocks itself.

        Parameters
        ----------
        graph : LayerGraph
            The network.
        source : Source
            The samples.
        loss : Loss
            Squares when not given.
        penalty, input_scaling, target_scaling, form, block_size, threads, most, matrices, systems
            As for `Objective`.
        max_memory, is_relative
            As for `Objective`.

        Returns
        -------
        Objective
            What it is of arrays with the same samples, to rounding.

        Raises
        ------
        MarquardtError
            Whatever `Objective` refuses.

        Examples
        --------
        >>> from marquardt.networks import feed_forward
        >>> from marquardt.objective import ArraySource
        >>> objective = Objective.of(feed_forward(1, (), 1), ArraySource([[0.0], [1.0]], [[1.0], [3.0]]))
        >>> objective.at(np.zeros(2), Need.GRADIENT).gradient
        array([-3., -4.])
        """
        for name, width, found in (
            ("inputs", graph.n_inputs, source.n_inputs),
            ("outputs", graph.n_outputs, source.n_outputs),
        ):
            if width != found:
                raise ShapeError(f"The network has {width} {name}, the samples have {found}.")
        made = cls.__new__(cls)
        made._begin(
            graph,
            loss,
            lambda: source,
            penalty=penalty,
            input_scaling=input_scaling,
            target_scaling=target_scaling,
            form=form,
            block_size=block_size,
            threads=threads,
            most=most,
            matrices=matrices,
            systems=systems,
            max_memory=max_memory,
            is_relative=is_relative,
        )
        return made

    def _begin(
        self,
        graph: LayerGraph,
        loss: Loss | None,
        source_of: Callable[[], Source],
        *,
        penalty: WeightDecay | None,
        input_scaling: Scaling | None,
        target_scaling: Scaling | None,
        form: str,
        block_size: int | None,
        threads: int | None,
        most: Need,
        matrices: int,
        systems: Sequence[str],
        max_memory: Budget,
        is_relative: bool,
    ) -> None:
        loss = Squares() if loss is None else loss
        check_loss(graph, loss)
        source = source_of()
        if source.weighs_outputs:
            check_weights_of_outputs(loss)
        relative = Relative.of(loss, penalty, source.mean_weight if is_relative else None)
        sums = LocalSums.of(
            graph,
            source,
            relative,
            input_scaling=input_scaling,
            target_scaling=target_scaling,
            form=form,
            block_size=block_size,
            threads=threads,
            most=most,
            matrices=matrices,
            systems=systems,
            max_memory=max_memory,
        )
        self._begin_over(graph, sums, relative, target_scaling, source.counted_weight if is_relative else 1.0)

    @classmethod
    def over(
        cls,
        graph: LayerGraph,
        sums: Sums,
        *,
        relative: Relative | None = None,
        target_scaling: Scaling | None = None,
        counted_weight: float = 1.0,
    ) -> Objective:
        """Return the objective of sums that are made somewhere, such as in parts that are added.

        Parameters
        ----------
        graph : LayerGraph
            The network.
        sums : Sums
            Of the loss over all samples, in scaled units, their weights in parts of `relative.sample_unit`.
        relative : Relative, optional
            Loss, penalty and what they are in parts of; the loss of the sums, without a penalty, when not given.
        target_scaling : Scaling, optional
            What was applied to the targets; none when not given.
        counted_weight : float
            The weight that the evidence counts as one sample.

        Returns
        -------
        Objective
            What it is of arrays with the same samples, to rounding.
        """
        made = cls.__new__(cls)
        relative = Relative(sums.loss, None) if relative is None else relative
        made._begin_over(graph, sums, relative, target_scaling, counted_weight)
        return made

    def _begin_over(
        self, graph: LayerGraph, sums: Sums, relative: Relative, target_scaling: Scaling | None, counted_weight: float
    ) -> None:
        self.graph, self._sums = graph, sums
        self.n_outputs, self.n_weights = graph.n_outputs, graph.n_weights
        self.n_samples, self.total_weight = sums.n_samples, sums.total_weight
        self.loss, self.plan = sums.loss, sums.plan
        self._given_loss = self.loss
        self.sample_unit, self.unit, self.counted_weight = relative.sample_unit, relative.unit, counted_weight
        self.evaluations = dict.fromkeys(_NAMES.values(), 0)
        # Whether the scale of a robust loss was taken from residuals.
        self._has_own_scale = False
        self._has_curvature = hasattr(self.loss, "curvature")
        self._take(relative.penalty)
        self._unit = self._performance_unit(target_scaling or Scaling.none(graph.n_outputs))

    def begin_again(self, penalty: WeightDecay | None) -> None:
        """Take another penalty for another run: with no evaluation counted, and the scale of a robust loss as given."""
        self._take(in_parts_of(self.unit, penalty))
        self.evaluations = dict.fromkeys(_NAMES.values(), 0)
        if self._has_own_scale:
            self.loss, self._has_own_scale = self._given_loss, False
            self._sums.rescale(self.loss)

    def _take(self, penalty: WeightDecay | None) -> None:
        diagonal = None if penalty is None else penalty.diagonal(self.graph)
        self._diagonal = diagonal if diagonal is not None and diagonal.any() else None

    def at(self, weights: Array, need: Need, is_single: bool = False) -> Evaluation:
        """Evaluate one point.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point, in any layout. It is kept in the result, copied only where it is not contiguous: do not change it
            afterwards.
        need : Need
            How much to compute.
        is_single : bool
            Whether the products of the normal matrix may be rounded to single precision, which loses some 1e-7 of its
            largest entry. The compiled kernel takes half the time then; without it nothing changes. Loss and gradient
            are in double.

        Returns
        -------
        Evaluation
            With loss +inf, and nothing else, where anything overflows.

        Raises
        ------
        ShapeError
            If the weights are not a float64 array of shape (n_weights,).
        ConfigurationError
            If the Hessian or its products are asked for, and an activation or the loss has no second derivative.
        """
        is_vector = isinstance(weights, np.ndarray) and weights.shape == (self.n_weights,)
        if not is_vector or weights.dtype.newbyteorder("=") != np.float64:
            raise ShapeError(
                f"weights must be a float64 array of shape ({self.n_weights},), got "
                f"{getattr(weights, 'dtype', type(weights).__name__)} {np.shape(weights)}."
            )
        # The kernel and BLAS read memory as it lies: what is strided, unaligned or of another byte order is copied.
        weights = np.require(weights, np.float64, ("C", "A"))
        self.evaluations[_NAMES[need]] += 1
        return self._quietly(self._at, weights, need, is_single)

    @cached_property
    def facts(self) -> Facts:
        """What rules may know."""
        decayed, hidden_biases = _groups_of(self.graph)
        return Facts(
            self.n_weights,
            self.n_outputs,
            self.n_samples,
            self.total_weight * self.n_outputs,
            self.loss.name,
            is_likelihood=self.loss.link is not None,
            is_linear=isinstance(self.loss, Squares) and is_linear(self.graph),
            has_curvature=self._has_curvature,
            lacks_second_derivative=self._sums.lacking,
            decayed=decayed,
            hidden_biases=hidden_biases,
            form=self.plan.form,
            costs=self._sums.costs,
            sample_unit=self.sample_unit,
            unit=self.unit,
            counted_weight=self.counted_weight,
        )

    def performance(self, evaluation: Evaluation) -> float:
        """Return what is shown and compared between data of different size.

        Parameters
        ----------
        evaluation : Evaluation
            Of this objective.

        Returns
        -------
        float
            For squares the mean squared error over samples and outputs in the target's own units; for any
            other loss its mean per unit of sample weight. The penalty is left out.
        """
        return float(evaluation.sums @ self._unit) if math.isfinite(evaluation.loss) else math.inf

    def mean_loss(self, evaluation: Evaluation) -> float:
        """Return the mean of what is minimized, in scaled units, without the penalty.

        Targets of different units weigh in it as they do in the loss, which in `performance` they do not.

        Parameters
        ----------
        evaluation : Evaluation
            Of this objective.

        Returns
        -------
        float
            For squares the mean squared error over samples and outputs; otherwise the mean loss.
        """
        return float(evaluation.sums.sum()) * self._mean if math.isfinite(evaluation.loss) else math.inf

    def gradient_norm(self, evaluation: Evaluation) -> float:
        """Return the Euclidean norm of the gradient of the mean loss.

        Parameters
        ----------
        evaluation : Evaluation
            With a gradient.

        Returns
        -------
        float
            ‖∂(loss · c)/∂w‖ in scaled units, where c turns the sum into the mean that the metric's name says:
            2 / (total weight · outputs) for squares, 1 / total weight otherwise.
        """
        if evaluation.gradient is None:
            return math.nan
        # LAPACK's norm, which does not square what would overflow.
        return float(dnrm2(evaluation.gradient)) * self._mean

    def normal(self, weights: Array) -> Array:
        """Write out the normal matrix, whatever the form.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        ndarray of shape (n_weights, n_weights)
            JᵀΛJ plus the penalty's Hessian.

        Raises
        ------
        ResourceError
            If there is no memory for it and a copy.
        """
        require_memory(self.graph, 2 * 8 * self.n_weights**2)
        return self._with_penalty(self._quietly(self._sums.normal, weights)[2])

    def in_sample_space(self, weights: Array) -> Evaluation:
        """Evaluate one point with its normal equations in sample space, whatever the form.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        Evaluation
            With a `SampleSystem`, and without a normal matrix; with loss +inf, and nothing else, where anything
            overflows.
        """
        self.evaluations[_NAMES[Need.NORMAL]] += 1
        return self._quietly(self._in_sample_space, weights)

    def jacobian(self, weights: Array) -> Array:
        """Write out the Jacobian R ∂outputs/∂weights, for checking and for small problems.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        ndarray of shape (n_samples · n_rows, n_weights)
            Sample by sample, the rows of R within a sample; for squares ∂residual/∂weights. jacobianᵀ jacobian
            is the normal matrix without the penalty.
        """
        return np.concatenate(self._quietly(lambda: list(self._sums.jacobian(weights))))

    def residual(self, weights: Array) -> Array:
        """Return the residuals that belong to the rows of `jacobian`, for a loss of squares.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        ndarray of shape (n_samples · n_outputs,)
            (output − target) √(sample weight · output weight), in scaled units.

        Raises
        ------
        ConfigurationError
            If the loss is not squares.
        """
        if not isinstance(self.loss, Squares):
            raise ConfigurationError(f"Residuals belong to a loss of squares, got {self.loss.name!r}.")
        parts = []
        for outputs, targets, weight in self._sums.parts(weights):
            root = np.sqrt(self.loss.curvature(outputs, targets))[:, None]
            if weight is not None:
                root = root * np.sqrt(weight)
            parts.append(((outputs - targets) * root).T.ravel())
        return np.concatenate(parts)

    def orthogonal_step(self, weights: Array) -> OrthogonalStep | None:
        """Return the Gauss–Newton step −(JᵀΛJ + penalty)⁻¹ gradient by an orthogonal factorization of the Jacobian.

        It has about twice as many right digits as the one by the normal equations, and takes some four to eight times
        as long. The Jacobian is written out some rows at a time, never whole.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        OrthogonalStep or None
            The rows that it speaks of are those of Λ^½J, and of the penalty. None where the Jacobian has not full rank
            to working precision, where the loss has no curvature, and where there is no room: the rows at work take
            more than the plan has for the normal equations, or 32 MB.
        """
        n_rows = self.n_samples * self.n_outputs
        n_rows += 0 if self._diagonal is None else int(np.count_nonzero(self._diagonal))
        room = max(self.plan.memory, ORTHOGONAL_BYTES)
        if not self._has_curvature or n_rows < self.n_weights or self._sums.whitened_bytes() > room:
            return None
        rows, rest = SequentialRows(self.n_weights), np.zeros(self.n_weights)
        with hold_blas(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for jacobian, fitted, left in self._sums.whitened(weights):
                rows.add(jacobian, fitted)
                if left is not None:
                    rest += left
            if self._diagonal is not None:
                root, is_decayed = np.sqrt(self._diagonal), self._diagonal > 0
                rows.add(np.diag(root)[is_decayed], (root * weights)[is_decayed])
            return rows.solve(rest)

    # ---------------------------------------------------------------- robust losses

    def noise(self, weights: Array) -> Array:
        """Return the standard deviation of the residuals as their median tells it, 1.4826 · median \\|r\\|.

        In scaled units, of shape (n_outputs,); NaN where the outputs overflow.
        """
        return self._quietly(noise_of, self._looked_at(weights), self.n_outputs)

    def spread_of_targets(self, weights: Array) -> Array:
        """Return the same of the targets about their medians; 0 for a target that does not vary."""
        return self._quietly(spread_of_targets, self._looked_at(weights), self.n_outputs)

    def robust_mean(self, weights: Array, noise: Array) -> float:
        """Return the mean of squared residuals, none of which counts for more than three standard deviations."""
        return self._quietly(robust_mean_of, self._looked_at(weights), noise)

    def take_scale(self, scale: Array) -> None:
        """Go on with another scale of the robust loss, of shape (n_outputs,), taken from residuals."""
        assert isinstance(self.loss, Robust)
        self.loss = replace(self.loss, scale=tuple(scale.tolist()))
        self._sums.rescale(self.loss)
        self._has_own_scale = True

    def _misfit(self, weights: Array) -> float:
        """What stands for the loss in the evidence."""
        return self._quietly(misfit_of, self._looked_at(weights), self.loss)

    def _looked_at(self, weights: Array) -> Iterator[Part]:
        """Outputs, targets and weights of the samples, a block at a time: an evaluation for its values."""
        self.evaluations[_NAMES[Need.VALUE]] += 1
        return self._sums.parts(weights)

    @property
    def is_compiled(self) -> bool:
        """Whether the compiled kernel does the passes."""
        return self._sums.compiled is not None

    def descent(
        self,
        increase: float,
        decrease: float,
        lowest: float,
        largest: float,
        damping: int = 0,
        single: float = math.inf,
    ) -> Descent | None:
        """Return trials of Levenberg–Marquardt with D = I as compiled code, where the kernel covers the objective.

        Parameters
        ----------
        increase, decrease : float
            What μ is multiplied with after a rejected and an accepted trial.
        lowest, largest : float
            Where μ is held after it fell, and above which there is no further trial.
        damping : int
            The kernel's number of how μ moves.
        single : float
            The part of the matrix's largest entry from which μ allows for single precision.

        Returns
        -------
        Descent or None
            None where the trials go one by one.
        """
        if self._sums.compiled is None:
            return None
        return Descent(self._sums.compiled, self._diagonal, increase, decrease, lowest, largest, damping, single)

    def __getstate__(self) -> object:
        raise TypeError(
            "An Objective cannot be pickled: it holds threads, scratch memory and compiled code. Hand on what it was "
            "made of, and make it again there."
        )

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self._sums.close()

    # ---------------------------------------------------------------- one point

    def _quietly(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call with BLAS held to one thread, and without NumPy's warnings: what overflows is looked for."""
        held = contextlib.nullcontext() if is_held() else hold_blas()
        with held, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return work(*arguments)

    def _at(self, weights: Array, need: Need, is_single: bool) -> Evaluation:
        sums = self._sums
        if need >= Need.PRODUCT:
            sums.require_second()
        if need == Need.VALUE:
            return self._evaluation(weights, sums.value(weights))
        if need == Need.GRADIENT:
            return self._evaluation(weights, *sums.gradient(weights))
        if need == Need.NORMAL:
            return self._normal_equations(weights, is_single)
        if need == Need.CURVATURE:
            here = self._evaluation(weights, *sums.gradient(weights))
            on_demand = partial(self._normal_of, weights)
            return here if here.gradient is None else here._replace(normal_of=on_demand)
        if need == Need.PRODUCT:
            *both, product = sums.hessian_times(weights)
            here = self._evaluation(weights, *both)
            return here if here.gradient is None else here._replace(times=partial(self._times_columns, product))
        *both, hessian = sums.hessian(weights)
        here = self._evaluation(weights, *both)
        return here if here.gradient is None else here._replace(hessian=self._with_penalty(hessian))

    def _normal_equations(self, weights: Array, is_single: bool) -> Evaluation:
        """The normal matrix, or a system in its place."""
        if self.plan.form == "samples":
            return self._in_sample_space(weights)
        if self.plan.form != "matrix_free":
            return self._evaluation(weights, *self._sums.normal(weights, is_single))
        *both, diagonal = self._sums.diagonal(weights)
        here = self._evaluation(weights, *both)
        if here.gradient is None:
            return here
        diagonal = diagonal if self._diagonal is None else diagonal + self._diagonal
        system = ProductSystem(partial(self._normal_times, weights), here.gradient, diagonal)
        return here._replace(system=system, bend=partial(self._bend, weights))

    def _in_sample_space(self, weights: Array) -> Evaluation:
        decay = np.zeros(self.n_weights) if self._diagonal is None else self._diagonal
        *both, system = self._sums.in_sample_space(weights, decay)
        here = self._evaluation(weights, *both)
        return here if here.gradient is None else here._replace(system=system, bend=partial(self._bend, weights))

    def _normal_of(self, weights: Array, share: float = 1.0) -> Array:
        """The normal matrix of a part of the samples, scaled to all of them, plus the penalty's Hessian."""
        self.evaluations[_NAMES[Need.NORMAL]] += 1
        return self._with_penalty(self._quietly(self._sums.normal_of, weights, share))

    def _normal_times(self, weights: Array, vector: Array) -> Array:
        """(JᵀΛJ + penalty) v."""
        product = self._quietly(self._sums.times, weights, vector)
        return product if self._diagonal is None else product + self._diagonal * vector

    def _bend(self, weights: Array, direction: Array) -> Array:
        """JᵀΛ ∂²outputs/∂direction²."""
        return self._quietly(self._sums.bend, weights, direction)

    def _times_columns(self, product: Callable[[Array], Array], vectors: Array) -> Array:
        """(Hessian + penalty) times vectors."""
        columns = vectors.reshape(self.n_weights, -1)
        found = self._quietly(product, columns)
        if self._diagonal is not None:
            found += self._diagonal[:, None] * columns
        return found.reshape(vectors.shape)

    def _with_penalty(self, matrix: Array) -> Array:
        """Add the penalty's Hessian in place."""
        if self._diagonal is not None:
            matrix.ravel()[:: self.n_weights + 1] += self._diagonal
        return matrix

    def _evaluation(
        self, weights: Array, sums: Array, gradient: Array | None = None, normal: Array | None = None
    ) -> Evaluation:
        """Add the penalty, and turn what is not finite into an overflow."""
        loss = sums.item() if self.n_outputs == 1 else float(np.add.reduce(sums))
        diagonal = self._diagonal
        if diagonal is not None:
            loss += 0.5 * float(diagonal @ (weights * weights))
        if not math.isfinite(loss):
            return Evaluation.overflow(weights)
        if gradient is not None:
            gradient = gradient if diagonal is None else gradient + diagonal * weights
            if not math.isfinite(float(np.add.reduce(gradient))):
                return Evaluation.overflow(weights)
        misfit = partial(self._misfit, weights) if self._has_own_scale else None
        if normal is None:
            return Evaluation(weights, loss, sums, gradient, misfit=misfit)
        bend, orthogonal = partial(self._bend, weights), partial(self.orthogonal_step, weights)
        normal = self._with_penalty(normal)
        return Evaluation(weights, loss, sums, gradient, normal, bend=bend, orthogonal=orthogonal, misfit=misfit)

    def _performance_unit(self, target_scaling: Scaling) -> Array:
        """What each output's part of the loss is multiplied with to give the performance."""
        if isinstance(self.loss, Squares):
            self._mean = 2.0 / (self.total_weight * self.n_outputs)
            with np.errstate(over="ignore"):
                unit = self._mean * target_scaling.spread**2
            return unit if self.loss.output_weights is None else unit / np.array(self.loss.output_weights)
        self._mean = 1.0 / self.total_weight
        return np.full(self.n_outputs, self._mean)
