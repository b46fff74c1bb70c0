"""What explains a day is worked out as it is published, and kept while it stays true."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.bundle import fit_bundle
from regime.call import regime_call
from regime.config import ExperimentConfig
from regime.data.panel import digest
from regime.service.explaining import A_MONTH, A_YEAR, AT_FIRST, explained
from regime.taxonomy import REGIMES

KINDS = {"filter": {}, "gaussian_hmm": {"n_init": 1, "n_iter": 5, "random_state": 0}}


@pytest.fixture(scope="module")
def spoken(market):
    """By kind, what there is to explain on the last day of a market."""

    def speak(kind):
        sets = {} if kind == "filter" else {"sets": ("leads",)}
        config = ExperimentConfig(
            name=kind,
            baskets=("funds",),
            features=sets,
            labels={"horizons": (0, 21)},
            training={"every": 3 if kind == "filter" else 1},
            model={"kind": kind, "params": KINDS[kind]},
        )
        bundle = fit_bundle(config, "funds", market[:"2005-12-30"])
        said = bundle.predict_proba(market, pd.Timestamp("2006-01-03"))
        now = said[said["horizon"] == 0].set_index("date")[list(REGIMES)]
        return bundle, said, regime_call(now)

    return speak


@pytest.mark.parametrize(("kind", "days"), [("filter", A_YEAR), ("gaussian_hmm", AT_FIRST)])
def test_shares_of_every_day_that_is_explained_add_up(market, spoken, kind, days):
    told, notes = explained(spoken(kind)[0], market, *spoken(kind)[1:])
    assert not notes
    shares = told["shares"]
    assert shares["date"].nunique() == days
    by = ["date", "horizon", "regime"]
    logs = np.log(shares.drop_duplicates(by).set_index(by)[["before", "now"]].clip(lower=1e-6))
    centred = logs - logs.groupby(level=["date", "horizon"]).transform("mean")
    change = centred["now"] - centred["before"]
    gap = shares.groupby(by)["share"].sum() - change
    assert gap.abs().max() < 1e-6
    sessions = market.index
    back = sessions.get_indexer(shares["date"]) - sessions.get_indexer(shares["since"])
    assert set(back) == {A_MONTH}


def test_shares_are_kept_only_of_the_same_model_and_the_same_rows(market, spoken):
    bundle, said, calls = spoken("filter")
    day = market.index[-2]
    before, _ = explained(bundle, market[:day], said[said["date"] <= day], calls[:day])
    # Marked, so that what was kept can be told from what was told anew.
    marked = before["shares"].assign(share=7.0)
    about = {
        "explained_by": "this",
        "explained_until": f"{day:%Y-%m-%d}",
        "panel_digest": digest(market[:day]),
    }
    former = {"about": about, "shares": marked}
    kept, _ = explained(bundle, market, said, calls, model="this", former=former)
    new = kept["shares"]["date"] == market.index[-1]
    assert (kept["shares"].loc[~new, "share"] == 7.0).all()
    assert (kept["shares"].loc[new, "share"] != 7.0).any()
    anew, _ = explained(bundle, market, said, calls, model="this")
    for other in (about | {"explained_by": "that"}, about | {"panel_digest": "revised"}):
        told, _ = explained(
            bundle, market, said, calls, model="this", former={"about": other, "shares": marked}
        )
        assert_frame_equal(told["shares"], anew["shares"])


def test_a_part_that_cannot_be_told_costs_nothing_but_itself(market, spoken, monkeypatch):
    def fail(*args, **more):
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr("regime.service.explaining.flip_levels", fail)
    bundle, said, calls = spoken("filter")
    told, notes = explained(bundle, market, said, calls)
    assert told["flips"].empty
    assert len(told["shares"])
    assert len(notes) == 1
    assert "singular" in notes[0]
