"""The tables of METHOD.md, from scores."""

from training.markdown import score_markdown


def row(name, horizon, loss, *, se=0.01, baskets="french"):
    return {
        "experiment": name,
        "baskets": baskets,
        "horizon": horizon,
        "log_loss": loss,
        "edge": 1 - loss,
        "edge_low": 0.9 - loss,
        "edge_high": 1.1 - loss,
        "edge_se": se,
        "edge_se_block_126": 0.008,
        "edge_se_block_504": 0.012,
        "detectable_edge": 0.025,
        "ece": 0.02,
        "ece_low": 0.01,
        "ece_high": 0.03,
        "ece_if_calibrated": 0.015,
        "ece_if_calibrated_high": 0.028,
        "test_from": "1975-01-02",
        "test_to": "2024-12-24",
        "n_episodes": 109,
    }


def test_each_basket_set_has_its_tables_with_the_best_model_first():
    rows = [row("worse", 0, 0.9), row("worse", 21, 1.2), row("better", 0, 0.8)]
    rows += [row("better", 21, 1.1), row("filter", 0, 1.0, se=0.0, baskets="funds")]
    text = score_markdown(rows)
    french, funds = text.split("**funds**")
    assert french.startswith("**french** baskets, 1975-01-02 to 2024-12-24, 109 episodes:")
    lines = [line for line in french.splitlines() if line.startswith("|")]
    assert lines[0] == "| model | now | in 21 days |"
    assert lines[2] == (
        "| better | 0.800, +0.200 [+0.100, +0.300] | 1.100, -0.100 [-0.200, +0.000] |"
    )
    assert lines[3].startswith("| worse | 0.900")
    assert "| better | 0.008 / 0.010 / 0.012; 0.025 |" in french
    assert "| better | 0.020 [0.010, 0.030]; 0.015, up to 0.028 |" in french
    assert "| filter | 1.000 |" in funds
    assert "smallest" not in funds  # nothing but the filter, whose edge over itself has no error


def test_a_horizon_that_a_model_does_not_forecast_is_an_empty_cell():
    text = score_markdown([row("one", 0, 0.9), row("one", 21, 1.0), row("other", 21, 0.95)])
    assert "| other |  | 0.950, +0.050 [-0.050, +0.150] |" in text
