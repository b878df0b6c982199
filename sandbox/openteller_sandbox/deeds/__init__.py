"""The log of a world: what was done in it, sealed, in the order in which it was done.

A deed is a request of an app, a form that a payer has sent, something that fell due, or a move of the clock. Whatever
is one is done inside ``service.doing``: time stands still in it, and identifiers are drawn from a seed of its own. The
deed is written in the first act that it keeps, so that the log and what it tells of are kept together or not at all;
what changes nothing is no deed.
"""
