"""Ports that nobody else takes meanwhile."""

import random
import socket
from pathlib import Path

_GIVEN_BY_THE_KERNEL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def free_port() -> int:
    """One of 127.0.0.1 that is free, to be listened on a moment later.

    It is none of those that the kernel gives to whoever asks for any, or to connections: one of these would have it
    now and then by that time, or after a restart.
    """
    first_given = int(_GIVEN_BY_THE_KERNEL.read_text().split()[0]) if _GIVEN_BY_THE_KERNEL.exists() else 49_152
    ports = list(range(_LOWEST, max(first_given, _LOWEST + 10_000)))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody has it
            return port
    raise OSError("no port is free")
