"""Disputes about payments that have succeeded, and the clerk of the sandbox who decides them."""
