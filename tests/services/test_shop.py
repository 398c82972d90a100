"""What managers say of the shop wins over the environment, at once and in every process; untouched fields follow it."""

from dataclasses import asdict, replace

import pytest
from flask import current_app
from sqlalchemy import select

from app.extensions import db, transaction
from app.models.catalog import Variant
from app.models.shop import ShopSetting
from app.services import audit, catalog, editing, importing, layouts, shop
from app.services.editing import EditConflict
from app.services.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("app_context")
ACTOR = "cli"


def now() -> shop.Shop:
    return shop.current(current_app.config)


def save(seen: str | None = None, **changed: str) -> None:
    """Save the form as it is, but for these fields."""
    typed = {name: str(value) for name, value in asdict(now()).items()} | changed
    known = editing.seen(now(), shop.NAMES) if seen is None else seen
    shop.save(typed, settings=current_app.config, seen=known, actor=ACTOR)


@pytest.mark.settings(
    SHOP_NAME="Corner Shop",
    SHOP_EMAIL="hello@corner.example",
    SHOP_TIMEZONE="Asia/Seoul",
    COMPANY_NAME="Corner Ltd",
    VAT_NUMBER="GB1",
)
def test_an_untouched_shop_is_what_the_environment_says():
    assert (now().name, now().email, now().sender) == ("Corner Shop", "hello@corner.example", "hello@corner.example")
    assert (now().timezone, now().company, now().low_stock_below) == ("Asia/Seoul", ["Corner Ltd", "VAT GB1"], 3)


def test_what_was_saved_wins():
    save(name="Corner Shop", email="hello@corner.example", company_address="1 High Street\nLondon", low_stock_below="7")

    assert (now().name, now().sender, now().low_stock_below) == ("Corner Shop", "hello@corner.example", 7)
    assert now().company == ["1 High Street", "London"]


def test_a_field_that_nobody_changed_goes_on_following_the_environment():
    save(name="Corner Shop")

    current_app.config["SHOP_EMAIL"] = "new@corner.example"

    assert (now().name, now().email) == ("Corner Shop", "new@corner.example")
    assert db.session.execute(select(ShopSetting.name)).scalars().all() == ["name"]


def test_a_field_may_be_emptied_whatever_the_environment_says():
    current_app.config["COMPANY_NAME"] = "Corner Ltd"

    save(company_name="")

    assert now().company_name == ""


def test_saving_makes_every_page_another_page_and_is_written_down():
    before = catalog.revision()

    save(name="Corner Shop")

    assert catalog.revision() == before + 1
    entry = audit.entries()[0]
    assert (entry.action, entry.subject) == ("shop changed", "shop")
    assert (entry.before, entry.after) == ({"name": "Till Coffee"}, {"name": "Corner Shop"})


def test_saving_what_stands_changes_nothing():
    before = catalog.revision()

    save()

    assert (catalog.revision(), audit.entries()) == (before, [])


def test_what_was_read_once_is_not_asked_for_again(app):
    now()
    with transaction() as t:  # behind the shop's back: the revision stays
        t.execute(ShopSetting.__table__.insert().values(name="name", value="Nobody"))

    assert now().name == "Till Coffee"


def test_the_second_of_two_managers_is_told_what_the_first_saved():
    seen = editing.seen(now(), shop.NAMES)
    save(name="First", vat_number="GB1")

    with pytest.raises(EditConflict) as conflict:
        save(seen, name="Second", vat_number="GB1")

    assert conflict.value.theirs == {"name": "First"}
    assert now().name == "First"
    save(conflict.value.seen, name="Second")
    assert now().name == "Second"


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", " ", "Enter the name"),
        ("name", "x" * 81, "80 is the most"),
        ("name", "Till\r\nBcc: all@shop.example", "cannot be stored"),
        ("email", "", "Enter the e-mail"),
        ("email", "hello", "an e-mail address alone"),
        ("mail_from", "Till <till@shop.example>", "an e-mail address alone"),
        ("timezone", "Europe/Atlantis", "no such time zone"),
        ("timezone", "../../etc/passwd", "no such time zone"),
        ("timezone", "", "no such time zone"),
        ("low_stock_below", "-1", "whole number"),
        ("low_stock_below", "1_0", "whole number"),
        ("company_address", "a\x00b", "cannot be stored"),
        ("invoice_prefix", "much too long", "12 is the most"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(field, typed, words):
    with pytest.raises(InvalidInput) as error:
        save(**{field: typed})

    assert list(error.value.fields) == [field]
    assert words in error.value.fields[field]
    assert now() == replace(now(), name="Till Coffee")


def test_new_variants_begin_with_the_shops_level_of_low_stock():
    save(low_stock_below="9")

    importing.take_in(layouts.read(b"sku,product,price,on_hand\nMUG,Mug,9.00,4\n", currency="GBP"), actor="cli")

    assert db.session.execute(select(Variant.low_stock_below)).scalar_one() == 9
