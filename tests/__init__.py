"""The tests; see conftest.py for what they are given."""
