"""Stores of customers' tokens: in memory, in a file, in Redis. What a store has to do stands in ``_core/store.py``."""
