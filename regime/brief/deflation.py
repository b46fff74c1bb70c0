"""Whether what a portfolio earned is more than the luck of the best of many trials."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from regime.evaluation.deflated import Tried, deflated_sharpe, expected_maximum, track_record
from regime.evaluation.scores import TRADING_DAYS

CONVINCING = 0.95  # probability from which a deflated ratio is called more than luck
_SAME = 1e-12  # of a daily return


def deflated(spread: "pd.Series[float]", tried: Tried) -> dict[str, Any]:
    """The Sharpe ratio of the spread beside the best that as many worthless trials would show.

    Ratios are per day. `deflated_sharpe` is None where fewer than two trials kept a ratio, or
    where the spread does not vary.
    """
    about: dict[str, Any] = {
        "n_trials": tried.n_trials,
        "n_trials_with_sharpe": len(tried.sharpes),
        "n_days": len(spread),
    }
    unknown = ("sharpe", "variance", "expected_maximum", "deflated_sharpe")
    if len(tried.sharpes) < 2 or len(spread) < TRADING_DAYS or spread.std() <= _SAME:
        return about | dict.fromkeys(unknown)
    record, variance = track_record(spread), float(tried.sharpes.var())
    return about | {
        "effective_days": record.n_days,
        "sharpe": record.sharpe,
        "variance": variance,
        "expected_maximum": expected_maximum(tried.n_trials, variance),
        "deflated_sharpe": deflated_sharpe(record, tried.n_trials, variance),
    }


def baskets_words(baskets: str) -> str:
    """A basket set as one writes it before "baskets": those of Kenneth French have his name."""
    return "French" if baskets == "french" else baskets


def deflated_words(found: Mapping[str, Any], baskets: str) -> str:
    """The deflated Sharpe ratio of the spread over the equal mix at 10 bp, and what it counts."""
    number, known = found["n_trials"], found["n_trials_with_sharpe"]
    several = "" if number == 1 else "s"
    scored = f"{number} configuration{several} scored on {baskets_words(baskets)} baskets"
    ratio, year = found["deflated_sharpe"], TRADING_DAYS**0.5
    if ratio is not None:
        words = "more than luck" if ratio >= CONVINCING else "not to be told from luck"
        return (
            f"Deflated Sharpe ratio {ratio:.2f}: {words} among so many. Over the equal mix at "
            f"10 bp the spread has a ratio of {year * found['sharpe']:+.2f} a year; the best of "
            f"{scored}, were they all worthless, would show {year * found['expected_maximum']:+.2f}"
            f" (variance of the {known} known daily ratios {found['variance']:.2e})."
        )
    if known < 2:
        return (
            f"The Sharpe ratio of the spread cannot be deflated: of {scored}, {known} kept one, "
            "and two are needed. `regime compare` keeps one for each."
        )
    return (
        f"The Sharpe ratio of the spread cannot be deflated: its {found['n_days']:,} days are "
        "too few, or do not vary."
    )
