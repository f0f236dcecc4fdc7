"""Whether the tunnel's agent names an address, and which."""

from dataclasses import replace

from src.doctor.findings import Finding, Inputs
from src.webhook.tunnel import NoAddress, address, open_local

_CHECK = "tunnel"


async def check(inputs: Inputs) -> tuple[list[Finding], Inputs]:
    """The finding, and what is to be examined with the address that the agent named.

    An address that the operator gave is looked at as PUBLIC_URL is: there is nothing to say here.
    """
    tunnel = inputs.tunnel
    if tunnel is None or tunnel.given is not None:
        return [], inputs
    async with open_local() as session:
        try:
            found = await address(session, tunnel)
        except NoAddress as error:
            mend = f"let {tunnel.kind} lead to port {inputs.port}, or say where it answers in TUNNEL_AGENT_URL"
            return [Finding(_CHECK, "fail", f"The tunnel has no address: {error}.", mend)], inputs
    return [Finding(_CHECK, "ok", f"{tunnel.kind} names {found}.")], replace(inputs, public_url=found)
