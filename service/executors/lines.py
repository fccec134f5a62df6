"""JSON lines over a connected stream socket: the only thing that executors and workers exchange."""

import socket

CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 4 << 20


class BrokenLine(Exception):
    """The peer sent something that is not a JSON line of an acceptable size."""


class JsonLines:
    """One end of a pipe for JSON documents, one a line.

    Reading never waits for the rest of a line: a peer that was frozen in the middle of a write
    must not freeze its reader. What a dead peer had sent before is still read, in order.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._partial = bytearray()
        self.ended = False
        """Whether the peer is gone and everything it sent was read."""

    def fileno(self) -> int:
        """For `multiprocessing.connection.wait`."""
        return self._socket.fileno()

    def send(self, document: bytes, *, wait: bool) -> None:
        """Send one document (without line breaks).

        Raises BlockingIOError when `wait` is false and the pipe is full, and another OSError
        when the peer is gone.
        """
        self._socket.sendall(document + b"\n", 0 if wait else socket.MSG_DONTWAIT)

    def receive(self, *, wait: bool) -> list[bytes]:
        """Complete lines that are there, at most CHUNK_BYTES at a time.

        With `wait` it blocks until something arrives. Sets `ended` at the end of the stream.
        Raises BrokenLine when a line exceeds MAX_LINE_BYTES.
        """
        try:
            chunk = self._socket.recv(CHUNK_BYTES, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except ConnectionError:
            # The peer died with unread orders in its pipe; what it sent has been read by now.
            chunk = b""
        if not chunk:
            self.ended = True
            return []
        self._partial += chunk
        *lines, rest = self._partial.split(b"\n")
        self._partial = rest
        if len(rest) > MAX_LINE_BYTES:
            raise BrokenLine(f"a line of more than {MAX_LINE_BYTES} bytes")
        return [bytes(line) for line in lines]

    def close(self) -> None:
        """Close this end; the peer reads the end of the stream."""
        self._socket.close()
