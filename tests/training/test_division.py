"""Who trains, who stops the training, who only watches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquardt.errors import ConfigurationError, DataError
from marquardt.training import Division, HashedParts, Parts, split_by_content
from marquardt.training.division import column_keys, content_keys, folds_by_content

KINDS = ("random", "blocks", "interleaved")
shares = st.sampled_from([0.0, 0.1, 0.15, 0.2, 0.25, 0.4])


@given(kind=st.sampled_from(KINDS), n=st.integers(20, 200), validation=shares, test=shares, seed=st.integers(0, 9))
def test_parts_have_their_counts_and_cover_every_sample_once(kind, n, validation, test, seed):
    parts = Division(kind, validation, test, seed=seed).split(n)
    assert len(parts.validation) == round(validation * n)
    assert len(parts.test) == round(test * n)
    for rows in (parts.train, parts.validation, parts.test):
        assert (np.diff(rows) > 0).all()
    assert sorted(np.concatenate([parts.train, parts.validation, parts.test])) == list(range(n))


def test_random_can_be_repeated_by_its_seed():
    first, again, other = (Division(seed=seed).split(100) for seed in (1, 1, 2))
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_blocks_come_in_order():
    parts = Division("blocks", 0.2, 0.1).split(20)
    assert parts.train.tolist() == list(range(14))
    assert parts.validation.tolist() == [14, 15, 16, 17]
    assert parts.test.tolist() == [18, 19]


@given(n=st.integers(10, 300), share=st.sampled_from([0.1, 0.15, 0.2, 0.3]))
def test_interleaved_parts_are_spread_evenly(n, share):
    parts = Division("interleaved", share, share).split(n)
    for rows in (parts.train, parts.validation, parts.test):
        # Up to any row a part has had its share of the rows, give or take its fellows' places in the same gap.
        expected = np.arange(1, n + 1) * len(rows) / n
        had = np.searchsorted(rows, np.arange(n), side="right")
        assert np.abs(had - expected).max() <= 2


def test_none_trains_on_all():
    assert Division("none").split(7).named().keys() == {"train"}
    assert Parts.all_training(7).train.tolist() == list(range(7))


def test_given_indices_are_taken_and_sorted_and_may_leave_samples_out():
    parts = Division("indices", indices=([5, 1, 0], [], np.array([3]))).split(9)
    assert parts.train.tolist() == [0, 1, 5]
    assert len(parts.validation) == 0
    assert parts.test.tolist() == [3]
    assert set(parts.named()) == {"train", "test"}


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (([0, 9], [], []), "training index 9 is out of range: 9 samples have the numbers 0 to 8"),
        (([0], [-1], []), "validation index -1 is out of range"),
        (([0, 1], [2], [1]), "Sample 1 is named more than once"),
        (([0, 0], [], []), "Sample 0 is named more than once"),
        (([0.0], [], []), "training indices must be a list of whole numbers"),
        (([True], [], []), "training indices must be a list of whole numbers"),
        (([[0]], [], []), "training indices must be a list of whole numbers"),
        (([], [0], [1]), "leaves no sample to train on"),
    ],
)
def test_indices_that_cannot_be_are_refused(indices, message):
    with pytest.raises(DataError, match=message):
        Division("indices", indices=indices).split(9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "radnom"}, "division must be one of .*Did you mean 'random'"),
        ({"validation": 1.0}, "validation fraction must be a fraction from 0 up to, not including, 1, got 1.0"),
        ({"test": -0.1}, "test fraction"),
        ({"validation": 0.5, "test": 0.5}, r"leave nothing to train on: 0.5 \+ 0.5 >= 1"),
        ({"kind": "indices"}, "got 'indices' without indices"),
        ({"indices": ([0], [], [])}, "got 'random' with indices"),
        ({"kind": "indices", "indices": ([0], [])}, "three lists"),
        ({"kind": "indices", "indices": 5}, "three lists"),
        ({"seed": -1}, "seed of the division must be a whole number from 0 up, got -1"),
    ],
)
def test_divisions_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        Division(**options)


@pytest.mark.parametrize(("n", "missing"), [(3, "validation and test"), (0, "training"), (1, "validation")])
def test_too_few_samples_are_refused_with_a_way_out(n, missing):
    with pytest.raises(
        DataError, match=rf"{n} samples are too few .* nothing is left for .*{missing}.*division 'none'"
    ):
        Division().split(n)


# By content.

TABLE = np.random.default_rng(0).normal(size=(60, 3))


def set_aside(table, share=0.3, seed=0, weight=None):
    """The rows set aside, as a set of tuples."""
    kept, aside = split_by_content(table, share, seed, weight)
    assert sorted([*kept, *aside]) == list(range(len(table)))
    assert len(kept)
    assert len(aside)
    return {tuple(row) for row in table[aside]}


@given(seed=st.integers(0, 99))
def test_order_of_rows_does_not_matter(seed):
    order = np.random.default_rng(seed).permutation(len(TABLE))
    assert set_aside(TABLE[order]) == set_aside(TABLE)


@given(seed=st.integers(0, 99))
def test_a_weight_equals_repetition_and_zero_equals_removal(seed):
    counts = np.random.default_rng(seed).integers(0, 4, len(TABLE))
    repeated = set_aside(np.repeat(TABLE, counts, axis=0))
    weighted = set_aside(TABLE, weight=counts.astype(float))
    present = {tuple(row) for row in TABLE[counts > 0]}
    assert weighted & present == repeated


def test_equal_rows_stay_together():
    doubled = np.concatenate([TABLE, TABLE[::-1]])
    kept, aside = split_by_content(doubled, 0.3, 0)
    assert not {tuple(row) for row in doubled[kept]} & {tuple(row) for row in doubled[aside]}


def test_minus_zero_equals_zero():
    table = TABLE.copy()
    table[:30, 0] = -0.0
    assert np.signbit(table).any()
    aside = [split_by_content(array, 0.3, 0)[1] for array in (table, table + 0.0)]
    assert np.array_equal(*aside)


@pytest.mark.parametrize("columns", [1, 3])
def test_the_share_is_met_and_the_choice_depends_on_the_seed(columns):
    table = np.random.default_rng(1).normal(size=(2000, columns))
    choices = [split_by_content(table, 0.25, seed)[1] for seed in range(5)]
    for aside in choices:
        assert len(aside) == pytest.approx(500, abs=1)
    # Two independent quarters share a sixteenth; five standard deviations are 50 rows.
    assert len(np.intersect1d(choices[0], choices[1])) == pytest.approx(125, abs=50)


def test_neighbors_in_a_small_grid_do_not_fall_on_one_side():
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=2).reshape(-1, 2)
    _, aside = split_by_content(grid, 0.25, 0)
    for column in range(2):
        # A quarter of the 400, 20 a value, would be 5 of each; 8 standard deviations would be all or nothing.
        per_value = np.bincount(grid[aside, column].astype(int), minlength=20)
        assert per_value.max() <= 14


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(DataError, match="All samples are equal"):
        split_by_content(np.ones((5, 2)), 0.2, 0)
    with pytest.raises(DataError, match="All samples with a weight are equal"):
        split_by_content(TABLE[:3], 0.2, 0, np.array([0.0, 2.0, 0.0]))


@given(copies=st.integers(5, 60), seed=st.integers(0, 20), share=st.sampled_from([0.15, 0.3]))
def test_a_cell_of_a_coarse_table_trains_whatever_the_seed(copies, seed, share):
    cells = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    table = np.repeat(cells, copies, axis=0)
    kept, aside = split_by_content(table, share, seed, classes=table[:, 2].astype(int))
    assert len(np.unique(table[kept], axis=0)) == 4
    assert abs(len(aside) - share * len(table)) <= 1
    n_aside = np.unique(table[aside], axis=0, return_counts=True)[1]
    assert (np.abs(n_aside - share * copies) <= 1).all()


@given(seed=st.integers(0, 50))
def test_every_class_has_its_share_by_content_and_at_random(seed):
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.repeat([0, 1, 2, 3], [150, 40, 9, 1]))
    table = np.column_stack([rng.normal(size=(200, 2)), classes])
    kept, aside = split_by_content(table, 0.15, seed, classes=classes)
    parts = Division(seed=seed).split(200, classes)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (140, 30, 30)
    for trains, others in [(kept, [(aside, 0.15)]), (parts.train, [(parts.validation, 0.15), (parts.test, 0.15)])]:
        assert (np.bincount(classes[trains], minlength=4) > 0).all()
        for rows, share in others:
            counts = np.bincount(classes[rows], minlength=4)
            # A row by rounding, another where a class changes and where the only row of a class is moved.
            assert (np.abs(counts - share * np.array([150, 40, 9, 1])) <= 2).all()


def test_classes_of_one_row_each_cannot_be_divided():
    with pytest.raises(DataError, match="No class has two different samples"):
        split_by_content(TABLE[:3], 0.2, 0, classes=np.arange(3))


def test_keys_of_columns_are_those_of_the_rows():
    table = np.random.default_rng(0).normal(size=(500, 3))
    assert np.array_equal(column_keys(table.T, seed=4), content_keys(table, seed=4))


def test_a_hashed_part_depends_on_the_row_and_the_seed_only():
    columns = np.random.default_rng(1).normal(size=(3, 4000))
    numbers = HashedParts.numbers(columns, 0.2, 0.1, seed=5)
    order = np.random.default_rng(2).permutation(4000)
    assert np.array_equal(HashedParts.numbers(columns[:, order], 0.2, 0.1, seed=5), numbers[order])
    assert np.array_equal(HashedParts.numbers(columns[:, :7], 0.2, 0.1, seed=5), numbers[:7])
    assert not np.array_equal(HashedParts.numbers(columns, 0.2, 0.1, seed=6), numbers)
    # Binomial counts: within five standard deviations of what was asked for.
    for number, share in enumerate((0.7, 0.2, 0.1)):
        assert abs((numbers == number).sum() - 4000 * share) < 5 * np.sqrt(4000 * share * (1 - share))


def test_the_shares_of_a_hashed_division_grow_at_one_end():
    columns = np.random.default_rng(1).normal(size=(2, 1000))
    small, large = (HashedParts.numbers(columns, share, 0.1, seed=0) for share in (0.1, 0.3))
    assert np.array_equal(small == 2, large == 2)
    assert (large[small == 1] == 1).all()


@pytest.mark.parametrize("shares", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_hashed_parts_may_be_empty_or_all(shares):
    numbers = HashedParts.numbers(np.random.default_rng(1).normal(size=(2, 300)), *shares, seed=0)
    assert set(numbers) == {int(shares[0] + 2 * shares[1])}


def test_hashed_parts_know_counts_and_refuse_row_numbers():
    parts = HashedParts(7, 2, 1, 0.2, 0.1, seed=3)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (7, 2, 1)
    with pytest.raises(DataError, match="divided by a hash of their content, and their numbers are not kept"):
        parts.named()


def test_folds_deal_every_row_once_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(53, 3))
    folds = folds_by_content(table, 10, seed=4)
    assert sorted(np.concatenate(folds).tolist()) == list(range(53))
    assert {len(fold) for fold in folds} == {5, 6}
    order = rng.permutation(53)
    for fold, again in zip(folds, folds_by_content(table[order], 10, seed=4), strict=True):
        assert set(order[again].tolist()) == set(fold.tolist())
    assert any(
        set(fold.tolist()) != set(other.tolist())
        for fold, other in zip(folds, folds_by_content(table, 10, seed=5), strict=True)
    )


def test_equal_rows_are_in_one_fold_and_copies_of_a_cell_in_all():
    rng = np.random.default_rng(0)
    table = np.repeat(rng.normal(size=(20, 2)), 2, axis=0)
    assert all(
        fold.tolist()[0::2] == [row - 1 for row in fold.tolist()[1::2]] for fold in folds_by_content(table, 5, 1)
    )
    truth_table = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], (50, 1))
    for fold in folds_by_content(truth_table, 10, 1):
        assert len(np.unique(truth_table[fold], axis=0)) == 4


def test_folds_hold_every_class_evenly_and_leave_out_what_only_one_row_shows():
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [60, 39, 1])
    folds = folds_by_content(rng.normal(size=(100, 2)), 10, 3, classes)
    for fold in folds:
        counts = np.bincount(classes[fold], minlength=3)
        assert counts[0] == 6
        assert counts[1] in (3, 4)
        assert counts[2] == 0


def test_there_are_no_more_folds_than_different_rows():
    assert len(folds_by_content(np.arange(7.0)[:, None], 10, 0)) == 7
    assert folds_by_content(np.zeros((3, 1)), 10, 0) == []
