"""The way through the back office: its floors, and the rooms of each, as whoever works here may open them."""

from dataclasses import dataclass

from app.services.accounts import Member


@dataclass(frozen=True, slots=True)
class Room:
    """A list of the back office, where it is, and whether it is for managers only."""

    path: str
    name: str
    for_managers: bool = False

    def is_around(self, path: str) -> bool:
        """Whether this page is in the room."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Floor:
    """Rooms that belong together; the first that one may open is where its link leads."""

    name: str
    rooms: tuple[Room, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """What the navigation shows on one page: every floor, and the rooms of the one that the page is on."""

    floors: tuple[Floor, ...]
    floor: Floor | None
    room: Room | None


FLOORS = (
    Floor("Today", (Room("/staff", "Today"),)),
    Floor("Orders", (Room("/staff/orders", "Orders"), Room("/staff/payments", "Payments"))),
    Floor(
        "Products",
        (
            Room("/staff/products", "Products"),
            Room("/staff/categories", "Categories"),
            Room("/staff/discounts", "Discounts", for_managers=True),
        ),
    ),
    Floor("Stock", (Room("/staff/stock", "Stock"), Room("/staff/alerts", "Alerts"), Room("/staff/deliveries", "Deliveries"))),
    Floor("Customers", (Room("/staff/customers", "Customers"),)),
    Floor(
        "Shop",
        (
            Room("/staff/settings", "Settings", for_managers=True),
            Room("/staff/messages", "Messages"),
            Room("/staff/people", "People", for_managers=True),
            Room("/staff/audit", "Trail", for_managers=True),
        ),
    ),
)


def way(member: Member | None, path: str) -> Way:
    """What somebody may open, and where among it this page is."""
    open_ones = [(floor, tuple(room for room in floor.rooms if may_open(member, room))) for floor in FLOORS]
    floors = tuple(Floor(floor.name, rooms) for floor, rooms in open_ones if rooms)
    around = [(floor, room) for floor in floors for room in floor.rooms if room.is_around(path)]
    floor, room = max(around, key=lambda found: len(found[1].path), default=(None, None))
    return Way(floors, floor, room)


def may_open(member: Member | None, room: Room) -> bool:
    return member is not None and (member.is_manager if room.for_managers else member.is_staff)
