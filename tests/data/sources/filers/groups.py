"""The groups of companies that are told apart."""

from regime.data.declared.filers import LOSS_MAKERS

SMALL, LARGE = LOSS_MAKERS["small"], LOSS_MAKERS["large"]
