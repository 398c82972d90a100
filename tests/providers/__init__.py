"""A payment provider of our own: Stripe Checkout, PayPal Orders v2 and Zarinpal v4 spoken by one server on a loopback port.

It is as strict as they are: what they require, refuse or count differently, it does too. A test starts it, gives its settings to
the shop, and is the shopper, the bank and the network:

    with Provider() as provider:
        app = create_app(provider.settings() | …)           # or environment(), for a shop in a process of its own
        …the shop starts a payment…
        sale = provider.latest("stripe")          # what the shop asked for: amount in our minor units, currency, keys
        provider.approve(sale.reference)          # the shopper pays; also decline, expire, pend (days of waiting)
        provider.return_url(sale.reference)       # where their browser is sent then; cancel_url for who gives up
        provider.refund(sale.reference, 500)      # somebody sends money back in the provider's own pages
        webhook = provider.webhook("paid", sale.reference)
        provider.deliver(webhook, shop_url)       # → HTTP status; deliver it twice, late, before the shop has the answer

- `kind` of a webhook: paid, approved, declined, expired, refunded, disputed, unknown. `forged=True` has a signature of nobody's,
  `age=…` seconds lets it be signed so long ago, `id=…` names the event, `secret=…` signs with another of Stripe's secrets. A
  webhook has `path`, `body` and `headers`, for who posts it in another way. Zarinpal has none: LookupError.
- `provider.trouble = "hang"` makes every answer bad, until None: see TROUBLES. `with provider.troubled("lose", "refund"):` does
  so for the requests whose path has that word.
- `provider.lie(reference, amount_minor=1)` lets a payment be shown otherwise than it is: amount_minor, currency, merchant,
  order_key, reference.
- `provider.asked` is all that it was asked: gateway, path, fields, headers. `provider.sales` are its payments by reference, each
  with its `state` and its `refunds`; `provider.money(reference)` is what the shop has of it in minor units.
- Shoppers can be sent to its pages too: the address that the shop is given shows buttons, which do the same.
"""

from tests.providers.provider import TROUBLES, Asked, Back, Provider, Sale, Webhook

__all__ = ["TROUBLES", "Asked", "Back", "Provider", "Sale", "Webhook"]
