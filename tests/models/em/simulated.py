"""Simulated rows, starts, and the likelihood summed over every path."""

import itertools
import math

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t

from regime.models.em import Parameters


def starts(rng, n, k, d, *, degrees=False, diag=False):
    roots = rng.normal(size=(n, k, d, d))
    covars = roots @ roots.swapaxes(-1, -2) + 0.5 * np.eye(d)
    return Parameters(
        rng.dirichlet(np.ones(k), size=n),
        rng.dirichlet(np.ones(k), size=(n, k)),
        rng.normal(size=(n, k, d)),
        covars * np.eye(d) if diag else covars,
        rng.uniform(1.5, 30, size=(n, k)) if degrees else None,
    )


def simulated(rng, n_rows, means, covars, *, stay=0.95, degrees=None):
    k, d = means.shape
    state, X = int(rng.integers(k)), np.empty((n_rows, d))
    for row in range(n_rows):
        state = state if rng.random() < stay else int(rng.integers(k))
        noise = rng.multivariate_normal(np.zeros(d), covars[state])
        weight = 1 if degrees is None else rng.chisquare(degrees[state]) / degrees[state]
        X[row] = means[state] + noise / math.sqrt(weight)
    return X


def with_gaps(rng, X, share=0.3):
    X = X.copy()
    X[rng.random(X.shape) < share] = np.nan
    X[:, 0][np.isnan(X).all(axis=0).any()] = 0.0
    if np.isnan(X).all():
        X[0, 0] = 0.0
    return X


def densities(X, one, restart, student):
    """Log density of the known part of each row in each state, from scipy."""
    found = np.zeros((len(X), one.means.shape[1]))
    for (row, values), state in itertools.product(enumerate(X), range(found.shape[1])):
        seen = np.flatnonzero(~np.isnan(values))
        if len(seen):
            mean, covar = one.means[restart, state, seen], one.covars[restart, state]
            covar = covar[np.ix_(seen, seen)]
            law = (
                multivariate_t(mean, covar, df=one.degrees[restart, state])
                if student
                else multivariate_normal(mean, covar)
            )
            found[row, state] = law.logpdf(values[seen])
    return found


def by_every_path(startprob, transmat, log_density):
    """Likelihood, smoothed states and expected moves, path by path."""
    n, k = log_density.shape
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    weight = np.log(startprob)[paths[:, 0]] + log_density[np.arange(n), paths].sum(axis=1)
    weight += np.log(transmat)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    whole = logsumexp(weight)
    proba = np.exp(weight - whole)
    smoothed = np.array([[proba[paths[:, t] == i].sum() for i in range(k)] for t in range(n)])
    moves = np.zeros((k, k))
    for t in range(n - 1):
        np.add.at(moves, (paths[:, t], paths[:, t + 1]), proba)
    return whole, smoothed, moves
