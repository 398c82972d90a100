"""Whether the parts of the shop work: one row for each, written rarely."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

ERROR_MAX = 200  # characters


class Heartbeat(Model):
    """When one part last worked, since when it fails, and whether somebody was told.

    Its name is worker, mail, anonymising or gateway:<name>.
    """

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    ok_at: Mapped[datetime | None]  # when it last worked; None: never yet
    failed_at: Mapped[datetime | None]  # since when it has failed, without working between
    last_error: Mapped[str] = mapped_column(String(ERROR_MAX), default="")  # of the last failure; never personal data
    alarmed_at: Mapped[datetime | None]  # when its owner was told of the trouble; None: they know of none
    done: Mapped[int] = mapped_column(default=0)  # how many things its last run did, where runs are counted
