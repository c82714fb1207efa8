"""Import and first run in a process that has done nothing yet: python -m bench.rivals.fresh MODULE FOLDER CASE WAY.

MODULE has a function `first(folder, case, way)`. Printed as JSON: `ms`, from before the import of MODULE to the end of
its first run (reading the prices and making them the tool's own is part of it), and `ended_ns` of the system's
monotonic clock, so that whoever started the process can add how long the interpreter took to start.
"""

import importlib
import sys
import time

if __name__ == "__main__":
    begun = time.perf_counter_ns()
    importlib.import_module(sys.argv[1]).first(*sys.argv[2:5])
    ended = time.perf_counter_ns()
    print(f'{{"ms": {(ended - begun) / 1e6:.3f}, "ended_ns": {time.monotonic_ns()}}}')
