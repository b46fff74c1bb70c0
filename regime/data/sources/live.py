"""What every source on the network has in common: who it is, and the jobs of one fetch.

A source turns a request into jobs, one for each thing that can fail on its own (a file, a
fund, a company). A job asks `Http` for bytes and parses them into observations; it writes
nothing. So one broken file costs that file, and a parser runs again on archived bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

# What to do about a document that is not laid out as its publisher's should be.
AGAIN = "Fetch it again; if it stays so, report it: the publisher changed its format."


class Http(Protocol):
    """What a job may ask for; `regime.data.network.http` asks the network."""

    def get(
        self,
        url: str,
        *,
        kind: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The whole document, decompressed from its transfer encoding.

        Parameters
        ----------
        kind : {"csv", "json", "zip", "workbook", "page"}
            What it must be; a web page in place of another kind is a fault. A "page" is one
            to look for a link in: any text will do.
        params : query; values of `api_key` and `token` appear in no message and no name

        Raises
        ------
        SourceError
            If it cannot be had whole, in words that name the address.
        """
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What one fetch wants.

    Attributes
    ----------
    now : Timestamp (UTC)
    since : first period wanted; by default all of history
    newest : the newest stored period of each stored series
    keys : by environment variable, the keys and names the user gave, e.g. REGIME_FRED_KEY
    """

    now: pd.Timestamp
    since: pd.Timestamp | None = None
    newest: Mapping[str, pd.Timestamp] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to fetch, named as an error line names it.

    `run` returns observations (columns of `regime.data.observations`), possibly none, and
    raises SourceError.
    """

    name: str
    run: Callable[[Http], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Source:
    """A provider.

    Attributes
    ----------
    name : as in `regime fetch --source NAME`, and as stored with each observation
    endpoint, format, licence, lag : sentences for the reader, with the publisher's address
    hosts : host name -> most requests a second that its rules (or courtesy) allow
    jobs : the jobs of a request
    asks_for : environment variable without which there is nothing to do, or None
    """

    name: str
    title: str
    endpoint: str
    format: str
    licence: str
    lag: str
    hosts: Mapping[str, float]
    jobs: Callable[[Request], list[Job]]
    asks_for: str | None = None
