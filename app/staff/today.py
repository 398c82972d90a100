"""Today: what waits for somebody, and how the shop did lately."""

from dataclasses import dataclass

from flask import current_app
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.services import today as service
from app.services.accounts import Member
from app.services.today import Day, Waiting
from app.staff import bp, pages
from app.staff.pages import staff_only

CHART_WIDTH, CHART_HEIGHT = 600, 140
BAR, GAP = 14, 6


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits: how many of it, in words for one and for many, and where it is done."""

    count: int
    one: str
    many: str
    path: str
    is_urgent: bool = False

    @property
    def told(self) -> str:
        return str(self.count) if self.count <= service.MOST else f"{service.MOST}+"


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in the units of its view box."""

    x: int
    y: int
    height: int
    is_weekend: bool


@bp.get("")
@staff_only
def today(member: Member) -> AnyResponse:
    """What waits for somebody behind the counter, and what the last days came to."""
    zone = web.SHOP.zone
    days = service.takings(zone)
    return pages.page(
        "today",
        tasks=tasks(service.waiting()),
        days=days,
        bars=bars(days),
        chart={"width": CHART_WIDTH, "height": CHART_HEIGHT, "bar": BAR},
        best=max(days, key=lambda each: each.takings_minor),
        sellers=service.best_sellers(zone),
        currency=current_app.config["CURRENCY"],
    )


def tasks(waiting: Waiting) -> list[Task]:
    """What there is to do, what cannot wait first."""
    every = [
        Task(waiting.payments, "payment needs a look", "payments need a look", "/staff/payments", is_urgent=True),
        Task(waiting.refunds, "refund was refused", "refunds were refused", "/staff/payments", is_urgent=True),
        Task(
            waiting.overdue_holds,
            "order waits for its payment too long",
            "orders wait for their payment too long",
            "/staff/orders?state=unpaid",
            is_urgent=True,
        ),
        Task(
            waiting.messages,
            "message could not be sent",
            "messages could not be sent",
            "/staff/messages?state=failed",
            is_urgent=True,
        ),
        Task(waiting.requests, "shopper asks for something", "shoppers ask for something", "/staff/orders?state=attention"),
        Task(waiting.to_pack, "order to pack", "orders to pack", "/staff/orders?state=pack"),
        Task(
            waiting.to_yield,
            "digital order waits for a code or a file",
            "digital orders wait for a code or a file",
            "/staff/orders?state=mail",
        ),
        Task(waiting.sold_out, "thing is sold out", "things are sold out", "/staff/alerts"),
        Task(waiting.low, "thing runs low", "things run low", "/staff/alerts"),
    ]
    return [task for task in every if task.count]


def bars(days: list[Day]) -> list[Bar]:
    """The bars of the chart, the highest day as high as it is; a day with sales is never without a bar."""
    most = max(day.takings_minor for day in days) or 1
    heights = [-(-day.takings_minor * CHART_HEIGHT // most) for day in days]
    return [
        Bar(place * (BAR + GAP), CHART_HEIGHT - height, height, day.day.weekday() >= 5)
        for place, (day, height) in enumerate(zip(days, heights, strict=True))
    ]
