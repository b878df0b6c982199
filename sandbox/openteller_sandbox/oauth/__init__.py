"""The authorization server, on Authlib: the client credentials grant, opaque tokens kept as hashes, metadata (RFC
8414).

Wall time decides here, never bank time. Further grants register beside the first one in ``server``; tokens of every
kind go through ``service``.
"""
