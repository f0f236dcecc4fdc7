"""A tunnel to this machine: its agent is asked for our address, and the hooks follow where that changes."""

from src.webhook.tunnel.agents import AGENTS, NoAddress, Tunnel, address, open_local
from src.webhook.tunnel.watch import Watch

__all__ = ["AGENTS", "NoAddress", "Tunnel", "Watch", "address", "open_local"]
