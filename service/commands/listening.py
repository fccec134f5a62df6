"""The address to serve on: checked and taken before anything slow is loaded."""

import ipaddress
import socket

from service.commands.exits import Exit, Stop

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on loopback.

    Raises Stop for another host (whoever reaches the port may do everything, until access tokens
    exist) and for a port that is taken.
    """
    refuse_open_host(host)
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Its connections inherit it; asyncio sets it only where the protocol is named. Otherwise a
    # small body waits 40 ms behind its headers, until the client acknowledges them.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Stop(
            Exit.PORT_IN_USE,
            f"cannot listen on {host}:{port} ({error.strerror}); stop what listens there, or "
            "choose another port with --port (0 picks a free one)",
        ) from None
    return listener


def refuse_open_host(host: str) -> None:
    """Raises Stop unless every address of the host is loopback."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        raise Stop(Exit.USAGE, f"the host {host!r} cannot be resolved") from None
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise Stop(
            Exit.USAGE,
            f"refusing to listen on {host}: there are no access tokens yet, so anyone who reaches "
            "the port could do everything. Listen on 127.0.0.1 and reach it from elsewhere "
            "through a tunnel: ssh -L 8321:127.0.0.1:8321 THIS-MACHINE",
        )


def address_of(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
