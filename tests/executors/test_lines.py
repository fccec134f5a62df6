import socket

import pytest

from service.executors.lines import MAX_LINE_BYTES, BrokenLine, JsonLines


@pytest.fixture
def pipe():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield JsonLines(ours), theirs


def test_half_a_line_is_kept_until_the_rest_arrives(pipe):
    lines, peer = pipe
    peer.sendall(b'{"a": 1}\n{"b"')
    assert lines.receive(wait=False) == [b'{"a": 1}']
    assert lines.receive(wait=False) == []
    peer.sendall(b": 2}\n")
    assert lines.receive(wait=False) == [b'{"b": 2}']


def test_what_a_dead_peer_had_sent_is_read_before_the_end(pipe):
    lines, peer = pipe
    lines.send(b"an order that nobody reads", wait=False)
    peer.sendall(b"1\n2\n3")
    peer.close()
    assert lines.receive(wait=False) == [b"1", b"2"]
    assert not lines.ended
    assert lines.receive(wait=False) == []
    assert lines.ended


def test_sending_to_a_full_pipe_does_not_wait(pipe):
    lines, _ = pipe
    with pytest.raises(BlockingIOError):
        lines.send(b"x" * 10_000_000, wait=False)


def test_a_line_without_end_is_refused(pipe):
    lines, peer = pipe
    peer.setblocking(False)
    chunk = b"x" * 65536
    with pytest.raises(BrokenLine):
        for _ in range(2 * MAX_LINE_BYTES // len(chunk)):
            peer.send(chunk)
            lines.receive(wait=False)
