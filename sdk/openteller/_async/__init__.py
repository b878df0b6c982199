"""The client for async programs: the source from which the blocking one in ``_sync`` is generated.

Only ``await``, ``async`` and the names in ``tools/build_sync.py`` may differ between the two.
"""
