"""The objective: network, loss, penalty and data as one function of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Unpack

import numpy as np
from scipy.linalg.blas import dnrm2

from marquardt.arrays import Array, ArrayLike, Indices
from marquardt.errors import ConfigurationError, ShapeError
from marquardt.losses import Loss, Robust, Squares, WeightDecay
from marquardt.networks import INPUTS, LayerGraph, Scaling
from marquardt.numerics import OrthogonalStep
from marquardt.objective.blocks import ArraySource, Source, require_width
from marquardt.objective.compiled import CompiledTrials
from marquardt.objective.evaluation import Derivatives, Evaluation, ProblemInfo
from marquardt.objective.local import LocalSums
from marquardt.objective.memory import require_memory
from marquardt.objective.planning import PlanOptions
from marquardt.objective.points import Points
from marquardt.objective.quiet import quietly
from marquardt.objective.relative import Relative, check_loss, check_weights_of_outputs, in_parts_of
from marquardt.objective.robust import noise_of, robust_mean_of, spread_of_targets
from marquardt.objective.sums import Sums

__all__ = ["ModelOptions", "Objective", "ObjectiveOptions"]


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


class ModelOptions(PlanOptions, total=False):
    """What an objective takes beside network, data and loss."""

    penalty: WeightDecay | None
    is_relative: bool


class ObjectiveOptions(ModelOptions, total=False):
    """The same with scalings, where network and data do not say them."""

    input_scaling: Scaling | None
    target_scaling: Scaling | None


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
    is_relative : bool
        Whether weights count relative to their mean, those of the samples and those of the outputs: loss and
        derivatives, penalty included, are in parts of `unit`, so that a common factor of all weights changes nothing
        that a rule sees. That is how networks are trained.
    **options : PlanOptions
        How it is planned. `form`: ``"auto"``; how the normal equations are summed, ``"pairs"``, ``"explicit"`` or
        ``"neuron_by_neuron"``; or solved without their matrix, ``"samples"`` or ``"matrix_free"``. `block_size` and
        `threads`: chosen by the plan when not given. `most`: the `Derivatives` that are the most to be asked for;
        it can be asked for more, in more time and memory. `matrices`: how many of n_weights × n_weights the plan
        counts, three for Levenberg–Marquardt, which has that of the current point, that of the trial and the damped
        copy. `matrix_free_forms`: the forms without a matrix that ``"auto"`` may take, none unless the rule says so.
        `max_memory`: bytes, or a text such as ``"500MB"``, that objective and step may take beyond the caller's data,
        that is `plan.memory`; the machine's memory when not given.

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
    info : ProblemInfo
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
    >>> here = objective.at(np.array([0.0, 0.0]), Derivatives.NORMAL)
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
        is_relative: bool = False,
        **options: Unpack[PlanOptions],
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
            is_relative=is_relative,
            **options,
        )

    @classmethod
    def of(
        cls, graph: LayerGraph, source: Source, loss: Loss | None = None, **options: Unpack[ObjectiveOptions]
    ) -> Objective:
        """Return the objective of samples that come from a source, such as files larger than memory.

        Every evaluation goes through the source once, and nothing that belongs to a single block is kept from one to
        the next unless the source keeps its blocks itself. Options are those of `Objective`.
        """
        for name, width, found in (
            ("inputs", graph.n_inputs, source.n_inputs),
            ("outputs", graph.n_outputs, source.n_outputs),
        ):
            if width != found:
                raise ShapeError(f"The network has {width} {name}, the samples have {found}.")
        made = cls.__new__(cls)
        made._begin(graph, loss, lambda: source, **options)
        return made

    def _begin(
        self,
        graph: LayerGraph,
        loss: Loss | None,
        source_of: Callable[[], Source],
        *,
        penalty: WeightDecay | None = None,
        input_scaling: Scaling | None = None,
        target_scaling: Scaling | None = None,
        is_relative: bool = False,
        **options: Unpack[PlanOptions],
    ) -> None:
        loss = Squares() if loss is None else loss
        check_loss(graph, loss)
        source = source_of()
        if source.weighs_outputs:
            check_weights_of_outputs(loss)
        relative = Relative.of(loss, penalty, source.mean_weight if is_relative else None)
        sums = LocalSums.of(graph, source, relative, input_scaling, target_scaling, **options)
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

        They are of the loss over all samples, in scaled units, with weights in parts of `relative.sample_unit`;
        `relative` is the loss of the sums, without a penalty, when not given. `target_scaling` is what was applied to
        the targets, and `counted_weight` the weight that the evidence counts as one sample.
        """
        made = cls.__new__(cls)
        relative = Relative(sums.loss, None) if relative is None else relative
        made._begin_over(graph, sums, relative, target_scaling, counted_weight)
        return made

    def _begin_over(
        self, graph: LayerGraph, sums: Sums, relative: Relative, target_scaling: Scaling | None, counted_weight: float
    ) -> None:
        self.graph, self._sums, self._points = graph, sums, Points(sums, graph.n_outputs)
        self.n_outputs, self.n_weights = graph.n_outputs, graph.n_weights
        self.n_samples, self.total_weight = sums.n_samples, sums.total_weight
        self.loss, self.plan = sums.loss, sums.plan
        self._given_loss = self.loss
        self.sample_unit, self.unit, self.counted_weight = relative.sample_unit, relative.unit, counted_weight
        self._take(relative.penalty)
        self._unit = self._performance_unit(target_scaling or Scaling.none(graph.n_outputs))

    def begin_again(self, penalty: WeightDecay | None) -> None:
        """Take another penalty for another run: with no evaluation counted, and the scale of a robust loss as given."""
        self._take(in_parts_of(self.unit, penalty))
        self._points.reset()
        if self._points.has_own_scale:
            self.loss, self._points.has_own_scale = self._given_loss, False
            self._sums.rescale(self.loss)

    def _take(self, penalty: WeightDecay | None) -> None:
        diagonal = None if penalty is None else penalty.diagonal(self.graph)
        self._points.decay = diagonal if diagonal is not None and diagonal.any() else None

    @property
    def evaluations(self) -> dict[str, int]:
        """Calls of `at`, by the name of what was asked for in lower case."""
        return self._points.evaluations

    def at(self, weights: Array, need: Derivatives, is_single: bool = False) -> Evaluation:
        """Evaluate one point, as far as `need` says.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point, float64 in any layout. It is kept in the result, copied only where it is not contiguous: do not
            change it afterwards.
        need : Derivatives
            How much to compute. Second derivatives are refused where an activation or the loss has none.
        is_single : bool
            Whether the products of the normal matrix may be rounded to single precision, which loses some 1e-7 of its
            largest entry. The compiled kernel takes half the time then; without it nothing changes. Loss and gradient
            are in double.

        Returns
        -------
        Evaluation
            With loss +inf, and nothing else, where anything overflows.
        """
        is_vector = isinstance(weights, np.ndarray) and weights.shape == (self.n_weights,)
        if not is_vector or weights.dtype.newbyteorder("=") != np.float64:
            raise ShapeError(
                f"weights must be a float64 array of shape ({self.n_weights},), got "
                f"{getattr(weights, 'dtype', type(weights).__name__)} {np.shape(weights)}."
            )
        # The kernel and BLAS read memory as it lies: what is strided, unaligned or of another byte order is copied.
        weights = np.require(weights, np.float64, ("C", "A"))
        self._points.count(need)
        return quietly(self._points.at, weights, need, is_single)

    @cached_property
    def info(self) -> ProblemInfo:
        """What rules may know."""
        decayed, hidden_biases = _groups_of(self.graph)
        return ProblemInfo(
            self.n_weights,
            self.n_outputs,
            self.n_samples,
            self.total_weight * self.n_outputs,
            self.loss.name,
            is_likelihood=self.loss.link is not None,
            is_linear=isinstance(self.loss, Squares) and is_linear(self.graph),
            has_curvature=hasattr(self.loss, "curvature"),
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

        For squares the mean squared error over samples and outputs in the target's own units; for any other loss its
        mean per unit of sample weight. The penalty is left out.
        """
        return float(evaluation.sums @ self._unit) if math.isfinite(evaluation.loss) else math.inf

    def mean_loss(self, evaluation: Evaluation) -> float:
        """Return the mean of what is minimized, in scaled units, without the penalty.

        Targets of different units weigh in it as they do in the loss, which in `performance` they do not. For squares
        it is the mean squared error over samples and outputs.
        """
        return float(evaluation.sums.sum()) * self._mean if math.isfinite(evaluation.loss) else math.inf

    def gradient_norm(self, evaluation: Evaluation) -> float:
        """Return ‖∂(loss · c)/∂w‖ in scaled units; NaN without a gradient.

        c turns the sum into the mean that the metric's name says: 2 / (total weight · outputs) for squares, 1 / total
        weight otherwise.
        """
        if evaluation.gradient is None:
            return math.nan
        # LAPACK's norm, which does not square what would overflow.
        return float(dnrm2(evaluation.gradient)) * self._mean

    def normal(self, weights: Array) -> Array:
        """Write out JᵀΛJ plus the penalty's Hessian, whatever the form; refused without memory for it and a copy."""
        require_memory(self.graph, 2 * 8 * self.n_weights**2)
        return self._points.with_penalty(quietly(self._sums.normal, weights)[2])

    def in_sample_space(self, weights: Array) -> Evaluation:
        """Evaluate one point with its normal equations in sample space, whatever the form.

        There is a `SampleSystem` instead of a normal matrix.
        """
        self._points.count(Derivatives.NORMAL)
        return quietly(self._points.in_sample_space, weights)

    def jacobian(self, weights: Array) -> Array:
        """Write out the Jacobian R ∂outputs/∂weights, (n_samples · n_rows, n_weights), to check and for small problems.

        Sample by sample, the rows of R within a sample; for squares ∂residual/∂weights. jacobianᵀ jacobian is the
        normal matrix without the penalty.
        """
        return np.concatenate(quietly(lambda: list(self._sums.jacobian(weights))))

    def residual(self, weights: Array) -> Array:
        """Return the residuals that belong to the rows of `jacobian`; refused unless the loss is squares.

        (output − target) √(sample weight · output weight), in scaled units.
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
        as long. The Jacobian is written out some rows at a time, never whole; the rows that the step speaks of are
        those of Λ^½J, and of the penalty. None where the Jacobian has not full rank to working precision, where the
        loss has no curvature, and where there is no room: the rows at work take more than the plan has for the normal
        equations, or 32 MB.
        """
        return self._points.orthogonal_step(weights)

    # ---------------------------------------------------------------- robust losses

    def noise(self, weights: Array) -> Array:
        """Return the standard deviation of the residuals as their median tells it, 1.4826 · median \\|r\\|.

        In scaled units, of shape (n_outputs,); NaN where the outputs overflow.
        """
        return quietly(noise_of, self._points.looked_at(weights), self.n_outputs)

    def spread_of_targets(self, weights: Array) -> Array:
        """Return the same of the targets about their medians; 0 for a target that does not vary."""
        return quietly(spread_of_targets, self._points.looked_at(weights), self.n_outputs)

    def robust_mean(self, weights: Array, noise: Array) -> float:
        """Return the mean of squared residuals, none of which counts for more than three standard deviations."""
        return quietly(robust_mean_of, self._points.looked_at(weights), noise)

    def take_scale(self, scale: Array) -> None:
        """Go on with another scale of the robust loss, of shape (n_outputs,), taken from residuals."""
        assert isinstance(self.loss, Robust)
        self.loss = replace(self.loss, scale=tuple(scale.tolist()))
        self._sums.rescale(self.loss)
        self._points.has_own_scale = True

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
    ) -> CompiledTrials | None:
        """Return compiled trials of Levenberg–Marquardt with D = I; None where the kernel does not do the passes.

        μ is multiplied with `increase` and `decrease` after a rejected and an accepted trial, held at `lowest` where it
        fell, and above `largest` there is no further trial. `damping` is the kernel's number of how μ moves, `single`
        the part of the matrix's largest entry from which μ allows for single precision.
        """
        if self._sums.compiled is None:
            return None
        return CompiledTrials(
            self._sums.compiled, self._points.decay, increase, decrease, lowest, largest, damping, single
        )

    def __getstate__(self) -> object:
        raise TypeError(
            "An Objective cannot be pickled: it holds threads, scratch memory and compiled code. Hand on what it was "
            "made of, and make it again there."
        )

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self._sums.close()

    def _performance_unit(self, target_scaling: Scaling) -> Array:
        """What each output's part of the loss is multiplied with to give the performance."""
        if isinstance(self.loss, Squares):
            self._mean = 2.0 / (self.total_weight * self.n_outputs)
            with np.errstate(over="ignore"):
                unit = self._mean * target_scaling.spread**2
            return unit if self.loss.output_weights is None else unit / np.array(self.loss.output_weights)
        self._mean = 1.0 / self.total_weight
        return np.full(self.n_outputs, self._mean)
