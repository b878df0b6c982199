"""How a call goes, without doing any of it.

Nothing here opens a connection, sleeps, starts a thread or awaits. A call is a generator that yields what it wants done
(``Send``, ``Sleep``, ``Authorise``) and is told what came of it; a driver does the doing. So the rules on retries,
deadlines, tokens and errors stand once, for the blocking and for the concurrent client.
"""
