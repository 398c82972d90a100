"""How the desk speaks of orders."""

from app.services.order_list import ATTENTION, STATES

STATE_WORDS = {
    "pack": "To pack",
    "mail": "To hand over by e-mail",
    "unpaid": "Waiting for payment",
    "failed": "Payment failed",
    "sent": "Sent",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
}
FILTERS = [("", "Every order"), (ATTENTION, "Needs somebody"), *((state, STATE_WORDS[state]) for state in STATES)]
TROUBLE_WORDS = {
    "cancel": "asks to cancel",
    "return": "asks to send it back",
    "payment": "look at the payment",
    "refund": "a refund was refused",
    "codes": "codes are missing",
}
EVENT_WORDS = {
    "HOLD": "waits for payment",
    "FAILED": "the payment failed",
    "PROCESSING": "accepted",
    "SHIPPED": "marked as sent",
    "COMPLETED": "completed",
    "CANCELLED": "cancelled",
    "REFUNDED": "refunded",
    "": "money was sent back",
}
PAYMENT_WORDS = {
    "CREATED": "not paid yet",
    "PENDING": "the shopper is paying",
    "AUTHORISED": "agreed to, not taken yet",
    "CAPTURED": "paid",
    "PARTIALLY_REFUNDED": "paid, a part went back",
    "REFUNDED": "went back",
    "FAILED": "declined",
    "CANCELLED": "called off",
    "EXPIRED": "not paid in time",
    "MISMATCH": "does not fit the order",
}
REFUND_WORDS = {"QUEUED": "on its way", "DONE": "sent", "REFUSED": "refused by the provider"}
ACTOR_WORDS = {
    "shopper": "the shopper",
    "worker": "the shop itself",
    "cli": "by command",
    "gateway": "the payment provider",
}
WORDS = {
    "states": STATE_WORDS,
    "troubles": TROUBLE_WORDS,
    "events": EVENT_WORDS,
    "payments": PAYMENT_WORDS,
    "refunds": REFUND_WORDS,
    "actors": ACTOR_WORDS,
}
