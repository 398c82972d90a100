-- Prints one line that bench/load.py reads: requests, microseconds, p50, p99, the longest in microseconds, then answers >= 400 and broken lines.
done = function(summary, latency, requests)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("figures %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max, summary.errors.status, broken))
end
