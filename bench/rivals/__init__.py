"""Other people's back-testers on the same prices and rules as ours: bt, vectorbt, and a bare loop for comparison.

They live in a virtual environment of their own (requirements-bench.txt), run as child processes, and print JSON.
"""
