"""Pay on delivery: the money changes hands at the door, and staff record it."""


class PayOnDelivery:
    name = "delivery"
    is_direct = True
    origins = ()
