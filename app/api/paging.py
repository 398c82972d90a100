"""Lists in parts."""

from urllib.parse import urlencode

from flask import request

from app.api.schemas import LARGEST_OFFSET, PageQuery


def next_of(query: PageQuery, count: int) -> str | None:
    """The address of the part that follows; None for the last one that may be asked for."""
    offset = query.offset + query.limit
    if offset >= count or offset > LARGEST_OFFSET:
        return None
    return f"{request.base_url}?{urlencode(request.args.to_dict() | {'limit': query.limit, 'offset': offset})}"
