"""The forms of the order desk. No two of one page share a field's name, so that each keeps only what was typed into it."""

from wtforms import BooleanField, StringField, TextAreaField

from app.account.forms import Sent

NAMES = {"why": "reason", "said": "text"}  # by the field's name: what the services call it


class DeskForm(Sent):
    """A form of one order. It carries, as `seen`, how the order stood when it was shown."""

    def say(self, problems: dict[str, str]) -> None:
        mine = {service: field for field, service in NAMES.items() if field in self}
        super().say({mine.get(name, name): sentence for name, sentence in problems.items()})

    @property
    def typed(self) -> list[tuple[str, str]]:
        """(label, text) of what was typed, to be read once more where the form is no longer offered."""
        texts = [(field.label.text, field.data) for field in self if isinstance(field, StringField)]
        return [(label, text) for label, text in texts if text]


class ShipForm(DeskForm):
    carrier = StringField("Carrier")
    tracking = StringField("Tracking number")
    link = StringField("Link to follow it")


class CancelForm(DeskForm):
    why = StringField("Reason for cancelling")


class RefundForm(DeskForm):
    amount = StringField("Amount")
    reason = StringField("Reason for the refund")
    restock = BooleanField("Put the goods back on sale")


class NoteForm(DeskForm):
    said = TextAreaField("Note")


class AnswerForm(DeskForm):
    answer = TextAreaField("Your answer")
