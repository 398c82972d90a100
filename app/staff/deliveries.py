"""Deliveries: lists of goods that came, corrected in a preview, then put on the shelf all at once."""
