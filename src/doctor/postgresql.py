"""What there is to say of a PostgreSQL server: pure."""

from datetime import datetime, timedelta

from src.database.repositories.checkup import Server
from src.doctor.findings import Finding

_OLDEST = 140_000  # the oldest that still gets mended
_PROCESS = 14  # connections that one process of ours takes at most
_CLOCK = timedelta(seconds=2)  # leases of the default 30 s bear 2.7 (docs/scaling.md)


def server(found: Server) -> Finding:
    """Whether it is new enough, keeps what it committed, and has room for a process and its successor."""
    says = f"PostgreSQL {found.version}, {found.used} of {found.connections} connections in use."
    if found.number < _OLDEST:
        return Finding("server", "fail", f"{says} That version is too old.", "use PostgreSQL 14 or newer")
    if not (found.fsync and found.synchronous):
        lost = "A crash of the server may lose what was accepted: fsync or synchronous_commit is off."
        return Finding("server", "warn", f"{says} {lost}", "switch both on for this database")
    if found.connections - found.used < _PROCESS:
        mend = "raise max_connections, or run fewer processes"
        return Finding("server", "warn", f"{says} A process of ours takes up to {_PROCESS}.", mend)
    return Finding("server", "ok", says)


def clock(found: Server, asked: datetime, answered: datetime) -> list[Finding]:
    """Whether its clock and ours differ, by more than the question took; nothing where they agree."""
    ahead, behind = found.clock - answered, asked - found.clock
    off = max(ahead, behind)
    if off <= _CLOCK:
        return []
    way = "ahead of" if ahead > behind else "behind"
    says = f"The database server's clock is {off.total_seconds():.0f} s {way} this machine's: leases compare clocks."
    return [Finding("database clock", "warn", says, "switch time synchronisation (NTP) on at both")]
