"""The bank's leg to the billers: a port with the verbs ``query``, ``post``, ``query_posting``, ``reverse`` and
``reconcile``, and the simulated biller behind it.

What a biller knows (which bills it has posted) is the biller's: the simulated one keeps it in a table of its own and
commits by itself, as a remote one would.
"""
