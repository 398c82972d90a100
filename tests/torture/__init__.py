"""The torture room: races, kills, faults and hostile input, long and with a seed. `make test` runs one short round of each."""
