"""The linear sets of NIST's Statistical Reference Datasets, with certified coefficients.

National Institute of Standards and Technology, Statistical Reference Datasets, linear regression
(https://www.itl.nist.gov/div898/strd/): works of the United States government, in the public domain. Norris and
Pontius are of lower, Longley and Filip of higher difficulty; Wampler1 to Wampler5, of higher difficulty too, are
polynomials of degree 5 at x = 0 … 20 with perturbations that are orthogonal to them, so that the coefficients stay
exact.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from marquardt.networks import Network

__all__ = ["CERTIFIED", "Certified", "digits", "linear_coefficients"]


class Certified(NamedTuple):
    """One set: inputs without the column of ones, targets of one column, and certified coefficients, b0 first."""

    inputs: np.ndarray
    targets: np.ndarray
    coefficients: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """The inputs with a column of ones before them."""
        return np.column_stack([np.ones(len(self.inputs)), self.inputs])


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    """Return the log relative error: how many digits of the worst coefficient are right, 15 at most."""
    with np.errstate(divide="ignore"):
        right = -np.log10(np.abs(found - certified) / np.abs(certified))
    return float(np.clip(right, 0.0, 15.0).min())


def linear_coefficients(network: Network) -> np.ndarray:
    """Return what a network without hidden units computes, b0 first, in the user's units; exact but for a rounding."""
    weights = [Fraction(weight) for weight in network.weights.tolist()]
    inputs, targets = network.input_scaling, network.target_scaling
    offset, factor = Fraction(targets.offset[0].item()), Fraction(targets.factor[0].item())
    slopes = [
        weight * Fraction(each) / factor for weight, each in zip(weights[:-1], inputs.factor.tolist(), strict=True)
    ]
    moved = sum(slope * Fraction(each) for slope, each in zip(slopes, inputs.offset.tolist(), strict=True))
    return np.array([float(offset + weights[-1] / factor - moved), *map(float, slopes)])


def _numbers(text: str, columns: int) -> np.ndarray:
    return np.array(text.split(), dtype=float).reshape(-1, columns)


def _polynomial(x: np.ndarray, y: np.ndarray, coefficients: list[float]) -> Certified:
    powers = np.arange(1, len(coefficients))
    return Certified(x[:, None] ** powers, y[:, None], np.array(coefficients))


def _of_text(text: str, coefficients: list[float]) -> Certified:
    y, x = _numbers(text, 2).T
    return _polynomial(x, y, coefficients)


def _wampler(base: float, perturbation: int) -> Certified:
    x, coefficients = np.arange(21.0), [base**k for k in range(6)]
    y = sum(coefficient * x**k for k, coefficient in enumerate(coefficients))
    return _polynomial(x, y + perturbation * np.array(_PERTURBATION.split(), dtype=float), coefficients)


# y, x
_NORRIS = """
    0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9
    777.0 559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3
    228.1 998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0
    778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1 449.2 448.9 0.2 0.5
"""
_PONTIUS = """
    .11019 150000 .21956 300000 .32949 450000 .43899 600000 .54803 750000 .65694 900000 .76562 1050000 .87487
    1200000 .98292 1350000 1.09146 1500000 1.20001 1650000 1.30822 1800000 1.41599 1950000 1.52399 2100000 1.63194
    2250000 1.73947 2400000 1.84646 2550000 1.95392 2700000 2.06128 2850000 2.16844 3000000 .11052 150000 .22018
    300000 .32939 450000 .43886 600000 .54798 750000 .65739 900000 .76596 1050000 .87474 1200000 .98300 1350000
    1.09150 1500000 1.20004 1650000 1.30818 1800000 1.41613 1950000 1.52408 2100000 1.63159 2250000 1.73965
    2400000 1.84696 2550000 1.95445 2700000 2.06177 2850000 2.16829 3000000
"""
_FILIP = """
    0.8116 -6.860120914 0.9072 -4.324130045 0.9052 -4.358625055 0.9039 -4.358426747 0.8053 -6.955852379 0.8377
    -6.661145254 0.8667 -6.355462942 0.8809 -6.118102026 0.7975 -7.115148017 0.8162 -6.815308569 0.8515
    -6.519993057 0.8766 -6.204119983 0.8885 -5.853871964 0.8859 -6.109523091 0.8959 -5.79832982 0.8913
    -5.482672118 0.8959 -5.171791386 0.8971 -4.851705903 0.9021 -4.517126416 0.909 -4.143573228 0.9139
    -3.709075441 0.9199 -3.499489089 0.8692 -6.300769497 0.8872 -5.953504836 0.89 -5.642065153 0.891 -5.031376979
    0.8977 -4.680685696 0.9035 -4.329846955 0.9078 -3.928486195 0.7675 -8.56735134 0.7705 -8.363211311 0.7713
    -8.107682739 0.7736 -7.823908741 0.7775 -7.522878745 0.7841 -7.218819279 0.7971 -6.920818754 0.8329
    -6.628932138 0.8641 -6.323946875 0.8804 -5.991399828 0.7668 -8.781464495 0.7633 -8.663140179 0.7678
    -8.473531488 0.7697 -8.247337057 0.77 -7.971428747 0.7749 -7.676129393 0.7796 -7.352812702 0.7897 -7.072065318
    0.8131 -6.774174009 0.8498 -6.478861916 0.8741 -6.159517513 0.8061 -6.835647144 0.846 -6.53165267 0.8751
    -6.224098421 0.8856 -5.910094889 0.8919 -5.598599459 0.8934 -5.290645224 0.894 -4.974284616 0.8957 -4.64454848
    0.9047 -4.290560426 0.9129 -3.885055584 0.9209 -3.408378962 0.9219 -3.13200249 0.7739 -8.726767166 0.7681
    -8.66695597 0.7665 -8.511026475 0.7703 -8.165388579 0.7702 -7.886056648 0.7761 -7.588043762 0.7809
    -7.283412422 0.7961 -6.995678626 0.8253 -6.691862621 0.8602 -6.392544977 0.8809 -6.067374056 0.8301
    -6.684029655 0.8664 -6.378719832 0.8834 -6.065855188 0.8898 -5.752272167 0.8964 -5.132414673 0.8963
    -4.811352704 0.9074 -4.098269308 0.9119 -3.66174277 0.9228 -3.2644011
"""
# y, x1 … x6
_LONGLEY = """
    60323 83.0 234289 2356 1590 107608 1947
    61122 88.5 259426 2325 1456 108632 1948
    60171 88.2 258054 3682 1616 109773 1949
    61187 89.5 284599 3351 1650 110929 1950
    63221 96.2 328975 2099 3099 112075 1951
    63639 98.1 346999 1932 3594 113270 1952
    64989 99.0 365385 1870 3547 115094 1953
    63761 100.0 363112 3578 3350 116219 1954
    66019 101.2 397469 2904 3048 117388 1955
    67857 104.6 419180 2822 2857 118734 1956
    68169 108.4 442769 2936 2798 120445 1957
    66513 110.8 444546 4681 2637 121950 1958
    68655 112.6 482704 3813 2552 123366 1959
    69564 114.2 502601 3931 2514 125368 1960
    69331 115.7 518173 4806 2572 127852 1961
    70551 116.9 554894 4007 2827 130081 1962
"""
_PERTURBATION = """
    759 -2048 2048 -2048 2523 -2048 2048 -2048 1838 -2048 2048 -2048 1838 -2048 2048 -2048 2523 -2048 2048 -2048 759
"""
_TABLE = _numbers(_LONGLEY, 7)

CERTIFIED = {
    "Norris": _of_text(_NORRIS, [-0.262323073774029, 1.00211681802045]),
    "Pontius": _of_text(_PONTIUS, [0.000673565789473684, 7.32059160401003e-07, -3.16081871345029e-15]),
    "Longley": Certified(
        _TABLE[:, 1:],
        _TABLE[:, :1],
        np.array(
            [
                -3482258.63459582,
                15.0618722713733,
                -0.035819179292591,
                -2.02022980381683,
                -1.03322686717359,
                -0.0511041056535807,
                1829.15146461355,
            ]
        ),
    ),
    "Wampler1": _wampler(1.0, 0),
    "Wampler2": _wampler(0.1, 0),
    "Wampler3": _wampler(1.0, 1),
    "Wampler4": _wampler(1.0, 100),
    "Wampler5": _wampler(1.0, 10_000),
    "Filip": _of_text(
        _FILIP,
        [
            -1467.4896142298,
            -2772.17959193342,
            -2316.37108160893,
            -1127.97394098372,
            -354.478233703349,
            -75.1242017393757,
            -10.8753180355343,
            -1.06221498588947,
            -0.0670191154593408,
            -0.00246781078275479,
            -4.02962525080404e-05,
        ],
    ),
}
"""By name."""
