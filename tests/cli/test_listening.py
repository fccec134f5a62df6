"""Only loopback is served."""

import socket

import pytest

from service.commands.exits import Exit, Stop
from service.commands.listening import address_of, listen, refuse_open_host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no.such.host.invalid", ""])
def test_open_hosts_are_refused(host: str) -> None:
    with pytest.raises(Stop) as caught:
        refuse_open_host(host)
    assert caught.value.code is Exit.USAGE
    assert host in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_loopback_is_served(host: str) -> None:
    refuse_open_host(host)


def test_port_zero_picks_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_what_it_accepts_sends_small_answers_at_once() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_said_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Stop) as caught:
            listen("127.0.0.1", taken.getsockname()[1])
    assert caught.value.code is Exit.PORT_IN_USE
