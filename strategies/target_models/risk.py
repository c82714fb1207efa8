"""Weights by risk: equal contributions to it, and the least of it. A covariance matrix in, fractions out."""

import numpy as np
import numpy.typing as npt

from strategies.target_models.values import NoWeights

Floats = npt.NDArray[np.float64]

# Added to every correlation of an asset with itself where the answer is not unique without it (fewer days than assets,
# two that move alike or undo each other): of equally good weights the more even ones. Not to be seen in four decimals.
RIDGE = 1e-8
# Steps of the search without and with the ridge. Far more than are needed, and without it few enough that a search that
# has no end stays within what floats can tell apart.
STEPS = ((0.0, 40), (RIDGE, 200))
# Newton's decrement below which a whole step converges by squares.
WHOLE_STEP = 0.25
# By how much contributions to the risk may differ from their mean, as a fraction of it.
EVEN = 1e-6
# The optimiser's tolerances, in fractions; a weight's last decimal is 1e-6.
FEASIBLE = 1e-10
OPTIMAL = 1e-12
# In DAQP a constraint that always holds with equality.
EQUALITY = 5
SOLVED = 1


def risk_parity(covariance: Floats) -> Floats:
    """Positive fractions, adding up to 1, each of which brings the same part of the variance: x_i (C x)_i is equal.

    They are where F. Spinu's convex function x'Cx / 2 - sum(ln x_i) is least ("An Algorithm for Computing Risk Parity
    Weights", 2013), which is found by damped Newton steps: it is self-concordant, so they cannot miss. Computed on
    correlations, whose scale does not depend on how calm an asset is. Raises NoWeights.
    """
    deviations = np.sqrt(np.diag(covariance))
    correlations: Floats = covariance / np.outer(deviations, deviations)
    for ridge, most_steps in STEPS:
        point = _even_point(correlations + ridge * np.eye(len(deviations)), most_steps)
        if point is not None:
            shares = point / deviations
            return np.asarray(shares / shares.sum())
    raise NoWeights("not_solved")


def _even_point(matrix: Floats, most_steps: int) -> Floats | None:
    """The positive x with x_i (M x)_i = 1 for all i; None where there is none, since some x > 0 has no risk at all, or
    floats cannot tell.
    """
    count = len(matrix)
    point = np.full(count, (count / max(float(matrix.sum()), 1.0)) ** 0.5)
    for _step in range(most_steps):
        gradient = matrix @ point - 1.0 / point
        if np.abs(gradient * point).max() < EVEN:
            return point
        try:
            step = np.linalg.solve(matrix + np.diag(point**-2.0), gradient)
        except np.linalg.LinAlgError:
            return None
        decrement = max(0.0, float(gradient @ step)) ** 0.5
        point = point - (step if decrement < WHOLE_STEP else step / (1.0 + decrement))
        if not (point > 0.0).all():
            return None  # rounding has led astray, which theory rules out
    return None


def risk_shares(covariance: Floats, shares: Floats) -> Floats:
    """Which fraction of the variance each asset brings; where together they have none, all bring the same."""
    parts = shares * (covariance @ shares)
    variance = parts.sum()
    return np.asarray(parts / variance) if variance > 0 else np.full(len(shares), 1.0 / len(shares))


def minimum_variance(covariance: Floats, cap: float = 1.0) -> Floats:
    """Fractions between 0 and `cap`, adding up to 1, whose variance x'Cx is least (Markowitz 1952, without short ones).

    Where even all at the cap do not make 1, all are at the cap. Solved by DAQP, an active-set method: what is at
    a bound is there to the last digits. Raises NoWeights.
    """
    count = len(covariance)
    if count * cap <= 1.0 + FEASIBLE:
        return np.full(count, min(cap, 1.0 / count))
    import daqp  # only whoever uses this model loads it

    variances = np.diag(covariance)
    matrix = np.ascontiguousarray((covariance + np.diag(RIDGE * variances)) / variances.mean())
    below = np.concatenate([np.zeros(count), [1.0]])
    above = np.concatenate([np.full(count, cap), [1.0]])
    kinds = np.zeros(count + 1, dtype=np.int32)
    kinds[-1] = EQUALITY
    found, _value, outcome, _details = daqp.solve(
        matrix, np.zeros(count), np.ones((1, count)), above, below, kinds, primal_tol=FEASIBLE, dual_tol=OPTIMAL
    )
    shares = np.clip(np.asarray(found, dtype=np.float64), 0.0, cap)
    if outcome != SOLVED or not abs(float(shares.sum()) - 1.0) < 1e-7:
        raise NoWeights("not_solved")
    return shares
