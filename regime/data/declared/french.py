"""Portfolios of the Kenneth R. French data library."""

from dataclasses import replace

from regime.data.series import Basis, Series, Unit, daily, monthly

DECILES = ("lo_10", *(f"dec_{number}" for number in range(2, 10)), "hi_10")
QUINTILES = ("lo_20", "qnt_2", "qnt_3", "qnt_4", "hi_20")
THIRDS = ("lo_30", "med_40", "hi_30")
_SIZES = {
    "lo_30": "Smallest 30 % by NYSE size",
    "med_40": "Middle 40 % by NYSE size",
    "hi_30": "Largest 30 % by NYSE size",
    **{name: f"NYSE size quintile {rank}" for rank, name in enumerate(QUINTILES, 1)},
    **{name: f"NYSE size decile {rank}" for rank, name in enumerate(DECILES, 1)},
}

SIZE_BY_BOOK = {
    f"me{size}_bm{book}": f"size quintile {size}, book-to-market quintile {book}"
    for size in range(1, 6)
    for book in range(1, 6)
}
SIZE_BY_PROFIT = {
    f"me{size}_op{profit}": f"size quintile {size}, profitability quintile {profit}"
    for size in range(1, 6)
    for profit in range(1, 6)
}

# As the publisher abbreviates them; `ind10_` and `ind49_` keep the two sets apart.
INDUSTRIES_10 = (
    "NoDur", "Durbl", "Manuf", "Enrgy", "HiTec", "Telcm", "Shops", "Hlth", "Utils", "Other",
)  # fmt: skip
INDUSTRIES_49 = (
    "Agric", "Food", "Soda", "Beer", "Smoke", "Toys", "Fun", "Books", "Hshld", "Clths", "Hlth",
    "MedEq", "Drugs", "Chems", "Rubbr", "Txtls", "BldMt", "Cnstr", "Steel", "FabPr", "Mach",
    "ElcEq", "Autos", "Aero", "Ships", "Guns", "Gold", "Mines", "Coal", "Oil", "Util", "Telcm",
    "PerSv", "BusSv", "Hardw", "Softw", "Chips", "LabEq", "Paper", "Boxes", "Trans", "Whlsl",
    "Rtail", "Meals", "Banks", "Insur", "RlEst", "Fin", "Other",
)  # fmt: skip

# Files come out within two months. A value then serves until the next one is out, with a
# month and a week to spare: 60 + 31 + 39. Returns of a month are kept as long, for they
# are read by name and never stand for the return of a day.
_LAG, _MAX_AGE = 60, 130


def _read_by_name(series: list[Series], *, lowest: float, prefix: str = "") -> list[Series]:
    """These series without a column in the panel of models; the column keeps its name."""
    return [replace(one, id=f"{prefix}{one.id}", modelled=False, lowest=lowest) for one in series]


def _monthly(
    table: str, unit: Unit, measure: str, words: str, names: dict[str, str], prefix: str = ""
) -> list[Series]:
    """One measure of every portfolio of a monthly table; columns are `measure_name`."""
    titles = {f"{measure}_{name}": f"{words}, {title}" for name, title in names.items()}
    lowest = -1.0 if unit is Unit.RETURN else 0.0
    return _read_by_name(
        monthly(table, unit, _LAG, _MAX_AGE, **titles), lowest=lowest, prefix=prefix
    )


_OTHER_DAILY = [
    *daily(
        "french_size_portfolios_vw_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        **{name: _SIZES[name] for name in (*THIRDS, "lo_20", "qnt_3", "qnt_4", "hi_20")},
    ),
    *daily(
        "french_factors_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        smb="Small less big, three-factor model",
        smb_5f="Small less big, five-factor model",
        rmw="Robust less weak operating profitability",
        cma="Conservative less aggressive investment",
    ),
]  # fmt: skip

_TEN_INDUSTRIES = daily(
    "french_10_industries_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
    **{name: f"Value-weighted return, industry {name} of 10" for name in INDUSTRIES_10},
)  # fmt: skip

_SIZE, _BOOK = "french_size_portfolios_monthly", "french_25_size_beme_monthly"
_INDUSTRY, _PROFIT = "french_49_industries_monthly", "french_25_size_op_monthly"
_49 = {name: f"industry {name} of 49" for name in INDUSTRIES_49}
_VW, _EW = "Value-weighted monthly return", "Equal-weighted monthly return"
_FIRMS, _CAP = "Number of firms", "Average market value at the start of the month"
_RATIO = "Value-weighted book-to-market"

SERIES = [
    # Returns of portfolios rebuilt from CRSP: anybody saw the prices at that close.
    *daily(
        "french_size_portfolios_vw_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        qnt_2="Second-smallest NYSE size quintile",
        **{name: f"NYSE size decile {rank}" for rank, name in enumerate(DECILES, 1)},
    ),
    *daily(
        "french_factors_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        mkt_rf="US market less the bill rate",
        hml="Value less growth",
        mom="Winners less losers, 12-2 months",
        rf="One-month bill, return a day",
    ),
    # Book-to-market of portfolios formed each June, one value a month, files out within
    # two months; the ratio of a July is thereby never used before that July is over.
    *monthly(
        "valuation_and_concentration_monthly", Unit.LOG_RATIO, 60, 130,
        log_bm_june_q1_minus_q5="Book-to-market, smallest over largest quintile",
        log_bm_june_q2_minus_q5="Book-to-market, second-smallest over largest quintile",
        value_spread_q1="Book-to-market, cheap over dear, smallest quintile",
        value_spread_q5="Book-to-market, cheap over dear, largest quintile",
    ),
    *monthly(
        "valuation_and_concentration_monthly", Unit.SHARE, 60, 130,
        mcapshare_hi_10="Share of the top NYSE decile in total market value",
    ),
    # The rest is stored and read by name.
    *_read_by_name(_OTHER_DAILY, lowest=-1.0),
    *_read_by_name(_TEN_INDUSTRIES, lowest=-1.0, prefix="ind10_"),
    *_monthly(_SIZE, Unit.RETURN, "vw", _VW, _SIZES),
    *_monthly(_SIZE, Unit.RETURN, "ew", _EW, _SIZES),
    *_monthly(_SIZE, Unit.COUNT, "nfirms", _FIRMS, _SIZES),
    *_monthly(_SIZE, Unit.MILLION_USD, "avgsize", _CAP, _SIZES),
    *_monthly(_BOOK, Unit.RETURN, "vw", _VW, SIZE_BY_BOOK),
    *_monthly(_BOOK, Unit.RETURN, "ew", _EW, SIZE_BY_BOOK),
    *_monthly(_BOOK, Unit.COUNT, "nfirms", _FIRMS, SIZE_BY_BOOK),
    *_monthly(_BOOK, Unit.MILLION_USD, "avgcap", _CAP, SIZE_BY_BOOK),
    *_monthly(_BOOK, Unit.RATIO, "bm_dec", f"{_RATIO} at December prices", SIZE_BY_BOOK),
    *_monthly(_BOOK, Unit.RATIO, "bm_june", f"{_RATIO} at June prices", SIZE_BY_BOOK),
    *_monthly(_INDUSTRY, Unit.RETURN, "vw", _VW, _49, prefix="ind49_"),
    *_monthly(_INDUSTRY, Unit.RETURN, "ew", _EW, _49, prefix="ind49_"),
    *_monthly(_INDUSTRY, Unit.COUNT, "nfirms", _FIRMS, _49, prefix="ind49_"),
    *_monthly(_INDUSTRY, Unit.MILLION_USD, "avgsize", _CAP, _49, prefix="ind49_"),
    *_monthly(_PROFIT, Unit.RETURN, "vw", _VW, SIZE_BY_PROFIT),
    *_monthly(_PROFIT, Unit.RETURN, "ew", _EW, SIZE_BY_PROFIT),
]  # fmt: skip
