"""What probabilities were worth after costs: regime value EXPERIMENTS..."""

import json as javascript
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_output

if TYPE_CHECKING:
    import pandas as pd

    from regime.config import ExperimentConfig
    from regime.evaluation.deflated import Tried

_WIDTH = 80


def value(
    experiments: Annotated[
        list[Path],
        typer.Argument(help="Experiments that were compared: files, folders of them, or names."),
    ],
    json: Annotated[Path | None, typer.Option(help="Write every number here.")] = None,
) -> None:
    """Hold the baskets in proportion to the probabilities 21 days ahead, and pay for the trades.

    Walk-forward probabilities of the stored comparison, against portfolios that know nothing and
    against the filter; then the Sharpe ratio of the spread, deflated by all that was scored here.
    Example: regime value filter --json value.json
    """
    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.panel import digest
    from regime.data.store import ObservationStore
    from regime.settings import Settings
    from regime.shipped import find_experiment
    from regime.tracking.results import write_text
    from regime.tracking.sharpes import tried_on
    from regime.tracking.trials import experiment_files

    json = checked_output(json, "--json")
    settings = Settings()
    settings.check_home()
    files = experiment_files([find_experiment(path) for path in experiments])
    configs = [load_experiment(file) for file in files]
    store = ObservationStore(settings.store)
    panel = panel_as_of(store, pd.Timestamp.now("UTC"))
    simulated, panel_digest = store.is_simulated(), digest(panel)
    said = [
        compared(settings.results, config, file, panel_digest)
        for config, file in zip(configs, files, strict=True)
    ]
    by_filter = filter_of(settings.results, panel_digest)
    told = []
    for config, predictions in zip(configs, said, strict=True):
        for baskets in config.baskets:
            tried = tried_on(baskets, settings, simulated=simulated)
            rival = None if config.name == "filter" else by_filter
            found = worth(predictions, rival, panel, baskets, tried)
            told.append({"experiment": config.name, "simulated": simulated, **found})
            tell(told[-1], SIMULATED if simulated else "")
    if json is not None:
        text = javascript.dumps(told, indent=1, allow_nan=False) + "\n"
        write_text(json, text, "values")
        note(f"Values: {json}")


# What was compared


def compared(
    folder: Path, config: "ExperimentConfig", file: Path, panel_digest: str
) -> "pd.DataFrame":
    """Stored predictions at the horizon that is held, if they are of this file and panel."""
    from regime.config import ExperimentConfig
    from regime.evaluation.rotation import HORIZON
    from regime.exceptions import ConfigError, StoreError
    from regime.tracking.results import load_result
    from regime.tracking.trials import configuration_digest

    if HORIZON not in config.labels.horizons:
        raise ConfigError(
            f"{config.name}: baskets are held in proportion to the probabilities {HORIZON} days "
            f"ahead, but it forecasts {list(config.labels.horizons)} days ahead. Add {HORIZON} to "
            f"labels.horizons, and run `regime compare {file}`."
        )
    stored = load_result(folder, config.name)
    about = stored["about"]
    of_the_file = configuration_digest(
        ExperimentConfig.model_validate_json(javascript.dumps(about["config"]))
    )
    if of_the_file != configuration_digest(config):
        raise StoreError(
            f"{config.name}: what was compared is not what {file} says now. "
            f"Run `regime compare {file}`."
        )
    if about["panel_digest"] != panel_digest:
        raise StoreError(
            f"{config.name} was compared on the panel {about['panel_digest']}, but the store now "
            f"gives {panel_digest}: returns may have changed. Run `regime compare {file}`."
        )
    predictions: pd.DataFrame = stored["predictions"]
    return predictions[predictions["horizon"] == HORIZON]


def filter_of(folder: Path, panel_digest: str) -> "pd.DataFrame | None":
    """The filter's stored predictions, if it was compared on this panel."""
    from regime.evaluation.rotation import HORIZON
    from regime.tracking.results import list_results, load_result

    if "filter" not in list_results(folder):
        return None
    stored = load_result(folder, "filter")
    if stored["about"]["panel_digest"] != panel_digest:
        note("The filter was compared on another panel and is left out; compare it again.")
        return None
    predictions: pd.DataFrame = stored["predictions"]
    return predictions[predictions["horizon"] == HORIZON]


# What it was worth


def worth(
    predictions: "pd.DataFrame",
    by_filter: "pd.DataFrame | None",
    panel: "pd.DataFrame",
    baskets: str,
    tried: "Tried",
) -> dict[str, Any]:
    """One basket set: a row per rival and cost, and the deflated Sharpe ratio."""
    from regime.brief.deflation import deflated
    from regime.data.baskets import spliced_returns
    from regime.evaluation import rotation

    held, returns = rotation.on_same_days(
        _of(predictions, baskets), spliced_returns(panel, baskets)
    )
    rival = None if by_filter is None else _of(by_filter, baskets)
    if rival is not None and held.index.isin(rival.index).all():
        rival = rival.loc[held.index]
    elif rival is not None:
        if len(rival):
            note(f"The filter has not said something on each of these days ({baskets} baskets).")
        rival = None
    return {
        "baskets": baskets,
        "value": rotation.value(held, returns, by_filter=rival),
        "deflated": deflated(rotation.daily_spread(held, returns, rotation.JUDGED_AT_BP), tried),
    }


def _of(predictions: "pd.DataFrame", baskets: str) -> "pd.DataFrame":
    from regime.taxonomy import REGIMES

    return predictions[predictions["baskets"] == baskets].set_index("date")[list(REGIMES)]


# In words


def tell(found: dict[str, Any], warning: str) -> None:
    """The table of one basket set, and what follows from it."""
    from regime.brief.deflation import deflated_words
    from regime.brief.value import RIVALS
    from regime.evaluation.rotation import EQUAL_MIX, JUDGED_AT_BP
    from regime.taxonomy import Regime

    rows = found["value"]
    first = rows[0]
    say(
        f"\n{found['experiment']}, {found['baskets']} baskets, {first['earned_from']} to "
        f"{first['earned_to']}: {first['n_days']:,} days"
    )
    if warning:
        say(warning)
    level = f"[{first['interval_level']:.0%}]"
    say(f" cost   a year more {level}       information ratio     turnover  break-even  fell")
    for rival in dict.fromkeys(row["rival"] for row in rows):
        mine = [row for row in rows if row["rival"] == rival]
        other = mine[0]
        say(
            f"against {RIVALS[rival]} (turnover {other['rival_turnover']:.1f}, "
            f"fell {other['rival_max_drawdown']:.0%})"
        )
        for row in mine:
            say(_line(row))
    say(
        "Cost in bp per unit of turnover; turnover times a year; break-even in bp: the cost at\n"
        "which nothing would be left, none where it trades no more than the rival; fell: the\n"
        "deepest fall from a peak. Decided at one close, traded at the next."
    )
    for rival in (EQUAL_MIX, Regime.MEGA_CAP_LED):
        for row in rows:
            if (row["rival"], row["cost_bp"]) == (rival, JUDGED_AT_BP):
                say(f"At {JUDGED_AT_BP:g} bp, against {RIVALS[rival]}: {row['verdict']}.")
    say(textwrap.fill(deflated_words(found["deflated"], found["baskets"]), _WIDTH))


def _line(row: dict[str, Any]) -> str:
    spread = _between(row, "spread", 100, "+.2f")
    ratio = _between(row, "information_ratio", 1, "+.2f")
    even = "none" if row["break_even_bp"] is None else f"{row['break_even_bp']:.1f}"
    return (
        f" {row['cost_bp']:2g} bp  {spread:22}  {ratio:20}  {row['turnover']:8.1f}  {even:>10}  "
        f"{row['max_drawdown']:4.0%}"
    )


def _between(row: dict[str, Any], name: str, scale: float, form: str) -> str:
    """A number and its interval; percent where it is scaled by a hundred."""
    if row[name] is None:
        return "none"
    unit = "%" if scale == 100 else ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    told = f"{scale * row[name]:{form}}{unit}"
    return told if low is None else f"{told} [{scale * low:{form}}, {scale * high:{form}}]"


if __name__ == "__main__":
    run(value)
