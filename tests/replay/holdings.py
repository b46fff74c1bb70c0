"""Holdings files of index funds as their issuers serve them: a workbook, and CSV."""

import io
import zipfile
from xml.sax.saxutils import escape

import pandas as pd

from regime.data.calendar import last_closed_session, trading_days
from regime.data.sources.holdings import ISHARES, PRODUCTS, SPDR

SPDR_KEY = SPDR.removeprefix("https://")
CASH = ("US DOLLAR", "-", "999USDZ92", "", 0.2, "-", 1724799064.7, "USD")
GIANTS = {
    "NVDA": ("NVIDIA CORP", 8.0), "AAPL": ("APPLE INC", 7.0), "MSFT": ("MICROSOFT CORP", 6.0),
    "AMZN": ("AMAZON.COM INC", 4.0), "GOOGL": ("ALPHABET INC CL A", 2.2),
    "GOOG": ("ALPHABET INC CL C", 1.8), "META": ("META PLATFORMS INC CLASS A", 2.5),
    "TSLA": ("TESLA INC", 2.0), "BRK.B": ("BERKSHIRE HATHAWAY INC CL B", 1.7),
}  # fmt: skip
OTHERS = 60  # companies beside them
NAMES = {"IWM": "iShares Russell 2000 ETF", "IJR": "iShares Core S&P Small-Cap ETF",
         "OEF": "iShares S&P 100 ETF"}  # fmt: skip
SHARES = {"IWM": 278_700_000, "IJR": 751_250_000, "OEF": 83_450_000}
HEADER = ["Name", "Ticker", "Identifier", "SEDOL", "Weight", "Sector", "Shares Held",
          "Local Currency"]  # fmt: skip
COLUMNS = (
    "Ticker,Name,Sector,Asset Class,Market Value,{},Notional Value,Quantity,Price,Location,"
    "Exchange,Currency,FX Rate,Market Currency,Accrual Date"
)


def key(ticker: str) -> str:
    """Where the file of a fund is."""
    if ticker == "SPY":
        return SPDR_KEY
    return ISHARES.format(PRODUCTS[ticker]).removeprefix("https://")


def documents(*, now: pd.Timestamp) -> dict[str, bytes]:
    """Files of all funds, of the session before the last that closed by `now`."""
    last = last_closed_session(now)
    day = trading_days(last - pd.Timedelta(days=10), last)[-2]
    made = {key(ticker): ishares(ticker, day) for ticker in NAMES}
    return made | {SPDR_KEY: spdr(rows(), day)}


def filler(position: int) -> str:
    """A ticker of four letters."""
    return "Z" + "".join(chr(65 + position // 26**power % 26) for power in (2, 1, 0))


def rows() -> list[tuple]:
    """Lines of SPY: the giants, others that fill up to 100, and cash."""
    told = [
        (name, ticker, "67066G104", "2379504", weight, "-", 1000, "USD")
        for ticker, (name, weight) in GIANTS.items()
    ]
    left = 100 - CASH[4] - sum(weight for _, weight in GIANTS.values())
    told += [
        (f"COMPANY {at}", filler(at), "594918104", "2588173", left / OTHERS, "-", 10, "USD")
        for at in range(OTHERS)
    ]
    return [*told, CASH]


def spdr(lines: list[tuple], day: pd.Timestamp, ticker: str = "SPY") -> bytes:
    """State Street's workbook of these lines."""
    return workbook(
        [
            ["Fund Name:", "SPDR S&P 500 ETF Trust"],
            ["Ticker Symbol:", ticker],
            ["Holdings:", f"As of {day:%d-%b-%Y}"],
            [],
            HEADER,
            *lines,
            [],
            ["Before investing, consider the fund's objectives, risks, charges and expenses."],
        ]
    )


def workbook(cells: list) -> bytes:
    """An Excel workbook with one sheet of these rows; an empty cell is left out."""
    body = []
    for row, values in enumerate(cells, start=1):
        written = []
        for column, value in enumerate(values):
            place = f'r="{chr(65 + column)}{row}"'
            if isinstance(value, str):
                text = f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
                written.append(text if value else "")
            else:
                written.append(f"<c {place}><v>{value!r}</v></c>")
        body.append(f'<row r="{row}">{"".join(written)}</row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    packages = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    members = {
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="holdings" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(body)}'
        "</sheetData></worksheet>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            member = zipfile.ZipInfo(name)  # without the time of day: the same bytes again
            written = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
            archive.writestr(member, written, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def ishares(ticker: str, day: pd.Timestamp, *, members: int = 80) -> bytes:
    """BlackRock's file of a fund; IJR's with futures, and so with another column of weights."""
    futures = ticker == "IJR"
    lines = [
        NAMES[ticker],
        f'Fund Holdings as of,"{day:%b %d, %Y}"',
        'Inception Date,"May 22, 2000"',
        f'Shares Outstanding,"{SHARES[ticker]:,}.00"',
        'Stock,"-"',
        "\xa0",
        COLUMNS.format("Market Weight" if futures else "Weight (%)"),
    ]
    for at in range(members):
        symbol = "MOGA" if at == 0 else "Q" + filler(at)
        lines.append(line(symbol, f"SMALL {at} CLASS A", "Equity", f"{99.6 / members:.6f}"))
    lines.append(line("XTSLA", "BLK CSH FND TREASURY SL AGENCY", "Money Market", "0.30"))
    lines.append(line("USD", "USD CASH", "Cash", "0.10"))
    lines.append(line("RTYZ4", "RUSSELL 2000 EMINI DEC 24", "Futures", "-" if futures else "0.00"))
    lines += ["\xa0", '"The content contained herein is owned or licensed by its owners."']
    return ("\ufeff" + "\n".join(lines) + "\n").encode()


def line(ticker: str, name: str, kind: str, weight: str) -> str:
    """A line of a fund of BlackRock."""
    exchange = "NASDAQ" if kind == "Equity" else "-"
    cells = [ticker, name, "Industrials", kind, "1,000.00", weight, "1,000.00", "10.00", "100.00",
             "United States", exchange, "USD", "1.00", "USD", "-"]  # fmt: skip
    return ",".join(f'"{cell}"' for cell in cells)
