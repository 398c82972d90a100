"""Where tests keep their files: in memory where there is plenty, since nothing of theirs need outlive them."""

import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 1024**3


def folder() -> str | None:
    """A folder in memory with room for all that tests write; None where there is none."""
    is_there = os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free >= ENOUGH_BYTES
    return str(SHARED_MEMORY) if is_there else None


def keep_files() -> None:
    """Let temporary files of this process and of those it starts lie there, unless TMPDIR says where they should."""
    if "TMPDIR" not in os.environ and (place := folder()):
        os.environ["TMPDIR"] = tempfile.tempdir = place
