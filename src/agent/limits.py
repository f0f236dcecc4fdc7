"""How much of a review's time, memory and output strangers' files may take."""

from dataclasses import dataclass

_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one analysis may take. What is over it is named in `Analysis.unread` and never fails the rest."""

    files: int = 3000
    file_bytes: int = 512 * _KIB
    seconds: float = 60.0  # for all of it
    run_seconds: float = 10.0  # for one run of a process over many files, and for one file alone
    memory_bytes: int = 1024 * _KIB * _KIB  # of address space, for each process
    output_bytes: int = 96 * _KIB * _KIB  # of one process
    findings_per_file: int = 2000
    findings: int = 150_000  # of all files, for each engine; grave ones have as much room again
    bytes_in_all: int = 96 * _KIB * _KIB  # of all files: three times what a thousand of the standard library have
    line_length: int = 120  # code points
