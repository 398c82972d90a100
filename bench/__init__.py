"""The benchmark: one run on one machine that measures the shop against the goals of docs/performance.md.

`make bench` runs all of it; `make bench ARGS="--quick"` a short form, `make bench ARGS="--only orders"` a part.
Nothing here knows a result beforehand, and what could not run says so.
"""
