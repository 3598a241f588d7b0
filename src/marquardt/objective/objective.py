"""The objective: network, loss, penalty and data as one function of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from marquardt.arrays import Array, ArrayLike
from marquardt.errors import ConfigurationError, DataError, ShapeError
from marquardt.losses import Loss, Robust, Squares, WeightDecay
from marquardt.networks import LayerGraph, Scaling
from marquardt.numerics import OrthogonalStep, SequentialRows, hold_blas, is_held, threads_left
from marquardt.objective.bending import bent_outputs
from marquardt.objective.blocks import (
    ArraySource,
    Block,
    Blocks,
    KeptBlocks,
    PassEndedError,
    Source,
    random_part,
    relative_blocks,
    require_width,
)
from marquardt.objective.compiled import Compiled, Descent, is_compiled
from marquardt.objective.cost import cost_model
from marquardt.objective.evaluation import Costs, Evaluation, Facts, Need, System
from marquardt.objective.explicit import explicit_jacobian
from marquardt.objective.hessian import HessianSums
from marquardt.objective.matrix_free import ProductSystem, add_diagonal, moved_outputs
from marquardt.objective.memory import Budget, MemoryLimit, require_memory
from marquardt.objective.neuron_by_neuron import NeuronByNeuron
from marquardt.objective.pairs import PairSums
from marquardt.objective.passes import Pass, Scratch, Wiring
from marquardt.objective.plan import Plan, costs_of, make_plan
from marquardt.objective.robust import Part, misfit_of, noise_of, robust_mean_of, spread_of_targets
from marquardt.objective.sample_space import Rows, SampleSystem, WrittenSystem, fitted_part
from marquardt.objective.second_order import (
    Curved,
    curved_pass,
    gradient_of,
    hessian_times,
)
from marquardt.objective.sensitivities import Form, Sensitivity, curvature_rows, forms, sensitivities
from marquardt.objective.single import SingleOutput

__all__ = ["Objective", "estimated_costs"]

T = TypeVar("T")

_NAMES = {need: need.counted_as for need in Need}
_QUIET = partial(np.errstate, over="ignore", invalid="ignore", divide="ignore")

ORTHOGONAL_BYTES = 32 << 20
"""What the rows of an orthogonal factorization may take where the plan has less for the normal equations."""


def estimated_costs(graph: LayerGraph, loss: Loss, n_samples: int) -> Costs:
    """Return what a gradient, the normal equations and a step are going to take on one thread, as far as sizes tell.

    Parameters
    ----------
    graph : LayerGraph
        The network, without delays.
    loss : Loss
        What is minimized; with a curvature.
    n_samples : int
        Samples.

    Returns
    -------
    Costs
        Of the form that the plan would take for Levenberg–Marquardt if memory were no question.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> costs = estimated_costs(feed_forward(20, 30, 1), Squares(), 10_000)
    >>> costs.normal > 10 * costs.gradient
    True
    """
    layout = _layout_of(Wiring(graph, loss.link is not None), loss)
    planned = partial(
        make_plan,
        graph,
        layout,
        n_samples,
        threads=1,
        is_compiled=is_compiled(graph, loss),
        max_memory=MemoryLimit.none(),
    )
    costs = costs_of(planned(systems=("samples",)), cost_model(graph, tuple(layout)), n_samples)
    # Of rules that ask for no more, which may have it from the kernel.
    return costs._replace(gradient=planned(most=Need.GRADIENT, matrices=0).seconds)


def _layout_of(wiring: Wiring, loss: Loss) -> list[Form]:
    """The form of every layer's Δ, which the shape of the loss's curvature decides."""
    probe = np.zeros((wiring.graph.n_outputs, 1))
    return forms(wiring, loss.curvature(probe, probe).ndim if hasattr(loss, "curvature") else 2)


class Objective:
    """Σ_samples w_s loss(outputs, targets) + penalty, as a function of the flat weight vector.

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
    sample_weight : array-like of shape (n_samples,), optional
        Not negative; all 1 when not given.
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
        Sum of the sample weights, relative ones where `is_relative`.
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

    sample_unit: float = 1.0
    counted_weight: float = 1.0
    unit: float = 1.0
    _has_own_scale = False
    """Whether the scale of a robust loss was taken from residuals."""
    _single: SingleOutput | Compiled | None = None
    """The whole pass in one object, where there is one for network and loss."""

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
        self.graph = graph
        self.n_outputs = graph.n_outputs
        self.n_weights = graph.n_weights
        self.loss: Loss = Squares() if loss is None else loss
        self._check_loss()
        self.evaluations = dict.fromkeys(_NAMES.values(), 0)
        source = source_of()
        self.n_samples, self.total_weight = source.n_samples, source.total_weight
        if is_relative:
            penalty = self._begin_relative(source.mean_weight, penalty)
            self.counted_weight = source.counted_weight
        self._wiring = Wiring(graph, self.loss.link is not None)
        self._has_curvature = hasattr(self.loss, "curvature")
        self._lacking = self._without_second()
        self._layout = _layout_of(self._wiring, self.loss)
        self.plan: Plan = make_plan(
            graph,
            self._layout,
            self.n_samples,
            form=form,
            block_size=block_size,
            threads=threads,
            most=most,
            matrices=matrices,
            systems=systems,
            n_decays=1 if penalty is None else len({alpha for both in penalty.by_layer(graph) for alpha in both}),
            held_bytes=source.held_bytes,
            is_compiled=is_compiled(graph, self.loss),
            max_memory=max_memory,
        )
        self._penalty = penalty
        self._diagonal = None if penalty is None else penalty.diagonal(graph)
        if self._diagonal is not None and not self._diagonal.any():
            self._diagonal = None
        target_scaling = target_scaling or Scaling.none(graph.n_outputs)
        input_scaling = input_scaling or Scaling.none(graph.n_inputs)
        blocks = source.blocks(input_scaling, target_scaling, self.plan.block_size)
        self._blocks: Blocks = relative_blocks(blocks, self.sample_unit)
        if self.loss.link is not None:
            self._check_probabilities(target_scaling, (block.targets for block in self._blocks))
        self._unit = self._performance_unit(target_scaling)
        self._pair_sums: list[PairSums] = []
        # A subclass may have a value of its own.
        squares = self.loss if type(self.loss) is Squares else None
        self._is_plain_squares = squares is not None and squares.output_weights is None
        self._scratch = [Scratch() for _ in range(self.plan.threads)]
        # The passes of products, which must leave those of other points alone.
        self._product_scratch = [Scratch() for _ in range(self.plan.threads)]
        self._last: tuple[bytes, Pass, Array] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._n_workers = 0
        self._part: tuple[float, Objective] | None = None
        self._single = None
        only = self._blocks.only
        if only is None or squares is None:
            return
        has_matrix = self.plan.form == "explicit" and not self.plan.matrix_block
        if self.plan.is_compiled:
            self._single = Compiled(self._wiring, only, squares, has_matrix)
        elif has_matrix and graph.n_outputs == 1 and graph.output.activation != "softmax":
            output_weight = 1.0 if squares.output_weights is None else squares.output_weights[0]
            self._single = SingleOutput(self._wiring, only, output_weight)

    def _begin_relative(self, sample_unit: float, penalty: WeightDecay | None) -> WeightDecay | None:
        """Take the unit, the loss with relative weights of the outputs, and return the penalty in parts of the unit."""
        loss, self.sample_unit, self.unit = self.loss, sample_unit, sample_unit
        self.total_weight /= sample_unit
        if type(loss) is Squares and loss.output_weights is not None:
            weights = np.array(loss.output_weights)
            output_unit = float(weights.mean())
            self.loss = Squares(tuple((weights / output_unit).tolist()))
            self.unit *= output_unit
        if penalty is None or self.unit == 1.0:
            return penalty
        alpha = penalty.alpha
        parts = tuple(each / self.unit for each in alpha) if isinstance(alpha, tuple) else alpha / self.unit
        return replace(penalty, alpha=parts)

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
        if not is_held():
            with hold_blas():
                return self.at(weights, need, is_single)
        self.evaluations[_NAMES[need]] += 1
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._at(weights, need, is_single)

    @property
    def facts(self) -> Facts:
        """What rules may know."""
        layers = len(self.graph.layers)
        # Layer k has the decay k + 1: one diagonal tells them all.
        numbers = WeightDecay(tuple(float(k + 1) for k in range(layers))).diagonal(self.graph)
        decayed = tuple(np.flatnonzero(numbers == k + 1) for k in range(layers))
        firsts = np.arange(self.n_weights) if self.graph.weight_map is None else self.graph.weight_map.first
        is_hidden_bias = firsts < self.graph.spans[-1].start
        is_hidden_bias[np.concatenate(decayed)] = False
        return Facts(
            self.n_weights,
            self.n_outputs,
            self.n_samples,
            self.total_weight * self.n_outputs,
            self.loss.name,
            is_likelihood=self.loss.link is not None,
            has_curvature=self._has_curvature,
            lacks_second_derivative=self._lacking,
            decayed=decayed,
            hidden_biases=np.flatnonzero(is_hidden_bias),
            form=self.plan.form,
            costs=self._costs,
            sample_unit=self.sample_unit,
            unit=self.unit,
            counted_weight=self.counted_weight,
        )

    def _costs(self) -> Costs:
        return costs_of(self.plan, cost_model(self.graph, tuple(self._layout)), self.n_samples)

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
        gradient = evaluation.gradient
        return math.sqrt(float(gradient @ gradient)) * self._mean

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
        with hold_blas(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            _, _, normal = self._paired(weights)
        if self._diagonal is not None:
            normal.ravel()[:: self.n_weights + 1] += self._diagonal
        return normal

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
        parts = []
        for block in self._blocks:
            done = self._wiring.forward(weights, block.inputs)
            _, _, deltas = self._deltas(done, block)
            transposed = explicit_jacobian(self._wiring, deltas, done.stacked)
            parts.append(transposed.transpose(2, 1, 0).reshape(-1, self.n_weights))
        return np.concatenate(parts)

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
        for block in self._blocks:
            outputs = self._wiring.forward(weights, block.inputs).outputs
            root = np.sqrt(self.loss.curvature(outputs, block.targets))[:, None]
            if block.weight is not None:
                root = root * np.sqrt(block.weight)
            parts.append(((outputs - block.targets) * root).T.ravel())
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
        if not self._has_curvature or n_rows < self.n_weights or self._orthogonal_bytes() > room:
            return None
        rows, rest = SequentialRows(self.n_weights), np.zeros(self.n_weights)
        with hold_blas(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for jacobian, fitted, left in self._whitened(weights):
                rows.add(jacobian, fitted)
                if left is not None:
                    rest += left
            if self._diagonal is not None:
                root, is_decayed = np.sqrt(self._diagonal), self._diagonal > 0
                rows.add(np.diag(root)[is_decayed], (root * weights)[is_decayed])
            return rows.solve(rest)

    def _orthogonal_bytes(self) -> float:
        """What the rows at work take: those to be folded in, their copies, and the part of the Jacobian to be added."""
        return 8.0 * 20 * min(self.n_weights, self.n_samples * self.n_outputs) * self.n_weights

    def _whitened(self, weights: Array) -> Iterator[tuple[Array, Array, Array | None]]:
        """Rows of R ∂outputs/∂weights, the residuals that belong to them, and the rest of the gradient, in parts."""
        size = max(self.n_weights // self.n_outputs, 1)
        for block in self._blocks:
            for first in range(0, block.targets.shape[1], size):
                taken = slice(first, first + size)
                weight = None if block.weight is None else block.weight[taken]
                part = Block(np.ascontiguousarray(block.inputs[:, taken]), block.targets[:, taken], weight)
                done = self._wiring.forward(weights, part.inputs)
                slopes, curvature, deltas = self._deltas(done, part)
                fitted, left = fitted_part(self.loss.slope(done.outputs, part.targets), curvature)
                if weight is not None:
                    fitted = fitted * np.sqrt(weight)
                if left is not None:
                    left = self._wiring.gradient(done, slopes, left if weight is None else left * weight)
                transposed = explicit_jacobian(self._wiring, deltas, done.stacked)
                yield transposed.reshape(self.n_weights, -1).T, fitted.ravel(), left

    # ---------------------------------------------------------------- robust losses

    def noise(self, weights: Array) -> Array:
        """Return the standard deviation of the residuals as their median tells it, 1.4826 · median \\|r\\|.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.

        Returns
        -------
        ndarray of shape (n_outputs,)
            In scaled units; NaN where the outputs overflow.
        """
        with _QUIET():
            return noise_of(self._looked_at(weights), self.n_outputs)

    def spread_of_targets(self, weights: Array) -> Array:
        """Return the same of the targets about their medians.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            Any point.

        Returns
        -------
        ndarray of shape (n_outputs,)
            In scaled units; 0 for a target that does not vary.
        """
        with _QUIET():
            return spread_of_targets(self._looked_at(weights), self.n_outputs)

    def robust_mean(self, weights: Array, noise: Array) -> float:
        """Return the mean of squared residuals, none of which counts for more than three standard deviations.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            The point.
        noise : ndarray of shape (n_outputs,)
            The standard deviations, in scaled units.

        Returns
        -------
        float
            In scaled units, over samples and outputs.
        """
        with _QUIET():
            return robust_mean_of(self._looked_at(weights), noise)

    def take_scale(self, scale: Array) -> None:
        """Go on with another scale of the robust loss, taken from residuals.

        Parameters
        ----------
        scale : ndarray of shape (n_outputs,)
            In scaled units.
        """
        assert isinstance(self.loss, Robust)
        self.loss = replace(self.loss, scale=tuple(scale.tolist()))
        self._has_own_scale = True
        self._last = self._part = None

    def _misfit(self, weights: Array) -> float:
        """What stands for the loss in the evidence."""
        with _QUIET():
            return misfit_of(self._looked_at(weights), self.loss)

    def _looked_at(self, weights: Array) -> Iterator[Part]:
        """Outputs, targets and weights of the samples, a block at a time: an evaluation for its values."""
        self.evaluations[_NAMES[Need.VALUE]] += 1
        return self._parts(weights)

    def _parts(self, weights: Array) -> Iterator[Part]:
        for block in self._blocks:
            yield self._wiring.forward(weights, block.inputs).outputs, block.targets, block.weight

    @property
    def is_compiled(self) -> bool:
        """Whether the compiled kernel does the passes."""
        return isinstance(self._single, Compiled)

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
        if not isinstance(self._single, Compiled):
            return None
        return Descent(self._single, self._diagonal, increase, decrease, lowest, largest, damping, single)

    def __getstate__(self) -> object:
        raise TypeError(
            "An Objective cannot be pickled: it holds threads, scratch memory and compiled code. Hand on what it was "
            "made of, and make it again there."
        )

    def close(self) -> None:
        """End the threads and the reading, if any were started."""
        self._blocks.stop()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        if self._part is not None:
            self._part[1].close()

    # ---------------------------------------------------------------- one pass

    def _at(self, weights: Array, need: Need, is_single: bool = False) -> Evaluation:
        if need >= Need.PRODUCT and self._lacking is not None:
            raise ConfigurationError(
                f"The exact Hessian needs second derivatives, and {self._lacking} has none: give it a function "
                f"'second', or ask for Need.NORMAL."
            )
        if need is Need.PRODUCT:
            return self._with_products(weights)
        if need is Need.HESSIAN:
            return self._with_hessian(weights)
        single = self._single
        if single is not None and need == Need.VALUE:
            return self._evaluation(weights, single.sums(weights))
        if single is not None and single.has_matrix and need == Need.NORMAL:
            if isinstance(single, Compiled):
                return self._evaluation(weights, *single.equations(weights, is_single))
            return self._evaluation(weights, *single.equations(weights))
        if need is Need.VALUE:
            return self._evaluation(weights, *_sum_each(self._spread(self._values, weights)))
        if need is Need.GRADIENT or need is Need.CURVATURE:
            if isinstance(single, Compiled):
                sums, gradient = single.slope(weights)
            else:
                sums, gradient = _sum_each(self._spread(self._gradients, weights))
            here = self._evaluation(weights, sums, gradient)
            if need is Need.CURVATURE and here.gradient is not None:
                return here._replace(normal_of=partial(self._normal_of, weights))
            return here
        if self.plan.form == "explicit":
            return self._evaluation(weights, *_sum_each(self._spread(self._explicit, weights)))
        if self.plan.form == "neuron_by_neuron":
            return self._evaluation(weights, *_sum_each(self._spread(self._by_neurons, weights)))
        if self.plan.form == "samples":
            return self._sampled(weights)
        if self.plan.form == "matrix_free":
            return self._by_products(weights)
        return self._evaluation(weights, *self._paired(weights, is_single))

    def _normal_of(self, weights: Array, share: float = 1.0) -> Array:
        """The normal matrix of a part of the samples, scaled to all of them, plus the penalty's Hessian."""
        if not is_held():
            with hold_blas():
                return self._normal_of(weights, share)
        self.evaluations[_NAMES[Need.NORMAL]] += 1
        part = self if share >= 1.0 and not self.plan.matrix_block else self._part_of(min(share, 1.0))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            normal = part._data_normal(weights)
            if part is not self:
                normal *= self.total_weight / part.total_weight
        if self._diagonal is not None:
            normal.ravel()[:: self.n_weights + 1] += self._diagonal
        return normal

    def _data_normal(self, weights: Array) -> Array:
        """JᵀΛJ, without the penalty."""
        if self._single is not None and self._single.has_matrix:
            return self._single.equations(weights)[2]
        if self.plan.form == "explicit":
            return _sum_each(self._spread(self._explicit, weights))[2]
        if self.plan.form == "neuron_by_neuron":
            return _sum_each(self._spread(self._by_neurons, weights))[2]
        return self._paired(weights)[2]

    def _part_of(self, share: float) -> Objective:
        """The objective of a random part of the samples; the last one is kept."""
        if self._part is not None and self._part[0] == share:
            return self._part[1]
        if self._part is not None:
            self._part[1].close()
            self._part = None
        block_size = self.plan.matrix_block or self.plan.block_size
        blocks = random_part(self._blocks, self.n_samples, share, block_size)
        weight = sum(len(b.targets[0]) if b.weight is None else float(b.weight.sum()) for b in blocks or ())
        if blocks is None or weight == 0.0:
            return self  # blocks that come and go, or nothing but weights of zero
        part = type(self).__new__(type(self))
        part.__dict__.update(self.__dict__)
        part.n_samples, part.total_weight = sum(b.targets.shape[1] for b in blocks), float(weight)
        part._blocks = KeptBlocks(blocks)
        threads = min(self.plan.threads, len(blocks))
        part.plan = replace(self.plan, block_size=block_size, n_blocks=len(blocks), threads=threads)
        part._pair_sums, part._last, part._pool, part._part, part._single = [], None, None, None, None
        part._scratch = [Scratch() for _ in range(part.plan.threads)]
        self._part = share, part
        return part

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
        misfit = partial(self._misfit, weights) if self._has_own_scale else None
        if gradient is not None and diagonal is not None:
            gradient = gradient + diagonal * weights
        if normal is not None and diagonal is not None:
            normal.ravel()[:: self.n_weights + 1] += diagonal
        if normal is None:
            return Evaluation(weights, loss, sums, gradient, misfit=misfit)
        bend, orthogonal = partial(self._bend, weights), partial(self.orthogonal_step, weights)
        return Evaluation(weights, loss, sums, gradient, normal, bend=bend, orthogonal=orthogonal, misfit=misfit)

    def _spread(self, work: Callable[[Array, int, Iterable[Block]], T], weights: Array) -> list[T]:
        """Do the work on each thread's share of the blocks; results in the order of the threads."""
        threads = min(self.plan.threads, self.plan.n_blocks)
        try:
            if threads == 1:
                return [work(weights, 0, self._blocks)]
            shares = self._blocks.shares(threads)
            # Blocks that are read come to all shares in turn, and are waited for: there none can be done after another.
            workers = threads_left(threads) if isinstance(self._blocks, KeptBlocks) else threads
            if workers == 1:
                return [work(weights, number, share) for number, share in enumerate(shares)]
            pool = self._pool_of(workers)

            def guarded(number: int, share: Iterable[Block]) -> T:
                # NumPy keeps its error state a thread.
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    try:
                        return work(weights, number, share)
                    except BaseException:
                        # The others must not wait for blocks behind those that this one takes no more.
                        self._blocks.stop()
                        raise

            futures = [pool.submit(guarded, number, share) for number, share in enumerate(shares)]
            errors = [error for future in futures if (error := future.exception()) is not None]
            for error in sorted(errors, key=lambda error: isinstance(error, PassEndedError)):
                raise error  # the one that the others ended for
            return [future.result() for future in futures]
        except BaseException:
            self._blocks.stop()
            raise

    def _pool_of(self, workers: int) -> ThreadPoolExecutor:
        """The threads, as many of them as there are to be now."""
        if self._pool is None or self._n_workers != workers:
            if self._pool is not None:
                self._pool.shutdown()
            self._pool, self._n_workers = ThreadPoolExecutor(workers, thread_name_prefix="marquardt"), workers
        return self._pool

    def _forward(self, weights: Array, number: int, block: Block) -> tuple[Pass, Array]:
        """Forward pass and sums; of a single block the last are kept, as an accepted trial is evaluated again."""
        if self._blocks.only is None:
            done = self._wiring.forward(weights, block.inputs, self._scratch[number])
            return done, self._block_sums(done, block)
        key = weights.tobytes()
        last = self._last
        if last is not None and last[0] == key:
            return last[1], last[2]
        done = self._wiring.forward(weights, block.inputs, self._scratch[number])
        sums = self._block_sums(done, block)
        self._last = (key, done, sums)
        return done, sums

    def _block_sums(self, done: Pass, block: Block) -> Array:
        if self._is_plain_squares and block.weight is None:
            residual = done.outputs - block.targets
            if self.n_outputs == 1:
                return np.array([0.5 * np.vdot(residual, residual)])
            halves: Array = 0.5 * np.einsum("ks,ks->k", residual, residual)
            return halves
        value = self.loss.value(done.outputs, block.targets)
        sums: Array = np.add.reduce(value, axis=1) if block.weight is None else value @ block.weight
        return sums

    def _deltas(self, done: Pass, block: Block) -> tuple[list[Array | None], Array, list[Sensitivity]]:
        slopes = self._wiring.slopes(done)
        curvature = self.loss.curvature(done.outputs, block.targets)
        return slopes, curvature, sensitivities(self._wiring, self._layout, done, slopes, curvature, block.weight)

    def _gradient(self, done: Pass, slopes: list[Array | None], block: Block) -> Array:
        slope = self.loss.slope(done.outputs, block.targets)
        if block.weight is not None:
            slope *= block.weight
        return self._wiring.gradient(done, slopes, slope)

    def _values(self, weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array]:
        """Sums of one thread's blocks."""
        total: Array | None = None
        for block in blocks:
            sums = self._forward(weights, number, block)[1]
            total = sums if total is None else total + sums
        assert total is not None  # every thread has a block
        return (total,)

    def _gradients(self, weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
        """Sums and gradient of one thread's blocks."""

        def part(block: Block) -> tuple[Array, Array]:
            done, sums = self._forward(weights, number, block)
            return sums, self._gradient(done, self._wiring.slopes(done), block)

        return _running_sum(map(part, blocks))

    def _explicit(self, weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array, Array, Array]:
        """Sums, gradient and normal matrix of one thread's blocks, by way of the Jacobian."""
        total: tuple[Array, Array, Array] | None = None
        for block in blocks:
            done, sums = self._forward(weights, number, block)
            slopes, curvature, deltas = self._deltas(done, block)
            cube = explicit_jacobian(self._wiring, deltas, done.stacked, self._scratch[number])
            transposed = cube.reshape(self.n_weights, -1)
            if curvature.ndim == 1:
                # Λ is constant: the whitened slope √(w/λ) ∂loss/∂output is the residual that J belongs to.
                slope = self.loss.slope(done.outputs, block.targets)
                if not self._is_plain_squares:
                    slope /= np.sqrt(curvature)[:, None]
                if block.weight is not None:
                    slope *= np.sqrt(block.weight)
                gradient = transposed @ slope.ravel()
            else:
                gradient = self._gradient(done, slopes, block)
            normal = transposed @ transposed.T
            total = (
                (sums, gradient, normal)
                if total is None
                else (total[0] + sums, total[1] + gradient, np.add(total[2], normal, out=normal))
            )
        assert total is not None  # every thread has a block
        return total

    def _by_neurons(self, weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array, Array, Array]:
        """Sums, gradient and normal matrix of the blocks, a sample and a neuron at a time."""
        neurons = NeuronByNeuron(self._wiring)
        parts = []
        for block in blocks:
            done, sums = self._forward(weights, number, block)
            slope = self.loss.slope(done.outputs, block.targets)
            factor = curvature_rows(self.loss.curvature(done.outputs, block.targets), *done.outputs.shape)
            if block.weight is not None:
                slope = slope * block.weight
                factor = factor * np.sqrt(block.weight)
            parts.append((sums, *neurons.equations(weights, block.inputs[:-1], slope, factor)))
        sums, gradient, normal = _sum_each(parts)
        return sums, gradient, normal

    def _paired(self, weights: Array, is_single: bool = False) -> tuple[Array, Array, Array]:
        """Sums, gradient and normal matrix by pair products."""
        if not self._pair_sums:
            self._pair_sums = [
                PairSums(self._wiring, self._layout, scratch, self.plan.keeps_pairs) for scratch in self._scratch
            ]

        def work(weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array, Array]:
            pair_sums = self._pair_sums[number]
            pair_sums.clear()

            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self._forward(weights, number, block)
                slopes, _, deltas = self._deltas(done, block)
                pair_sums.add(deltas, done.stacked, is_single)
                return sums, self._gradient(done, slopes, block)

            return _running_sum(map(part, blocks))

        parts = self._spread(work, weights)
        merged = self._pair_sums[0]
        for other in self._pair_sums[1:]:
            merged.merge(other)
        normal = np.empty((self.n_weights, self.n_weights))
        merged.write(normal)
        sums, gradient = _sum_each(parts)
        return sums, gradient, normal

    def _sampled(self, weights: Array) -> Evaluation:
        """Sums, gradient and the normal equations in sample space."""
        is_mapped = self.graph.weight_map is not None
        parts, rows, jacobians, residuals = [], [], [], []
        rest = np.zeros(self.n_weights) if self._diagonal is None else self._diagonal * weights
        for block in self._blocks:
            # Arrays of its own: the system solves after other points have been looked at.
            done = self._wiring.forward(weights, block.inputs)
            slopes, curvature, deltas = self._deltas(done, block)
            parts.append((self._block_sums(done, block), self._gradient(done, slopes, block)))
            fitted, left = fitted_part(self.loss.slope(done.outputs, block.targets), curvature)
            if left is not None:
                rest += self._wiring.gradient(done, slopes, left if block.weight is None else left * block.weight)
            if block.weight is not None:
                fitted = fitted * np.sqrt(block.weight)
            if is_mapped:
                jacobians.append(explicit_jacobian(self._wiring, deltas, done.stacked))
                residuals.append(fitted.ravel())
            else:
                rows.append(Rows.of(deltas, done.stacked, fitted))
        here = self._evaluation(weights, *_sum_each(parts))
        if here.gradient is None:
            return here
        if is_mapped:
            penalty = np.zeros(self.n_weights) if self._diagonal is None else self._diagonal
            system: System = WrittenSystem(jacobians, np.concatenate(residuals), rest, penalty)
        else:
            system = SampleSystem(self._wiring, rows, rest, self._penalty)
        return here._replace(system=system, bend=partial(self._bend, weights))

    def _by_products(self, weights: Array) -> Evaluation:
        """Sums, gradient, the diagonal of the normal matrix, and its products with vectors."""

        def work(weights: Array, number: int, blocks: Iterable[Block]) -> tuple[Array, Array, Array]:
            diagonal = np.zeros(self.n_weights)

            def part(block: Block) -> tuple[Array, Array]:
                done, sums = self._forward(weights, number, block)
                slopes, _, deltas = self._deltas(done, block)
                add_diagonal(self._wiring, deltas, done.stacked, diagonal)
                return sums, self._gradient(done, slopes, block)

            sums, gradient = _running_sum(map(part, blocks))
            return sums, gradient, diagonal

        sums, gradient, diagonal = _sum_each(self._spread(work, weights))
        here = self._evaluation(weights, sums, gradient)
        if here.gradient is None:
            return here
        if self._diagonal is not None:
            diagonal = diagonal + self._diagonal
        system = ProductSystem(partial(self._normal_times, weights), here.gradient, diagonal)
        return here._replace(system=system, bend=partial(self._bend, weights))

    def _normal_times(self, weights: Array, vector: Array) -> Array:
        """(JᵀΛJ + penalty) v."""
        if not is_held():
            with hold_blas():
                return self._normal_times(weights, vector)

        def work(weights: Array, number: int, blocks: Iterable[Block]) -> Array:
            total = np.zeros(self.n_weights)
            for block in blocks:
                done = self._wiring.forward(weights, block.inputs, self._product_scratch[number])
                slopes = self._wiring.slopes(done)
                moved = moved_outputs(self._wiring, done, slopes, vector)
                total += self._pulled(done, slopes, block, moved)
            return total

        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            product = _sum(self._spread(work, weights))
        return product if self._diagonal is None else product + self._diagonal * vector

    def _pulled(self, done: Pass, slopes: list[Array | None], block: Block, rates: Array) -> Array:
        """JᵀΛ of a block times rates of its outputs, sample weights included."""
        curvature = self.loss.curvature(done.outputs, block.targets)
        if curvature.ndim == 3:
            # Λ = RᵀR, a product a sample.
            rates = np.einsum("kas,ks->as", curvature, np.einsum("kas,as->ks", curvature, rates))
        else:
            rates = rates * (curvature if curvature.ndim == 2 else curvature[:, None])
        if block.weight is not None:
            rates = rates * block.weight
        return self._wiring.gradient(done, slopes, rates)

    # ---------------------------------------------------------------- second derivatives

    def _bend(self, weights: Array, direction: Array) -> Array:
        """JᵀΛ ∂²outputs/∂direction²."""
        if not is_held():
            with hold_blas():
                return self._bend(weights, direction)
        total = np.zeros(self.n_weights)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for block in self._blocks:
                done = self._wiring.forward(weights, block.inputs)
                slopes = self._wiring.slopes(done)
                bent = bent_outputs(self._wiring, done, slopes, direction)
                total += self._pulled(done, slopes, block, bent)
        return total

    def _curved(self, done: Pass, block: Block) -> Curved:
        """A pass back that keeps what products with the Hessian need."""
        # `_without_second` has looked for the function.
        second = self.loss.second(done.outputs, block.targets)  # type: ignore[attr-defined]
        slope = self.loss.slope(done.outputs, block.targets)
        return curved_pass(self._wiring, done, slope, second, block.weight)

    def _with_hessian(self, weights: Array) -> Evaluation:
        """Sums, gradient and Hessian."""
        total = HessianSums(self._wiring)
        parts = []
        for block in self._blocks:
            done, sums = self._forward(weights, 0, block)
            curved = self._curved(done, block)
            parts.append((sums, gradient_of(self._wiring, curved)))
            total.add(curved)
        here = self._evaluation(weights, *_sum_each(parts))
        if here.gradient is None:
            return here
        hessian = np.empty((self.n_weights, self.n_weights))
        total.write(hessian)
        if self._diagonal is not None:
            hessian.ravel()[:: self.n_weights + 1] += self._diagonal
        return here._replace(hessian=hessian)

    def _with_products(self, weights: Array) -> Evaluation:
        """Sums, gradient and products with the Hessian; the passes are kept where they take little memory."""

        def curved_of(block: Block) -> tuple[Curved, Array]:
            # Arrays of its own: the products are asked for after other points have been looked at.
            done = self._wiring.forward(weights, block.inputs)
            return self._curved(done, block), self._block_sums(done, block)

        is_kept = self.plan.keeps_passes
        kept: list[Curved] = []
        parts = []
        for block in self._blocks:
            curved, sums = curved_of(block)
            parts.append((sums, gradient_of(self._wiring, curved)))
            if is_kept:
                kept.append(curved)

        def times(vectors: Array) -> Array:
            if not is_held():
                with hold_blas():
                    return times(vectors)
            columns = vectors.reshape(self.n_weights, -1)
            passes = kept if is_kept else (curved_of(block)[0] for block in self._blocks)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                product = _sum([hessian_times(self._wiring, curved, columns) for curved in passes])
            if self._diagonal is not None:
                product += self._diagonal[:, None] * columns
            return product.reshape(vectors.shape)

        here = self._evaluation(weights, *_sum_each(parts))
        return here if here.gradient is None else here._replace(times=times)

    def _without_second(self) -> str | None:
        """The activation or loss that has no second derivative."""
        for activation, is_linear in zip(self._wiring.activations, self._wiring.is_linear, strict=True):
            if not is_linear and activation.elementwise and activation.second is None:
                return f"the activation {activation.name!r}"
        return None if hasattr(self.loss, "second") else f"the loss {self.loss.name!r}"

    # ---------------------------------------------------------------- checks and units

    def _check_loss(self) -> None:
        link, activation = self.loss.link, self.graph.output.activation
        if link is not None and activation != link:
            raise ConfigurationError(
                f"The loss {self.loss.name} belongs to a {link} output layer, got {activation!r}. "
                f"Build the network with output_activation={link!r}, or use the loss 'squares'."
            )
        weights = getattr(self.loss, "output_weights", None)
        if weights is not None and len(weights) != self.graph.n_outputs:
            raise ConfigurationError(
                f"output_weights has {len(weights)} values, the network {self.graph.n_outputs} outputs."
            )
        scale = self.loss.scale if isinstance(self.loss, Robust) else None
        if isinstance(scale, tuple) and len(scale) != self.graph.n_outputs:
            raise ConfigurationError(
                f"The scale of the loss has {len(scale)} values, the network {self.graph.n_outputs} outputs."
            )

    def _check_probabilities(self, target_scaling: Scaling, tables: Iterable[Array]) -> None:
        """Refuse targets, outputs × samples, that are no probabilities under a cross-entropy."""
        if target_scaling.offset.any() or (target_scaling.factor != 1.0).any():
            raise ConfigurationError(f"The loss {self.loss.name} takes targets as they are: use no target scaling.")
        for targets in tables:
            wrong = targets[(targets < 0.0) | (targets > 1.0)]
            if len(wrong):
                raise DataError(f"The loss {self.loss.name} takes targets from 0 to 1, got {wrong[0]}.")
            totals = targets.sum(axis=0)
            if self.loss.link == "softmax" and (np.abs(totals - 1.0) > 1e-9).any():
                raise DataError(
                    f"The loss {self.loss.name} takes targets that add up to 1 in every row, got a row that adds up "
                    f"to {totals[np.argmax(np.abs(totals - 1.0))]}."
                )

    def _performance_unit(self, target_scaling: Scaling) -> Array:
        """What each output's part of the loss is multiplied with to give the performance."""
        if isinstance(self.loss, Squares):
            self._mean = 2.0 / (self.total_weight * self.n_outputs)
            with np.errstate(over="ignore"):
                unit = self._mean * target_scaling.spread**2
            return unit if self.loss.output_weights is None else unit / np.array(self.loss.output_weights)
        self._mean = 1.0 / self.total_weight
        return np.full(self.n_outputs, self._mean)


def _sum(arrays: list[Array]) -> Array:
    """The sum of one or more arrays, in their order."""
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _sum_each(parts: Sequence[tuple[Array, ...]]) -> Sequence[Array]:
    """Sum tuples of arrays place by place."""
    return parts[0] if len(parts) == 1 else [_sum(list(place)) for place in zip(*parts, strict=True)]


def _running_sum(parts: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The same as they come: many blocks of a large network would not leave room for a gradient each."""
    total: tuple[Array, Array] | None = None
    for left, right in parts:
        total = (left, right) if total is None else (total[0] + left, total[1] + right)
    assert total is not None  # there is always a block
    return total
