"""A frame of the SEC is dollars by company, or what is wrong with it is named."""

import pandas as pd
import pytest
from replay.filers import fact, frame

from regime.data.declared.filers import SERIES
from regime.data.sources import filers
from regime.data.sources.filers import (
    ASSETS,
    INCOME,
    TOTAL,
)  # fmt: skip
from regime.exceptions import SourceError


@pytest.fixture
def few(monkeypatch):
    """Frames of two companies are large enough."""
    monkeypatch.setattr(filers, "FEWEST", 2)
    monkeypatch.setattr(filers, "FEWEST_IN_DEBT", 2)


def parsed(*facts, tag=INCOME, year=2023, **options):
    return filers.parse(frame(tag, year, facts), tag, year, **options).to_dict()


def test_a_frame_is_dollars_by_company(few):
    assert parsed(fact(20, -3_500_000), fact(10, 1.5)) == {10: 1.5, 20: -3_500_000.0}
    assert filers.code(INCOME, 2023) == "CY2023"
    assert filers.code(ASSETS, 2023) == "CY2023Q4I"


def test_of_a_company_there_twice_the_later_end_counts_then_the_later_filing(few):
    told = [
        fact(1, 10, end="2023-12-30", accn="0000000001-25-000009"),
        fact(1, 11, end="2023-12-31", accn="0000000001-24-000001"),  # the later end
        fact(2, 20, accn="0000000009-24-000500"),
        fact(2, 21, accn="0000000002-25-000001"),  # filed a year later, whoever sent it in
        fact(3, 30, accn="0000000002-24-000007"),
        fact(3, 31, accn="0000000002-24-000012"),
    ]
    for order in (told, told[::-1]):
        assert parsed(*order) == {1: 11.0, 2: 21.0, 3: 31.0}


def test_figures_of_a_day_whose_report_may_be_due_after_the_lag_are_left_out(few):
    ends = ["2023-06-30", "2024-01-10", "2024-01-11", "2024-01-31"]
    told = [fact(at, at, end=end) for at, end in enumerate(ends, 1)]
    assert parsed(*told) == {1: 1.0, 2: 2.0}
    # 90 days after the last of them its report is due, and that day the lag is over.
    due = pd.Timestamp("2024-01-10") + pd.Timedelta(days=90)
    assert SERIES[0].known_at(pd.DatetimeIndex(["2023-12-31"]))[0] == pd.Timestamp(
        due + pd.Timedelta(days=1), tz="UTC"
    )


def text(*facts):
    return frame(INCOME, 2023, facts or (fact(10, 1), fact(20, -2))).decode()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"USD"', '"EUR"', r"needs the frame of that line and year in USD, found one of .*EUR"),
        ('"CY2023"', '"CY2022"', "found one of .*CY2022"),
        ('"tag": "NetIncomeLoss"', '"tag": "ProfitLoss"', "found one of .*ProfitLoss"),
        ('"pts": 2', '"pts": 3', "needs as many figures as it says, 3, found 2"),
        ('"pts": 2', '"points": 2', "as it says, None, found 2"),
        ('"data": [', '"rows": [', "as it says, 2, found none"),
        (text(), "[]", "found one of"),
        (text(), "null", "found one of"),
        (text(), "[" * 100_000, "needs JSON, found 100,000 bytes that are none"),
        (text(), "<!DOCTYPE html><html>Please wait</html>", "needs JSON, found 39 bytes"),
        (text(), "", "needs JSON, found 0 bytes"),
        ('"cik": 10', '"cik": "10"', "figure 0: needed a company, a day, a value and its filing"),
        ('"cik": 10', '"cik": true', "figure 0: needed a company"),
        ('"val": -2', '"val": null', "figure 1: .*'val': None"),
        ('"val": -2', '"val": "-2"', "figure 1: needed"),
        ('"val": -2', '"val": NaN', "figure 1: needed"),
        ('"val": -2', f'"val": {"9" * 400}', "figure 1: needed"),
        ('"2023-12-31"', '"2023-12-32"', "figure 0: .*2023-12-32"),
        ('"2023-12-31"', '"20231231"', "figure 0: needed"),
        ('"2023-12-31"', "20231231", "figure 0: needed"),
        ('"accn": "0000000010-24-000010"', '"accn": "10-24-10"', "figure 0: needed"),
        ('"accn": "0000000010-24-000010"', '"filing": 7', "figure 0: needed"),
        ('[{', '[7, {', "needs as many figures as it says, 2, found 3"),
        ('"data": [', '"data": [7, 7], "was": [', "figure 0: needed .*, found '7'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_frame_is_named(few, old, new, message):
    changed = text().replace(old, new, 1)
    assert changed != text()
    with pytest.raises(SourceError, match=message) as error:
        filers.parse(changed.encode(), INCOME, 2023)
    assert str(error.value).startswith("NetIncomeLoss of CY2023")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("share", [0.01, 0.4, 0.99, 0.9999])
def test_the_beginning_of_a_frame_is_refused(few, share):
    content = text(*(fact(at, at) for at in range(50))).encode()
    with pytest.raises(SourceError, match=r"needs JSON, found .* bytes that are none, ending"):
        filers.parse(content[: int(share * len(content))], INCOME, 2023)


def test_a_frame_beyond_all_size_is_not_read(few, monkeypatch):
    monkeypatch.setattr(filers, "LARGEST", len(text()) - 1)
    with pytest.raises(SourceError, match=r"needs at most [\d,]+ bytes, found"):
        filers.parse(text().encode(), INCOME, 2023)


def test_too_few_companies_are_too_early_while_reports_come_in_and_a_fault_later():
    told = [fact(at, at) for at in range(1, 1000)]
    with pytest.raises(SourceError, match=r"needs 1,000 companies, found 999. It is too early"):
        parsed(*told, fills=True)
    with pytest.raises(SourceError, match=r"found 999. .* so it is a fault"):
        parsed(*told)
    # A company that is there twice is one.
    with pytest.raises(SourceError, match="found 999"):
        parsed(*told, told[0])
    assert len(parsed(*told, fact(1000, 1))) == 1000
    assert len(parsed(*told[:300], tag=TOTAL)) == 300
    with pytest.raises(SourceError, match="LongTermDebt of CY2023Q4I needs 300 companies, found 2"):
        parsed(*told[:299], tag=TOTAL)
