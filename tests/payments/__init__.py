"""What can become of a payment: one table of scenarios, played with every provider, at every door, on both databases.

`test_scenarios.py` is the table; each of its tests is a row for each provider, and says what happens to a `Shop` (`shop.py`). How
somebody orders stands in `doors.py`, how a provider is made to do something in `tellers.py`; no test knows which it has.
"""
