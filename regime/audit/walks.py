"""An experiment walked again and again: what each fit was given, and whether the past stays
what it was when what came after it is taken away, or happens otherwise.

What is replayed is everything from the panel to the probabilities. That the panel itself holds
only what was published is the business of `regime.data.panel`, and of `regime.audit.replay`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from regime.audit.comparing import TOLERANCE
from regime.config import ExperimentConfig
from regime.data import catalog
from regime.evaluation.pooling import settled_by, side_by_side
from regime.evaluation.splits import Fold
from regime.exceptions import RegimeError
from regime.experiment import Comparison, ExperimentResult
from regime.labels.leadership import target
from regime.studies import Studies, Study
from regime.taxonomy import REGIMES
from regime.tracking.trials import Finding, Piece, check_bookkeeping

SOON = 10  # rows: a cut so soon after a refit finds most labels of that fit still open
AFTER = 126  # rows of another market, and the longest horizon on top: labels settle in them
FEWEST_AFTER = 21  # rows that must be left after a cut, or nothing could leak from them
RECENT = 1000  # days another market is drawn from: its series are the ones of the time
NOISE = 0.2  # largest share by which what is drawn is made smaller
LONGEST_SILENCE = 6  # rows after which a series counts as ended


class Whole(NamedTuple):
    """What was said with one basket set, by date and horizon, and its path in hindsight."""

    said: pd.DataFrame
    path: pd.DataFrame


class Replay(NamedTuple):
    """What one replay found; `fault` is empty if the past stayed what it was."""

    cut: str
    rows: int = 0
    exact: int = 0
    largest: float = 0.0
    labels_after: int = 0
    labels_changed: int = 0
    fault: str = ""


def check_walks(
    config: ExperimentConfig,
    panel: pd.DataFrame,
    *,
    cuts: int,
    seed: int,
    on_walk: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Walk an experiment forward, look at what each fit was given, and replay it."""
    comparison = Comparison(panel)
    comparison.prepare(config)
    pieces = watched(comparison)
    result = comparison.run(config)
    on_walk()
    yield check_bookkeeping(result, comparison.studies, pieces)
    for baskets in config.baskets:
        yield from check_replays(result, comparison.studies, baskets, cuts, seed, on_walk)


def watched(comparison: Comparison) -> list[Piece]:
    """A list that fills with the rows and labels the comparison gives its models.

    Nothing is split a second time, but for the pool of a stack, which splits inside.
    """
    given: list[Piece] = []
    studies = comparison.studies
    pieces_of, pool_of = studies.pieces, studies.pool

    def pieces(study: Study) -> Any:
        tasks = pieces_of(study)
        for task in tasks:
            found = [*_leaves(task)]
            X = next(one for one in found if isinstance(one, pd.DataFrame))
            labels = next(one for one in found if isinstance(one, np.ndarray))
            given.append(Piece(study, X.index, labels, [f for f in found if isinstance(f, Fold)]))
        return tasks

    def pool(study: Study, walks: Any) -> Any:
        walk = pool_of(study, walks)
        target, said = studies.target(study), side_by_side(walks)
        days, by = target.index, walk.proba["fitted_on"]
        folds = [
            Fold(
                np.flatnonzero(days.isin(settled_by(said, target, close))),
                np.flatnonzero(days.isin(by.index[by == close])),
                close,
            )
            for close in walk.fits["fitted_on"]
        ]
        given.append(Piece(study, days, target["regime"].to_numpy(dtype=object), folds))
        return walk

    studies.pieces, studies.pool = pieces, pool  # type: ignore[method-assign]
    return given


def _leaves(task: Any) -> Iterator[Any]:
    if isinstance(task, tuple | list):
        for one in task:
            yield from _leaves(one)
    else:
        yield task


def check_replays(
    result: ExperimentResult,
    studies: Studies,
    baskets: str,
    cuts: int,
    seed: int,
    on_walk: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Walk one basket set again without what came after a day, and with something else."""
    rng = np.random.default_rng(seed)
    config = result.config.model_copy(update={"baskets": (baskets,)})
    whole = of_baskets(result, baskets)
    replays: dict[str, list[Replay]] = {"cut short": [], "another market": []}
    for day in chosen_cuts(whole, studies.panel, cuts, rng):
        panel, leader = another_market(whole, studies, baskets, day, rng)
        for check, shown, what in (
            ("cut short", studies.panel[:day], "cut off"),
            ("another market", panel, f"replaced by one that {leader} leads"),
        ):
            replays[check].append(replayed(whole, config, shown, day, what))
            on_walk()
    for check, done in replays.items():
        yield _told(check, f"{config.name}, {baskets}", done, asked=cuts)


def chosen_cuts(whole: Whole, panel: pd.DataFrame, cuts: int, rng: Any) -> list[pd.Timestamp]:
    """Random days, one from each stretch of the test, soon after a refit where there are such.

    Fewer where there are not enough days with two settled test days before and a month after.
    """
    horizon = whole.said.index.get_level_values("horizon").max()
    mine = whole.said.xs(horizon, level="horizon")
    settled = target(whole.path, horizon)["confirmed_on"].reindex(mine.index).dropna()
    if len(settled) < 2 or len(panel) <= FEWEST_AFTER:
        return []
    possible = (mine.index >= settled.iloc[1]) & (mine.index <= panel.index[-1 - FEWEST_AFTER])
    soon = pd.Series(mine.groupby("fitted_on").cumcount() < SOON)[possible]
    stretches = [soon.iloc[rows] for rows in np.array_split(np.arange(len(soon)), cuts)]
    return [
        pd.Timestamp(rng.choice((days[days] if days.any() else days).index))
        for days in stretches
        if len(days)
    ]


def another_market(
    whole: Whole, studies: Studies, baskets: str, cut: pd.Timestamp, rng: Any
) -> tuple[pd.DataFrame, str]:
    """The panel to a day, then shuffled days of the past on which one basket won; and which.

    It is the one that led least in what truly came. Levels go on from where they stood, by
    the changes of the days drawn; the rest takes their values, made smaller by noise. What
    had no value of late gets none, and there are no dividends and splits.
    """
    before, horizons = studies.panel[:cut], whole.said.index.get_level_values("horizon")
    after = studies.panel.index[len(before) :][: AFTER + horizons.max()]
    came = whole.path["regime"].reindex(after).value_counts()
    leader = str(came.reindex(REGIMES, fill_value=0).idxmin())
    lead = studies.lead(baskets)[:cut].iloc[-RECENT:]
    drawn = rng.choice(lead.index[lead.idxmax(axis=1) == leader], len(after))
    columns = {}
    for name, values in before.items():
        about = catalog.get(str(name))
        factor = 1 - NOISE * rng.random(len(after))
        last = values.iloc[-LONGEST_SILENCE:].ffill().iloc[-1]
        if about.frequency is catalog.Frequency.EVENT or np.isnan(last):
            columns[name] = np.full(len(after), np.nan)
        elif about.unit in (catalog.Unit.INDEX, catalog.Unit.PRICE):
            change = values.pct_change(fill_method=None).reindex(drawn).fillna(0.0)
            columns[name] = last * (1 + change.to_numpy() * factor).cumprod()
        else:
            columns[name] = values.reindex(drawn).fillna(last).to_numpy() * factor
    other = pd.concat([before, pd.DataFrame(columns, after)])
    return other.rename_axis(str(before.index.name)), leader


def of_baskets(result: ExperimentResult, baskets: str) -> Whole:
    """The part of a result that one basket set has."""
    said = result.predictions[result.predictions["baskets"] == baskets]
    path = result.labels[result.labels["baskets"] == baskets]
    return Whole(said.set_index(["date", "horizon"]).sort_index(), path.set_index("date"))


def replayed(
    whole: Whole, config: ExperimentConfig, panel: pd.DataFrame, cut: pd.Timestamp, what: str
) -> Replay:
    """Walk forward on another panel, and compare what is said of days up to the cut."""
    day = f"{cut:%Y-%m-%d}"
    try:
        again = of_baskets(Comparison(panel).run(config), config.baskets[0])
    except (RegimeError, ValueError) as error:
        return Replay(day, fault=f"with the market after {day} {what} the walk ends: {error}")
    then, now = whole.said.loc[:cut], again.said.loc[:cut]
    if not then["fitted_on"].equals(now["fitted_on"]):
        fault = f"with the market after {day} {what}, other days are served, or by other fits"
        return Replay(day, len(then), fault=fault)
    apart = (then[list(REGIMES)] - now[list(REGIMES)]).abs().max(axis=1, skipna=False)
    late, fault = apart.index[~(apart <= TOLERANCE)], ""
    if len(late):
        fault = (
            f"{len(late):,} of {len(apart):,} forecasts up to {day} change when the market after "
            f"it is {what}, by up to {apart.max():.1e}, first that of {late[0][0]:%Y-%m-%d}, "
            f"{late[0][1]} days ahead"
        )
    true, other = (one.path["regime"].loc[cut:].iloc[1:] for one in (whole, again))
    true, other = true.align(other, join="inner")
    changed = int((true != other).sum())
    largest = float(np.nan_to_num(apart.max(), nan=1.0))
    return Replay(day, len(apart), int((apart == 0).sum()), largest, len(true), changed, fault)


def _told(check: str, about: str, replays: Sequence[Replay], *, asked: int) -> Finding:
    counts = {"replays": [replay._asdict() for replay in replays]}
    if not replays:
        words = "the test is too short to cut. Fetch newer data, or begin it earlier."
        return Finding(check, about, False, words, counts)
    if fault := next((replay.fault for replay in replays if replay.fault), ""):
        words = f"{fault}. Something it learned from, or was scaled by, came later."
        return Finding(check, about, False, words, counts)
    rows, exact, after, changed = (
        sum(getattr(one, name) for one in replays)
        for name in ("rows", "exact", "labels_after", "labels_changed")
    )
    words = (
        f"{rows:,} forecasts up to {', '.join(one.cut for one in replays)}, {exact:,} the same to "
        f"the bit, largest difference {max(one.largest for one in replays):.0e}"
    )
    words += f" ({len(replays)} of {asked} cuts had room)" if len(replays) < asked else ""
    if check == "another market":
        words += f"; {changed:,} of {after:,} later labels differ"
        words += "" if changed else ", so nothing is proven. Try another --seed."
    return Finding(check, about, check == "cut short" or changed > 0, words, counts)
