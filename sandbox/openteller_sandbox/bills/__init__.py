"""Fetching what an account owes, within what the biller's presentment shows."""
