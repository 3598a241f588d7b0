"""Laws of the line searches, over all that there are."""

from __future__ import annotations

import math
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import line_search, minimize_scalar

from marquardt.errors import ConfigurationError
from marquardt.numerics.line_searches import LINE_SEARCHES, LinePoint, line_search_named, next_move
from marquardt.numerics.line_searches.bracketing import Bracket, bracketing, vertex
from marquardt.numerics.line_searches.interpolation import bounded, cubic_minimum, is_below_rounding

KINDS = sorted(set(LINE_SEARCHES.values()), key=lambda kind: kind.name)
BY_SLOPE = [kind for kind in KINDS if kind.needs_slope]
BY_VALUE = [kind for kind in KINDS if kind.name in ("golden_section", "brent")]
FIRSTS = [10.0**exponent for exponent in range(-6, 7, 2)]

every_search = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_slope_search = pytest.mark.parametrize("kind", BY_SLOPE, ids=lambda kind: kind.name)
every_value_search = pytest.mark.parametrize("kind", BY_VALUE, ids=lambda kind: kind.name)
every_first = pytest.mark.parametrize("first", FIRSTS)


# Moré and Thuente (1994), "Line search algorithms with guaranteed sufficient decrease", section 5.


def first_of_theirs(t, beta=2.0):
    return -t / (t * t + beta), (t * t - beta) / (t * t + beta) ** 2


def second_of_theirs(t, beta=0.004):
    u = t + beta
    return u**5 - 2 * u**4, 5 * u**4 - 8 * u**3


def third_of_theirs(t, beta=0.01, waves=39):
    if t <= 1 - beta:
        base, base_slope = 1 - t, -1.0
    elif t >= 1 + beta:
        base, base_slope = t - 1, 1.0
    else:
        base, base_slope = (t - 1) ** 2 / (2 * beta) + beta / 2, (t - 1) / beta
    angle = waves * math.pi * t / 2
    return base + 2 * (1 - beta) / (waves * math.pi) * math.sin(angle), base_slope + (1 - beta) * math.cos(angle)


def last_of_theirs(t, beta_1, beta_2):
    gamma_1, gamma_2 = (math.sqrt(1 + b * b) - b for b in (beta_1, beta_2))
    near, far = math.hypot(t, beta_1), math.hypot(1 - t, beta_2)
    return gamma_1 * far + gamma_2 * near, gamma_1 * (t - 1) / far + gamma_2 * t / near


def parabola(t, lowest=1.0):
    return 0.5 * (t - lowest) ** 2 + 1.0, t - lowest


def quartic(t):
    return (t - 1.0) ** 4 + 0.1 * t, 4 * (t - 1.0) ** 3 + 0.1


def edge(t):
    """Falls up to 2, where everything overflows."""
    return (1 / (2 - t) - 3 * t, 1 / (2 - t) ** 2 - 3) if t < 2 else (math.inf, math.nan)


def exponential(t):
    return (math.exp(t) - 3 * t, math.exp(t) - 3) if t < 709 else (math.inf, math.nan)


FUNCTIONS = {
    "parabola": parabola,
    "quartic": quartic,
    "exponential": exponential,
    "edge": edge,
    "more_thuente_1": first_of_theirs,
    "more_thuente_2": second_of_theirs,
    "more_thuente_3": third_of_theirs,
    "more_thuente_4": partial(last_of_theirs, beta_1=0.001, beta_2=0.001),
    "more_thuente_5": partial(last_of_theirs, beta_1=0.01, beta_2=0.001),
    "more_thuente_6": partial(last_of_theirs, beta_1=0.001, beta_2=0.01),
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())


def looked(function, t, *, with_slope=True):
    value, slope = function(t)
    return LinePoint(t, value, slope if with_slope else math.nan)


def start_of(function):
    return LinePoint(0.0, *function(0.0))


def run(search, function, first):
    """The length decided for and all looks; slopes are kept from searches that say they need none."""
    lookout, looks = search.search(start_of(function), first), []
    try:
        length = next(lookout)
        while True:
            looks.append(looked(function, length, with_slope=search.needs_slope))
            length = lookout.send(looks[-1])
    except StopIteration as end:
        return end.value, looks


@every_search
@every_function
@every_first
def test_length_was_looked_at_and_lowers_the_value(kind, function, first):
    length, looks = run(kind(), function, first)
    assert length is not None
    found = {look.length: look.value for look in looks}
    assert found[length] < function(0.0)[0]


@every_search
@given(
    first=st.sampled_from(FIRSTS), lowest=st.floats(1e-3, 1e3), steepness=st.floats(1e-3, 1e3), bend=st.floats(0, 10)
)
def test_convex_function_is_lowered(kind, first, lowest, steepness, bend):
    def function(t):
        u = t / lowest - 1
        return steepness * (0.5 * u * u + 0.25 * bend * u**4), steepness * (u + bend * u**3) / lowest

    length, _ = run(kind(), function, first)
    assert function(length)[0] < function(0.0)[0]


@every_search
@every_first
def test_looks_are_positive_finite_and_bounded_in_number(kind, first):
    def falling(t):
        return -t, -1.0

    for function in (*FUNCTIONS.values(), falling):
        _, looks = run(kind(), function, first)
        assert all(0 < look.length < math.inf for look in looks)
        assert len(looks) <= getattr(kind(), "max_looks", 40)


@every_search
@every_first
def test_function_that_rises_gives_none(kind, first):
    # The slope at the start promises a decrease that nothing keeps, as it does where rounding has the last word.
    def rising(t):
        return (1.0 + t, 1.0) if t > 0 else (1.0, -1e-3)

    length, looks = run(kind(), rising, first)
    assert length is None
    # Each is at most half of the last: from the first length on down to where 1e-3 t is below the last digit of 1.
    assert len(looks) <= 2 + max(0.0, math.log2(first / 1e-13))


@every_search
@every_first
@pytest.mark.parametrize("limit", [1e-4, 1.0, 1e4])
def test_overflow_is_shrunk_away_from(kind, first, limit):
    def cliff(t):
        return (-t / limit, -1.0 / limit) if t < limit else (math.inf, math.nan)

    length, _ = run(kind(), cliff, first)
    assert 0 < length < limit


@every_search
def test_value_that_is_not_a_number_is_no_decrease(kind):
    def broken(t):
        return (1.0 - t, -1.0) if t < 0.5 else (math.nan, math.nan)

    length, _ = run(kind(), broken, 1.0)
    assert 0 < length < 0.5


@every_search
def test_overflow_everywhere_gives_none(kind):
    length, _ = run(kind(), lambda t: (math.inf, math.nan) if t > 0 else (1.0, -1.0), 1.0)
    assert length is None


@every_search
@every_function
@pytest.mark.parametrize("first", [1e-3, 1.0, 1e3])
def test_replay_is_the_live_search(kind, function, first):
    search = kind()
    length, looks = run(search, function, first)
    for n in range(len(looks)):
        assert next_move(search, start_of(function), first, looks[:n]) == (looks[n].length, False)
    assert next_move(search, start_of(function), first, looks) == (length, True)


@every_search
def test_search_survives_pickling(kind):
    assert pickle.loads(pickle.dumps(kind())) == kind()


@pytest.mark.parametrize("name", LINE_SEARCHES)
def test_every_name_makes_a_search(name):
    assert isinstance(line_search_named(name), LINE_SEARCHES[name])
    assert LINE_SEARCHES[line_search_named(name).name] is LINE_SEARCHES[name]


# Strong Wolfe conditions


def conditions(search):
    return (search.c1, search.c2) if hasattr(search, "c1") else (search.alpha, search.beta)


@every_slope_search
@every_function
@every_first
def test_strong_wolfe_conditions_hold(kind, function, first):
    search = kind()
    enough, flat = conditions(search)
    length, _ = run(search, function, first)
    start, trial = start_of(function), looked(function, length)
    assert trial.value <= start.value + enough * length * start.slope
    assert abs(trial.slope) <= -flat * start.slope


@every_slope_search
@given(lowest=st.floats(1e-3, 1e3), exponent=st.floats(-6, 6), waves=st.floats(0, 20), height=st.floats(0, 0.5))
def test_strong_wolfe_conditions_hold_on_wavy_functions(kind, lowest, exponent, waves, height):
    def function(t):
        u = t / lowest
        wave = height * (1 - math.cos(waves * u)), height * waves * math.sin(waves * u)
        return 0.5 * (u - 1) ** 2 + wave[0], (u - 1 + wave[1]) / lowest

    search = kind()
    enough, flat = conditions(search)
    length, looks = run(search, function, lowest * 10.0**exponent)
    assume(len(looks) < search.max_looks)
    start, trial = start_of(function), looked(function, length)
    assert trial.value <= start.value + enough * length * start.slope
    assert abs(trial.slope) <= -flat * start.slope


@every_slope_search
@pytest.mark.parametrize("first", [1e-2, 1.0, 1e2])
def test_cubic_is_solved_by_its_interpolation(kind, first):
    """Three looks: one on either side of the minimum at most two, and the minimum of the cubic through both."""

    def cubic(t):
        return t**3 / 3 - t, t * t - 1.0

    settings = {"c2": 1e-3} if kind.name == "strong_wolfe" else {"beta": 2e-3}
    length, looks = run(kind(**settings), cubic, first)
    # |t² − 1| <= 2e-3.
    assert_allclose(length, 1.0, rtol=0, atol=1.1e-3)
    # Cubics are exact; what remains is a tenth of the interval or ten times the length at a time.
    assert len(looks) <= 3 + 2 * abs(math.log10(first))


@every_slope_search
def test_length_without_a_slope_is_too_long(kind):
    length, is_decided = next_move(kind(), LinePoint(0.0, 1.0, -1.0), 1.0, [LinePoint(1.0, 0.5, math.nan)])
    assert not is_decided
    assert 0 < length < 1


def test_strong_wolfe_goes_back_where_the_value_rises_although_it_is_low_enough():
    search, start = line_search_named("strong_wolfe", c2=0.1), LinePoint(0.0, 10.0, -1.0)
    low = LinePoint(1.0, 5.0, -1.0)
    further, _ = next_move(search, start, 1.0, [low])
    assert further > 1.0
    back, _ = next_move(search, start, 1.0, [low, LinePoint(further, 6.0, -1.0)])
    assert 1.0 < back < further


def test_hybrid_bisects_where_the_cubic_has_not_halved_the_interval():
    search, start, high = (
        line_search_named("hybrid_bisection_cubic"),
        LinePoint(0.0, 1.0, -1.0),
        LinePoint(1.0, 5.0, 10.0),
    )
    cubic, _ = next_move(search, start, 1.0, [high])
    assert cubic == cubic_minimum(start, high)
    assert cubic < 0.5
    middle, _ = next_move(search, start, 1.0, [high, LinePoint(cubic, 0.9, -0.9)])
    assert_allclose(middle, 0.5 * (cubic + 1.0), rtol=1e-15)


@every_slope_search
def test_search_that_runs_out_returns_its_lowest_length(kind):
    length, looks = run(kind(max_looks=2), third_of_theirs, 10.0)
    assert len(looks) == 2
    lowest = min(looks, key=lambda look: look.value)
    assert length == (lowest.length if lowest.value < third_of_theirs(0.0)[0] else None)


@pytest.mark.parametrize("c2", [0.1, 0.9])
def test_strong_wolfe_needs_no_more_looks_than_scipy(c2):
    ours, theirs = 0, 0
    for function in FUNCTIONS.values():
        start = start_of(function)
        search = line_search_named("strong_wolfe", c2=c2)
        with np.errstate(all="ignore"):
            length, count, *_ = line_search(
                lambda t, function=function: function(t.item())[0],
                lambda t, function=function: np.array([function(t.item())[1]]),
                np.zeros(1),
                np.ones(1),  # its first length is 1
                gfk=np.array([start.slope]),
                c1=search.c1,
                c2=c2,
                maxiter=40,
            )
        if length is not None:  # it does not get away from an overflow
            ours += len(run(search, function, 1.0)[1])
            theirs += count
    assert ours <= theirs


# Minimization


@every_value_search
@given(first=st.sampled_from(FIRSTS), lowest=st.floats(1e-2, 1e2))
def test_parabola_is_minimized_to_the_tolerance(kind, first, lowest):
    search = kind(tolerance=1e-3)
    length, _ = run(search, partial(parabola, lowest=lowest), first)
    # The bracket is at most four tolerances wide (Brent's: two on either side).
    assert_allclose(length, lowest, rtol=2.1e-3)


@every_value_search
@pytest.mark.parametrize("function", [parabola, quartic, exponential, first_of_theirs], ids=lambda f: f.__name__)
@pytest.mark.parametrize("tolerance", [0.1, 1e-2, 1e-4])
def test_minimum_is_that_of_scipy(kind, function, tolerance):
    exact = minimize_scalar(lambda t: function(t)[0], bounds=(0, 5), method="bounded", options={"xatol": 1e-10}).x
    length, _ = run(kind(tolerance=tolerance, max_looks=100), function, 0.5)
    # 1e-8: values do not tell lengths apart that are closer than the root of rounding.
    assert_allclose(length, exact, rtol=2.1 * tolerance, atol=1e-8)


@pytest.mark.parametrize("function", [quartic, exponential, first_of_theirs], ids=lambda f: f.__name__)
def test_brent_needs_about_as_many_looks_as_scipy(function):
    tolerance = 1e-6
    _, looks = run(line_search_named("brent", tolerance=tolerance, max_looks=200), function, 0.5)
    theirs = minimize_scalar(lambda t: function(t)[0], bracket=(0.0, 0.5), method="brent", options={"xtol": tolerance})
    assert len(looks) <= theirs.nfev + 3


def test_brent_needs_fewer_looks_than_golden_section():
    def looks_of(name):
        search = line_search_named(name, tolerance=1e-4, max_looks=100)
        return sum(len(run(search, function, 0.5)[1]) for function in (parabola, exponential, first_of_theirs))

    assert 2 * looks_of("brent") < looks_of("golden_section")


@pytest.mark.parametrize("lowest", [0.3, 0.55, 0.7, 1.0, 1.3])
def test_every_look_of_golden_section_shortens_the_bracket_by_the_golden_ratio(lowest):
    def looks_of(tolerance):
        search = line_search_named("golden_section", tolerance=tolerance, max_looks=100)
        return len(run(search, partial(parabola, lowest=lowest), 0.5)[1])

    # 0.618 to the tenth; one look more or less, because the tolerance is met at the end of a look.
    assert abs(looks_of(1e-2 * 0.6180339887**10) - looks_of(1e-2) - 10) <= 1


@given(first=st.floats(1e-6, 1e6), lowest=st.floats(1e-3, 1e3))
def test_bracket_holds_the_minimum(first, lowest):
    function = partial(parabola, lowest=lowest)
    lookout = bracketing(start_of(function), first, 60)
    try:
        length = next(lookout)
        while True:
            length = lookout.send(looked(function, length, with_slope=False))
    except StopIteration as end:
        found = end.value
    assert isinstance(found, Bracket)
    assert found.left.length < found.middle.length < found.right.length
    assert found.left.length < lowest < found.right.length
    assert found.middle.value < found.left.value
    assert found.middle.value <= found.right.value


# Parts


@given(
    root=st.floats(-10, 10),
    gap=st.floats(0.1, 10),
    scale=st.floats(1e-300, 1e150),
    ends=st.tuples(*[st.floats(-5, 5)] * 2),
)
def test_cubic_minimum_is_the_minimum_of_a_cubic(root, gap, scale, ends):
    """Of scale (t − root)² (t − root + 3 gap/2), whose other extremum is the maximum at root − gap."""
    assume(abs(ends[0] - ends[1]) > 0.1)

    def look(t):
        u = t - root
        return LinePoint(t, scale * u * u * (u + 1.5 * gap), scale * 3 * u * (u + gap))

    # Coefficients are known to some ulps of the largest value, and the root moves by their part of its curvature.
    assert_allclose(cubic_minimum(*map(look, ends)), root, rtol=0, atol=1e-7)


def test_cubic_minimum_of_what_overflowed_is_not_a_number():
    for look in (LinePoint(1.0, math.inf, math.nan), LinePoint(1.0, 1.0, math.nan), LinePoint(0.0, 1.0, -1.0)):
        assert math.isnan(cubic_minimum(LinePoint(0.0, 1.0, -1.0), look))
    # A cubic that falls everywhere has none.
    assert math.isnan(cubic_minimum(LinePoint(0.0, 0.0, -1.0), LinePoint(1.0, -1.0 - 1 / 3, -2.0)))


def test_parabola_that_opens_downwards_has_no_minimum():
    nan = math.nan
    assert math.isnan(vertex(LinePoint(0.0, 0.0, nan), LinePoint(1.0, 1.0, nan), LinePoint(2.0, 0.0, nan)))
    assert math.isnan(vertex(LinePoint(0.0, 0.0, nan), LinePoint(1.0, -1.0, nan), LinePoint(2.0, math.inf, nan)))


@given(wanted=st.floats(), ends=st.tuples(*[st.floats(-1e6, 1e6)] * 2))
def test_bounded_length_is_within_its_bounds(wanted, ends):
    assert min(ends) <= bounded(wanted, *ends) <= max(ends)


@given(value=st.floats(1e-6, 1e6), slope=st.floats(-1e6, -1e-6))
def test_step_below_rounding_moves_no_value(value, slope):
    start = LinePoint(0.0, value, slope)
    length = 2.0**-60 * value / -slope
    assert is_below_rounding(start, length)
    assert value + length * slope == value
    assert not is_below_rounding(start, 2.0**-50 * value / -slope)


# Refusals


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("strong_wolfe", {"c1": 0.9, "c2": 0.1}, r"c1 must be below c2, got 0.9 and 0.1"),
        ("strong_wolfe", {"c2": 1.0}, r"c2 must be a fraction.*got 1.0"),
        ("strong_wolfe", {"c1": 0.0}, r"c1 must be a number above 0, got 0.0"),
        ("charalambous", {"alpha": 0.5}, r"alpha must be below beta, got 0.5 and 0.1"),
        ("charalambous", {"gamma": 0.6}, r"gamma must be at most 0.5, got 0.6"),
        ("hybrid_bisection_cubic", {"beta": 1e-4}, r"alpha must be below beta, got 0.001 and 0.0001"),
        ("golden_section", {"tolerance": 0.0}, r"tolerance must be a number above 0, got 0.0"),
        ("golden_section", {"max_looks": 0}, r"max_looks must be a whole number from 1 up, got 0"),
        ("brent", {"tolerance": 1.5}, r"tolerance must be a fraction.*got 1.5"),
        ("brent", {"max_looks": 2.5}, r"max_looks must be a whole number from 1 up, got 2.5"),
        ("brent", {"beta": 0.1}, r"brent has no setting 'beta'. It takes tolerance, max_looks"),
        ("brend", {}, r"line_search must be one of .*got 'brend'. Did you mean 'brent'\?"),
    ],
)
def test_setting_that_cannot_be_is_refused(name, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        line_search_named(name, **settings)


def test_constants_may_be_spelled_with_the_name():
    assert line_search_named("strong_wolfe(c2=0.1)") == line_search_named("strong_wolfe", c2=0.1)
    with pytest.raises(ConfigurationError, match="strong_wolfe has no setting 'c3'"):
        line_search_named("strong_wolfe(c3=0.1)")


@pytest.mark.parametrize(("slope", "lowest"), [(-1.0, 0.3), (-5.0, 0.2), (-0.1, 0.45)])
def test_second_look_after_a_rise_is_the_minimum_of_the_parabola(slope, lowest):
    def parabola(length):
        return 3.0 + slope * length - 0.5 * slope * length**2 / lowest

    search = bracketing(LinePoint(0.0, 3.0, slope), 1.0, 20)
    assert next(search) == 1.0
    assert search.send(LinePoint(1.0, parabola(1.0), math.nan)) == pytest.approx(lowest, rel=1e-12)


def replies(search, *values):
    """The length that a search asks for after each of some values, the first one before any."""
    lengths = [next(search)]
    for value in values:
        lengths.append(search.send(LinePoint(lengths[-1], value, math.nan)))
    return lengths


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((3.0,), 0.5),  # ½ · 2² / (3 − 1 + 2)
        ((1.5,), 0.8),  # ½ · 2² / (1.5 − 1 + 2)
        ((1.0,), 1.0),  # as high as the start is not lower
        ((1e9,), 0.2),  # no less than a tenth
        ((math.inf,), 0.2),
        ((3.0, 2.0), 0.25 / 3),  # ½ · 0.5² / (2 − 1 + 0.5)
    ],
)
def test_too_long_a_length_is_shortened_to_the_minimum_of_the_parabola(values, expected):
    lengths = replies(bracketing(LinePoint(0.0, 1.0, -1.0), 2.0, 20), *values)
    assert lengths[-1] == pytest.approx(expected, rel=1e-12)


GOLDEN_STEP = 0.5 * (1 + math.sqrt(5))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.5,), 2 + 2 * GOLDEN_STEP),  # the parabola's minimum is at ½ · 2² / (0.5 − 1 + 2) and behind
        ((-0.75,), 8.0),  # ½ · 2² / (−0.75 − 1 + 2)
        ((-0.95,), 20.0),  # at 40: no more than ten times the length
        ((-3.0,), 20.0),  # the parabola opens downwards
    ],
)
def test_too_short_a_length_is_lengthened_to_the_minimum_of_the_parabola(values, expected):
    lengths = replies(bracketing(LinePoint(0.0, 1.0, -1.0), 2.0, 20), *values)
    assert lengths[-1] == pytest.approx(expected, rel=1e-12)


def test_third_length_is_the_minimum_of_the_parabola_through_the_last_three_looks():
    def reaching(t, lowest):
        return (t / lowest - 1) ** 2

    # The slope at the start is not that of the parabola, so that the second length is the golden step.
    for lowest, expected in (
        (16.0, 16.0),
        (6.0, 2 + 2 * GOLDEN_STEP + 2 * GOLDEN_STEP**2),
        (1e3, 10 * (2 + 2 * GOLDEN_STEP)),
    ):
        second = 2 + 2 * GOLDEN_STEP
        lengths = replies(
            bracketing(LinePoint(0.0, 1.0, -1.0), 2.0, 20), reaching(2.0, lowest), reaching(second, lowest)
        )
        assert lengths == pytest.approx([2.0, second, expected], rel=1e-9)


def plain_brent(function, found, tolerance, most):  # noqa: C901 - as it is printed
    """Brent's rules as he printed them in section 5.8, from a bracket, with a tolerance without an absolute part."""
    a, b, x = found.left.length, found.right.length, found.middle.length
    w, v = sorted((a, b), key=lambda t: function(t)[0])
    fx, fw, fv = (function(t)[0] for t in (x, w, v))
    d = e = b - a
    trail = []
    for _ in range(most - found.n_looks):
        m, tol = 0.5 * (a + b), tolerance * x
        if abs(x - m) <= 2 * tol - 0.5 * (b - a):
            break
        r = (x - w) * (fx - fv)
        q = (x - v) * (fx - fw)
        p = (x - v) * q - (x - w) * r
        q = 2 * (q - r)
        if q > 0:
            p = -p
        else:
            q = -q
        r, e = e, d
        if abs(p) < abs(0.5 * q * r) and p > q * (a - x) and p < q * (b - x):
            d = p / q
            u = x + d
            if u - a < 2 * tol or b - u < 2 * tol:
                d = tol if x < m else -tol
        else:
            e = (b if x < m else a) - x
            d = 0.5 * (3 - math.sqrt(5)) * e
        u = x + (d if abs(d) >= tol else math.copysign(tol, d))
        fu = function(u)[0]
        trail.append(u)
        if fu <= fx:
            if u < x:
                b = x
            else:
                a = x
            v, fv, w, fw, x, fx = w, fw, x, fx, u, fu
        else:
            if u < x:
                a = u
            else:
                b = u
            if fu <= fw or w == x:
                v, fv, w, fw = w, fw, u, fu
            elif fu <= fv or v in (x, w):
                v, fv = u, fu
    return x, trail


# Not the parabola: at its very minimum the sign of the next move is that of a rounding error.
BENT = {name: function for name, function in FUNCTIONS.items() if name != "parabola"} | {
    "kink": lambda t: (abs(t - 1.0) + 0.1 * t, -0.9 if t < 1 else 1.1),
    "flat": lambda t: ((t - 1.0) ** 6, 6 * (t - 1.0) ** 5),
    "steep wall": lambda t: (-math.sqrt(t) + math.exp(20 * (t - 1.5)) if t < 20 else math.inf, -1.0),
}


@pytest.mark.parametrize("function", BENT.values(), ids=BENT.keys())
@pytest.mark.parametrize("first", [0.03, 0.4, 7.0])
@pytest.mark.parametrize("tolerance", [0.05, 1e-3])
def test_trail_of_brent_is_that_of_his_rules_as_printed(function, first, tolerance):
    length, looks = run(LINE_SEARCHES["brent"](tolerance=tolerance), function, first)
    lookout = bracketing(start_of(function), first, 40)
    try:
        wanted = next(lookout)
        while True:
            wanted = lookout.send(looked(function, wanted, with_slope=False))
    except StopIteration as end:
        found = end.value
    expected, trail = plain_brent(function, found, tolerance, 40)
    # Both take the same parabola, in other orders of the same operations.
    assert_allclose([look.length for look in looks[found.n_looks :]], trail, rtol=1e-7)
    assert length == pytest.approx(expected, rel=1e-7)


def test_value_as_high_as_the_one_before_ends_the_bracketing():
    search = bracketing(LinePoint(0.0, 1.0, -1.0), 2.0, 20)
    lengths = replies(search, 0.5)
    with pytest.raises(StopIteration) as end:
        search.send(LinePoint(lengths[-1], 0.5, math.nan))
    assert [look.length for look in end.value.value[:3]] == [0.0, *lengths]


@every_value_search
def test_search_that_runs_out_while_the_value_falls_returns_the_longest_length(kind):
    length, looks = run(kind(max_looks=3), lambda t: (-t, -1.0), 1.0)
    assert length == max(look.length for look in looks) == looks[2].length
