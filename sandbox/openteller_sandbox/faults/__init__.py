"""Faults that a partner orders for its own world: an operation that fails, answers late or loses its answer, and a
biller that does. Decides whether a fault strikes; what a strike does is up to who was struck.
"""
