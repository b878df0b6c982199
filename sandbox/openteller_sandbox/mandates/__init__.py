"""Payments within bounds that a customer has set at the bank, and what was used of each mandate."""
