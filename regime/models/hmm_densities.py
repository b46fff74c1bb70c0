"""How well each hidden state explains each row, missing features integrated out."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from regime.models.filtering import gaussian_log_density, squared_norm, whitening
from regime.models.missing import known_alike
from regime.threads import one_thread

FloatArray = npt.NDArray[np.float64]


def log_density(
    X: FloatArray, means: FloatArray, covars: FloatArray, degrees: FloatArray | None
) -> FloatArray:
    """That of Student-t states with these degrees of freedom, or of Gaussian ones without."""
    with one_thread():  # a second one would wait a thousand times as long as a state takes
        if degrees is None:
            return gaussian_log_density(X, means, covars)
        return student_t_log_density(X, means, covars, degrees)


def student_t_log_density(
    X: FloatArray, means: FloatArray, covars: FloatArray, degrees: FloatArray
) -> FloatArray:
    """Log density of what is known of each row under multivariate Student-t states.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), NaN where unknown
    means : ndarray of shape (n_states, n_features)
    covars : ndarray of shape (n_states, n_features, n_features), positive definite
        Scale matrices, not covariances.
    degrees : ndarray of shape (n_states,), positive

    Returns
    -------
    ndarray of shape (n_rows, n_states); 0 in every state for a row with nothing known.

    Raises
    ------
    ValueError
        If a scale matrix is not positive definite.

    Notes
    -----
    What is left when features are integrated out is a Student-t of the same degrees with the
    part of the matrix that belongs to the others. Row by row, as in `regime.models.filtering`.
    """
    found = np.zeros((len(X), len(means)))
    for known, rows in known_alike(~np.isnan(X)):
        values, n = np.ascontiguousarray(X[np.ix_(rows, known)].T), int(known.sum())
        for state, (mean, covar, few) in enumerate(zip(means, covars, degrees, strict=True)):
            whiten, log_volume = whitening(
                covar[np.ix_(known, known)], f"scale matrix of state {state}"
            )
            constant = gammaln((few + n) / 2) - gammaln(few / 2)
            constant -= n * math.log(few * math.pi) / 2 + log_volume
            distance = squared_norm(whiten, values - mean[known, None])
            found[rows, state] = constant - (few + n) / 2 * np.log1p(distance / few)
    return found
