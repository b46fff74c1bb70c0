"""Why the probabilities moved: which family did it, which of its features, and when it was so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.brief.signal_words import family_words, short, title_of
from regime.brief.snapshot import Snapshot
from regime.explained import AHEAD, FILTER, LEAST, MEMORY
from regime.scoring import Basis
from regime.taxonomy import REGIMES
from regime.tracking.wording import day_words, listed

ENOUGH = 1e-6  # nats; a sum nearer to the change than this adds up
NO_FORECAST = (
    "This is memory, not a forecast. In our test, 160 days from 1983 to 2024, what had followed "
    f"the 20 most similar days told no more of what came {AHEAD} sessions later than equal odds: "
    "a log loss of 1.116 nats against 1.099."
)
PROPORTIONS = (
    "Shares count in proportion, less the mean of the three regimes: where another rose more in "
    "proportion, as from 3% to 9%, a regime that rose too may have shares below zero."
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
_SAID_THEN = {Basis.LIVE, Basis.LATE}


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


def opening(change: Change, called: str) -> str:
    """The regime to tell of first: the called one or, where it hardly moved, who moved most."""
    moved = (change.now - change.before).abs()
    if moved[called] >= _STILL or moved.max() < _STILL:
        return called
    return str(moved.idxmax())


def asked_for(
    told: Mapping[str, str], horizons: Sequence[int]
) -> tuple[int | None, str | None, str]:
    """The `horizon` and `regime` that an address asks for; None each where it does not.

    Returns
    -------
    tuple
        Horizon, regime, and what of the address was not understood, or "".
    """
    horizon, regime = told.get("horizon"), told.get("regime")
    by_text = {str(one): one for one in horizons}
    lost = []
    if horizon is not None and horizon not in by_text:
        lost.append(f"the horizon “{horizon[:20]}”, which is none of {listed(list(by_text))}")
    if regime is not None and regime not in REGIMES:
        lost.append(f"the regime “{regime[:20]}”, which is none of {listed(list(REGIMES))}")
    words = f"The address asks for {listed(lost)}; what the page opens on is shown." if lost else ""
    return by_text.get(horizon or ""), regime if regime in REGIMES else None, words


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
    said = f"{told} comes mostly from {listed([_lower(one) for one in named])}"
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
        return "The shares add up to the whole change."
    return (
        f"The shares miss the change by {change.gap:.2g} nats, more than {ENOUGH:g}: do not rely "
        "on them, and run `regime score`."
    )


def other_answer(snapshot: Snapshot, change: Change) -> str:
    """A warning where the shares explain other answers than those that were said; else ""."""
    told = [_said_since(snapshot, change), _said_now(snapshot, change)]
    return " ".join(one for one in told if one)


def _said_since(snapshot: Snapshot, change: Change) -> str:
    rows = snapshot.scores
    rows = rows[(rows["date"] == change.since) & (rows["horizon"] == change.horizon)]
    if rows.empty:
        return ""
    row = rows.iloc[-1]
    said = row[list(REGIMES)].astype("float64")
    if not (names := _differing(said, change.before)):
        return ""
    # On an earlier day the shares are of a version that served later.
    who = "the model explained here"
    if not snapshot.then and snapshot.about.get("state") == "PUBLISHED":
        who = f"version {snapshot.about['model_version']}"
    whose = "Today and History show"
    if row["basis"] in _SAID_THEN:
        whose = "what was said that day:"
    elif row["basis"] == Basis.WALK_FORWARD:
        whose = "Today and History show what an earlier fit said, which had not seen the day:"
    gives = listed([f"{_lower(short(name))} {change.before[name]:.1%}" for name in names])
    return (
        f"Looking back to {day_words(change.since)}, {who} gives {gives}; {whose} "
        f"{listed([f'{said[name]:.1%}' for name in names])}."
    )


def _said_now(snapshot: Snapshot, change: Change) -> str:
    published = snapshot.probabilities(change.horizon).iloc[-1]
    if not (names := _differing(published, change.now)):
        return ""
    spoke = "another version, or an earlier fit of it, spoke of this day"
    if snapshot.about.get("state") == "DEGRADED":
        spoke = "the filter spoke for the model on this day"
    told = [f"{short(one)} {change.now[one]:.1%} against {published[one]:.1%}" for one in names]
    return (
        f"What is explained here is not quite what was published: {listed(told)}, because {spoke}."
    )


def _differing(said: "pd.Series[float]", explained: "pd.Series[float]") -> list[str]:
    """Regimes of which both say another thing; where none differs much, the one that does most."""
    gap = (said - explained).abs()
    if gap.max() <= _APART:
        return []
    return [str(one) for one in gap.index[gap >= _STILL]] or [str(gap.idxmax())]


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


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]


def _date(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%b %Y}"
