"""The synchronous face of a board: the same engine, run by one thread of its own."""

from __future__ import annotations

import asyncio
import builtins
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from modelplug.answers import Chunk, Embeddings, Reply
from modelplug.calls import Call
from modelplug.chunks import Chunks

if TYPE_CHECKING:
    from modelplug.switchboard import Switchboard

T = TypeVar("T")


class SyncSwitchboard:
    """`board.sync`: complete, stream and embed without async, from any thread. Arguments and errors are the board's.

    The first call starts one daemon thread with an event loop; `close` ends it and closes the board. In a coroutine
    use the board itself: a synchronous call would stop its event loop, and raises RuntimeError. In IPython and its
    notebooks, where every cell is inside an event loop that waits for the cell anyway, it is welcome.
    """

    def __init__(self, board: Switchboard) -> None:
        self.board = board
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def complete(self, name: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> Reply:
        """As `Switchboard.complete`."""
        return self._run(self.board.complete(name, messages, **options))

    def stream(self, name: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> SyncChunks:
        """As `Switchboard.stream`: `with board.sync.stream(...) as chunks: for chunk in chunks: ...`."""
        return SyncChunks(self, self.board.stream(name, messages, **options))

    def embed(self, name: str, input: str | Sequence[Any], **options: Any) -> Embeddings:
        """As `Switchboard.embed`."""
        return self._run(self.board.embed(name, input, **options))

    def close(self) -> None:
        """Close the board's strategies and end the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self.board.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def forked(self) -> None:
        """Begin anew in a forked process: no thread has come along."""
        self._lock, self._loop, self._thread = threading.Lock(), None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if _stops_a_loop():
            work.close()
            raise RuntimeError(
                "board.sync was called inside an event loop, which it would stop; await the board itself"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        try:
            return future.result()
        except BaseException:  # Ctrl-C in the waiting thread: the call ends too, and is recorded as cancelled
            future.cancel()
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run_loop, args=(loop,), name="modelplug", daemon=True)
                self._thread.start()
            return self._loop


class SyncChunks:
    """A stream as `Chunks` is, for code that is not async."""

    def __init__(self, face: SyncSwitchboard, chunks: Chunks) -> None:
        self._face = face
        self._chunks = chunks

    @property
    def reply(self) -> Reply:
        """As `Chunks.reply`."""
        return self._chunks.reply

    @property
    def call(self) -> Call | None:
        """As `Chunks.call`."""
        return self._chunks.call

    def __enter__(self) -> Self:
        self._face._run(self._chunks.__aenter__())
        return self

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        chunk = self._face._run(_next(self._chunks))
        if chunk is None:
            raise StopIteration
        return chunk

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._face._run(self._chunks.__aexit__(kind, error, traceback))


def _stops_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return not hasattr(builtins, "__IPYTHON__")  # IPython's own mark


async def _next(chunks: Chunks) -> Chunk | None:
    return await anext(chunks, None)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
