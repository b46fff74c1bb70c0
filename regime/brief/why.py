"""Why the probabilities moved: which family did it, which of its features, and when it was so."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.brief.signal_words import family_words, short, title_of
from regime.brief.snapshot import Snapshot
from regime.brief.today import day_words
from regime.explained import AHEAD, FILTER, LEAST, MEMORY
from regime.taxonomy import REGIMES

ENOUGH = 1e-6  # nats; a sum nearer to the change than this adds up
NO_FORECAST = (
    "This is memory, not a forecast. In our test, 160 days from 1983 to 2024, what had followed "
    f"the 20 most similar days told no more of what came {AHEAD} sessions later than equal odds: "
    "a log loss of 1.116 nats against 1.099."
)

_PLAYERS = {
    FILTER: "The path of leads itself (filter)",
    MEMORY: "The days between, which the model remembers",
    "leadership": "Relative strength (leadership)",
}
_NOUNS = dict(
    zip(REGIMES, ("mega-cap leadership", "broadening", "small-cap leadership"), strict=True)
)
_MOST = 2  # players a sentence names
_MATTERS = 0.25  # of the largest share; below it a share goes unmentioned
_NOTHING = 1e-12  # nats; of a family that the model does not read
_STILL, _APART = 0.01, 0.001  # probability: what counts as a move, and as another answer


@dataclass(frozen=True, slots=True)
class Change:
    """How the probabilities of one horizon moved to the snapshot's day, and by what.

    Attributes
    ----------
    horizon : trading days
    day, since : the closes it moved between
    before, now : probabilities by regime on both, as the model in service tells them
    shares : DataFrame, a row per family that moved any and a column per regime: exact Shapley
        shares, in nats, of the change of log p less its mean over the regimes
    """

    horizon: int
    day: pd.Timestamp
    since: pd.Timestamp
    before: "pd.Series[float]"
    now: "pd.Series[float]"
    shares: pd.DataFrame

    @property
    def moved(self) -> "pd.Series[float]":
        """The change of each regime's centred log probability, in nats."""
        return _centred(self.now) - _centred(self.before)

    @property
    def gap(self) -> float:
        """The largest difference between a sum of shares and its change, in nats."""
        return float((self.shares.sum() - self.moved).abs().max())


def change_of(snapshot: Snapshot, horizon: int) -> Change | None:
    """What moved a horizon's probabilities over the last month; None where that was not kept."""
    table = snapshot.shares
    if table.empty:
        return None
    mine = table[(table["date"] == snapshot.day) & (table["horizon"] == horizon)]
    if mine.empty:
        return None
    shares = mine.pivot_table(index="player", columns="regime", values="share", sort=False)
    by_regime = mine.drop_duplicates("regime").set_index("regime")
    return Change(
        horizon=horizon,
        day=snapshot.day,
        since=pd.Timestamp(mine["since"].iloc[0]),
        before=by_regime["before"].reindex(REGIMES),
        now=by_regime["now"].reindex(REGIMES),
        shares=shares.loc[shares.abs().max(axis=1) > _NOTHING, list(REGIMES)],
    )


def why_not(snapshot: Snapshot) -> str:
    """Why a day has no shares."""
    if note := _note(snapshot, "Why the probabilities moved is"):
        return note
    if snapshot.then:
        return (
            "Why the probabilities moved is known of the newest 252 sessions only, and "
            f"{day_words(snapshot.day)} is not one of them. Choose a later day."
        )
    return "Why the probabilities moved was not worked out for this day. Run `regime score`."


def not_told(snapshot: Snapshot, what: str) -> str:
    """Why a day lacks what is kept of published days only.

    Parameters
    ----------
    what : as a note on it begins: "Similar days are", "What moved inside the families is"
    """
    if not snapshot.kept:
        return (
            f"{what} kept of days that were published only, and not of {day_words(snapshot.day)}."
        )
    return _note(snapshot, what) or f"{what} not there: it could not be told for this day."


def _note(snapshot: Snapshot, begins: str) -> str:
    notes = [str(one) for one in snapshot.about.get("notes", [])]
    return " ".join(one for one in notes if one.startswith(begins))


def steps(change: Change, regime: str) -> pd.DataFrame:
    """The shares in a regime's change as steps from before to now, the largest first.

    Returns
    -------
    DataFrame, one row per family that moved it at all
        `player`, `words`, `share` in nats, and `start`, the sum of the shares before.
    """
    share = change.shares[regime]
    share = share[share.abs() > _NOTHING]
    share = share.loc[share.abs().sort_values(ascending=False, kind="stable").index]
    return pd.DataFrame(
        {
            "player": share.index,
            "words": [player_words(one) for one in share.index],
            "share": share.to_numpy(),
            "start": (share.cumsum() - share).to_numpy(),
        }
    )


def sentence(change: Change, regime: str) -> str:
    """What moved a regime, as one says it."""
    before, now = float(change.before[regime]), float(change.now[regime])
    name, since = _NOUNS[regime], day_words(change.since)
    ranked = steps(change, regime).set_index("words")["share"]
    if abs(now - before) < _STILL or ranked.empty:
        pulled = _pulled(ranked)
        return (
            f"{_upper(name)} has hardly moved: {before:.0%} on {since}, {now:.0%} on "
            f"{day_words(change.day)}.{pulled}"
        )
    way, sign = ("rise", 1) if now > before else ("fall", -1)
    told = f"The {way} of {name} from {before:.0%} to {now:.0%} since {since}"
    behind = [one for one in ranked.index if ranked[one] * sign > 0]
    if not behind:
        # Probabilities add up to one: a regime may rise though nothing pulls at it.
        return f"{told} comes from what moved the other two regimes."
    leading = abs(ranked[behind[0]])
    named = [one for one in behind[:_MOST] if abs(ranked[one]) >= _MATTERS * leading]
    against = [one for one in ranked.index if ranked[one] * sign < -_MATTERS * leading]
    said = f"{told} comes mostly from {_and([_lower(one) for one in named])}"
    return f"{said}; {_lower(against[0])} pulled the other way." if against else f"{said}."


def _pulled(ranked: "pd.Series[float]") -> str:
    up, down = ranked[ranked > 0], ranked[ranked < 0]
    if up.empty or down.empty or max(abs(ranked)) < _STILL:
        return ""
    return f" {up.index[0]} pulled it up, {_lower(down.index[0])} down."


def table(change: Change) -> pd.DataFrame:
    """Every family's share in every regime, in nats, as text, and whether they add up.

    Returns
    -------
    DataFrame with `what` and a column per regime
        Probabilities before, the shares, their sum, the change that they are to add up to, and
        probabilities now.
    """
    shares = change.shares.map("{:+.3f}".format)
    shares.insert(0, "what", [player_words(one) for one in shares.index])
    rows = [
        _row(f"Probability on {_date(change.since)}", change.before.map("{:.1%}".format)),
        shares,
        _row("Sum of the shares, nats", change.shares.sum().map("{:+.3f}".format)),
        _row("Change to be explained, nats", change.moved.map("{:+.3f}".format)),
        _row(f"Probability on {_date(change.day)}", change.now.map("{:.1%}".format)),
    ]
    return pd.concat(rows, ignore_index=True).rename(columns={one: short(one) for one in REGIMES})


def _row(what: str, values: "pd.Series[str]") -> pd.DataFrame:
    return pd.DataFrame([{"what": what, **values.to_dict()}])


def adds_up(change: Change) -> str:
    """Whether the shares add up, in a sentence."""
    if change.gap <= ENOUGH:
        return f"The shares add up to the change within {ENOUGH:g} nats."
    return (
        f"The shares miss the change by {change.gap:.2g} nats, more than {ENOUGH:g}: do not rely "
        "on them, and run `regime score`."
    )


def other_answer(snapshot: Snapshot, change: Change) -> str:
    """A warning where the shares explain another answer than the published one; else ""."""
    published = snapshot.probabilities(change.horizon).iloc[-1]
    gap = (published - change.now).abs()
    if gap.max() <= _APART:
        return ""
    regime = str(gap.idxmax())
    spoke = "another version, or an earlier fit of it, spoke of this day"
    if snapshot.about.get("state") == "DEGRADED":
        spoke = "the filter spoke for the model on this day"
    return (
        f"What is explained here is not quite what was published: {short(regime)} "
        f"{change.now[regime]:.1%} against {published[regime]:.1%}, because {spoke}."
    )


# Inside a family -----------------------------------------------------------------------


def inside(snapshot: Snapshot, horizon: int, family: str, regime: str) -> pd.DataFrame:
    """The features of a family that moved a regime most, the largest first.

    Returns
    -------
    DataFrame with `words`, `feature`, `before`, `now`, `unit` and `share` in nats
        Shares add up to the family's. `attrs["exact"]` says whether every order of the features
        was counted, or a draw of them.
    """
    told = snapshot.drivers
    if not told.empty:
        told = told[
            (told["horizon"] == horizon) & (told["family"] == family) & (told["regime"] == regime)
        ]
    if told.empty:
        return pd.DataFrame(columns=["words", "feature", "before", "now", "unit", "share"])
    order = told["share"].abs().sort_values(ascending=False, kind="stable").index
    found = told.loc[order, ["feature", "before", "now", "unit", "share"]].reset_index(drop=True)
    found.insert(0, "words", [title_of({"name": name}) for name in found["feature"]])
    found.attrs = {"exact": bool(told["exact"].all())}
    return found


def families_inside(snapshot: Snapshot, horizon: int) -> list[str]:
    """Families that moved anything, of which it is known what moved inside them."""
    if snapshot.drivers.empty:
        return []
    drivers = snapshot.drivers
    mine = drivers[(drivers["horizon"] == horizon) & (drivers["share"].abs() > _NOTHING)]
    return [str(one) for one in mine["family"].unique()]


# Days like it --------------------------------------------------------------------------


def alike(snapshot: Snapshot) -> pd.DataFrame:
    """Past days most like the snapshot's, nearest first, with regimes in words.

    Returns
    -------
    DataFrame with `date`, `distance` in spreads, `regime` and `followed`, `AHEAD` sessions later
    """
    days = snapshot.similar
    if days.empty:
        return pd.DataFrame(columns=["date", "distance", "regime", "followed"])
    return pd.DataFrame(
        {
            "date": days["date"],
            "distance": days["distance"],
            "regime": [_or_unsettled(one) for one in days["regime"]],
            "followed": [_or_unsettled(one) for one in days["followed"]],
        }
    )


def alike_words(snapshot: Snapshot) -> str:
    """What followed the days most like it, counted by episodes, in sentences."""
    days = snapshot.similar
    settled = days[days["followed"].notna()]
    episodes = int(settled["episode"].nunique())
    counted = settled["followed"].value_counts()
    found = ", ".join(f"{_lower(short(one))} {counted.get(one, 0)}" for one in REGIMES)
    return (
        f"{len(days)} days; of {len(settled)} it is settled which regime led {AHEAD} sessions "
        f"later: {found}. They belong to {episodes} independent "
        f"episode{'' if episodes == 1 else 's'}."
    )


def _or_unsettled(regime: object) -> str:
    return short(regime) if isinstance(regime, str) else "not settled"


# Words ---------------------------------------------------------------------------------


def player_words(player: str) -> str:
    """A family as a strategist says it."""
    return _PLAYERS.get(player) or family_words(player)


def _centred(proba: "pd.Series[float]") -> "pd.Series[float]":
    logs = pd.Series(np.log(np.maximum(proba.to_numpy(np.float64), LEAST)), proba.index)
    return logs - logs.mean()


def _and(names: list[str]) -> str:
    return " and ".join(names)


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]


def _date(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%b %Y}"
