"""What an engine offers to services: transactions, readers, and work that one process at a time may do.

Two engines implement it: ``sqlite`` and ``postgresql``. Nobody outside of this folder knows which one it is.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Protocol, TypeVar

from openteller_sandbox.db.statements import Statement

T = TypeVar("T")


class DatabaseError(Exception):
    """The database cannot be used as it is, or now; the message says what to do."""


class EngineError(Exception):
    """What the engine itself refuses: a key that is taken, a statement that it does not understand."""


class EngineUnavailable(EngineError):
    """What the engine cannot do now, and may do later: a full disk, a locked file, a server that is gone."""


class Row(Protocol):
    """A row of a result: its values by name and by position, in order when it is iterated."""

    def __getitem__(self, key: Any, /) -> Any:
        """Give a value by its name or position."""

    def __iter__(self) -> Iterator[Any]:
        """Go through the values."""

    def keys(self) -> Iterable[str]:
        """Give the names."""


class Tx(ABC):
    """A transaction (or, outside an act, a reader) to run statements on. Every method may raise ``EngineError``."""

    __slots__ = ("_before_writing",)

    def __init__(self) -> None:
        self._before_writing: Callable[[Tx], None] | None = None

    def before_writing(self, do: Callable[[Tx], None]) -> None:
        """Have something done before the first statement of ``run`` or ``run_many``."""
        self._before_writing = do

    def _about_to_write(self) -> None:
        do, self._before_writing = self._before_writing, None
        if do is not None:
            do(self)

    @abstractmethod
    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Run and give the first row, or None."""

    @abstractmethod
    def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Run and give every row."""

    @abstractmethod
    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run and give the number of rows that it changed."""

    @abstractmethod
    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]], /) -> None:
        """Run once for each row of parameters."""


class FirstAct:
    """What the first act of a scope that writes something, and is kept, does beside its own.

    Args:
        scope: of which acts; acts that are alone in the whole database count, too.
        do: called before the act writes; again, in the next one, where the act is not kept.
    """

    __slots__ = ("_do", "_done", "_kept", "_scope")

    def __init__(self, scope: str, do: Callable[[Tx], None]) -> None:
        self._scope = scope
        self._do = do
        self._done = self._kept = False

    def fits(self, scope: str | None) -> bool:
        """Tell whether it is still to be done, and in acts of this scope."""
        return not self._kept and scope in {None, self._scope}

    def join(self, tx: Tx) -> None:
        """Be done in an act that has just begun."""
        self._done = False
        tx.before_writing(self._in)

    def _in(self, tx: Tx) -> None:
        self._done = True
        self._do(tx)

    def keep(self) -> None:
        """Hear that the act is kept."""
        self._kept = self._done


class Acting(threading.local):
    """Whether a thread is in an act, and what its next one does first."""

    now = False
    first: FirstAct | None = None


class Database(ABC):
    """A database with a connection for each thread that uses it.

    name: what people may read of where it is. shared: whether other processes may work on it at the same time.
    """

    name: str
    shared: ClassVar[bool]

    def __init__(self) -> None:
        self._acting = Acting()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Be a process that serves it.

        Raises:
            DatabaseError: there can be one only, and another process is it.
        """
        yield

    @contextmanager
    def act(self, scope: str | None = None) -> Iterator[Tx]:
        """Open a transaction: kept whole when the block ends, undone when it raises.

        Acts of one scope, from whatever process, come one after the other: what an act has read there stays true until
        it ends, and events of a world are seen in the order in which they were numbered.

        Args:
            scope: whose rows, and nobody else's, the act changes: the identifier of a world for nearly all, or of
                something that no world's acts change. Without it the act is alone in the whole database.

        Raises:
            EngineError: the engine refuses.
            DatabaseError: acts are gathered, and those before this one are lost already.
        """
        if self._acting.now:
            raise RuntimeError("an act is running: hand its tx on instead of opening another")
        first = self._acting.first
        if first is not None and not first.fits(scope):
            first = None
        with self._transaction(scope) as tx:
            self._acting.now = True
            try:
                if first:
                    first.join(tx)
                yield tx
            finally:
                self._acting.now = False
        if first:
            first.keep()

    def do_first(self, first: FirstAct | None) -> None:
        """Have this thread's next acts do something first, until one of them is kept; None takes that back."""
        self._acting.first = first

    @abstractmethod
    def _transaction(self, scope: str | None) -> AbstractContextManager[Tx]:
        """Begin, and keep or undo."""

    @abstractmethod
    def read(self) -> Tx:
        """Give a reader. Each statement sees what is committed by then, and what this thread has gathered."""

    def while_unchanged(self, key: str, look: Callable[[Tx], T]) -> T:
        """Give what a look-up gives. An engine that knows that nothing was written since gives what it gave before.

        Args:
            key: names the look-up, whatever is looked up.
            look: reads, and gives something that nobody changes.
        """
        del key
        return look(self.read())

    @abstractmethod
    def gather(self, on_gather: Callable[[], None] | None, on_end: Callable[[bool], None] = lambda _: None) -> None:
        """From now on, keep what acts of this thread do in one transaction until ``commit``: one sync to disk for all.

        An act that raises is still undone alone. What an act has done is seen by this thread at once and durable after
        ``commit`` only, so whoever gathers holds back every answer until then. An engine that is shared gathers
        nothing: each act is durable when it ends, and nobody waits for the rest of a turn.

        Args:
            on_gather: called when the first act of a transaction begins; None to gather no more.
            on_end: called when what was gathered by then is durable (True) or undone (False), whoever has committed:
                also an act that had to be on disk before the world hears of it.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make durable what was gathered.

        Raises:
            DatabaseError: it cannot be; all of it is undone.
        """

    @abstractmethod
    def relax(self) -> None:
        """From now on, do not wait for the disk when acts of this thread end.

        What they have done outlives the death of the process, and is in order with what others have done; the last of
        it may be undone by a power cut. For acts that are simply done again then, and nobody was told of.
        """

    @abstractmethod
    def alone(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Do something that only one process at a time does, of whatever length; acts may be opened inside.

        What a process was doing alone another one may do as soon as it has died.

        Args:
            name: of what is done.
            wait: for whoever is at it; else give False, and do nothing then.
        """

    @abstractmethod
    def alone_of_all(self, name: str) -> AbstractContextManager[None]:
        """Do something that only one process at a time does, whichever engine this is; acts may be opened inside.

        Raises:
            DatabaseError: another process is at it.
        """

    @abstractmethod
    def breathe(self) -> None:
        """Between two acts of a long work, let those write who wait; nothing where nobody does."""

    @abstractmethod
    def is_missing(self) -> bool:
        """Tell, without making one, whether there is no database yet."""

    @abstractmethod
    def prepare(self) -> bool:
        """Make the tables where they are missing; give whether the database was new.

        Raises:
            DatabaseError: it is of another version, no database, or cannot be reached.
        """

    @abstractmethod
    def discard(self) -> None:
        """Delete the database, which could not be made ready."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""
