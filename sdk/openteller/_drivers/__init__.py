"""Doing what a call asks for: sending, sleeping, keeping the token.

One blocking driver and one for async programs, both on httpx2's transports, and a transport that calls a WSGI
application in this process.

No rule stands here; see ``openteller._core``. Types and exceptions of httpx2 do not leave this folder.
"""
