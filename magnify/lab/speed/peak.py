"""Runs a command and prints, as the last line, the most bytes of memory that it held.

It is run as a module, in a process of its own. A process counts the memory of the one that started
it as its own, so that one must be small.
"""

import os
import subprocess
import sys

UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    with subprocess.Popen(sys.argv[1:]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    print(usage.ru_maxrss * UNIT, flush=True)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
