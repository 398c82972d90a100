"""Pay on delivery: the money changes hands at the door, and staff record it."""

from app.gateways.shape import PaymentStart, Started


class PayOnDelivery:
    name = "delivery"
    is_direct = True
    origins = ()

    def start(self, request: PaymentStart) -> Started:
        raise NotImplementedError("a direct payment leads nowhere")
