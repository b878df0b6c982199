"""Bringing payments where they are needed, and incidents that can be played.

Nothing here writes a state: it acts as the payer, moves the simulated biller and the clock, and has the bank do now
what it would do later. Whatever follows is the bank's own doing.
"""
