"""`flask catalog import`, `flask catalog export`, `flask demo load`."""

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models.catalog import Product, Variant
from app.models.payment import ShippingMethod
from app.services import digital
from tests.goods import shelf

CUPS = "sku,product,options,price,on_hand\nCUP-R,Cup,red,3.00,4\nCUP-B,Cup,blue,3.50,2\n"


@pytest.fixture
def flask(app, app_context):
    """Runs a command: flask("catalog import", "-", file=…)."""

    def run(command: str, *more: str, file: str | bytes | None = None):
        db.session.rollback()
        return app.test_cli_runner().invoke(args=[*command.split(), *more], input=file)

    return run


def how_many(model) -> int:
    db.session.rollback()
    return db.session.execute(select(func.count(model.id))).scalar_one()


def test_a_file_is_taken_in(flask, tmp_path):
    file = tmp_path / "cups.csv"
    file.write_text(CUPS)

    done = flask("catalog import", str(file))

    assert (done.exit_code, done.stdout) == (0, "2 new, 0 changed, 0 unchanged.\n")
    assert "Reading: 3 of 3\nWriting: 2 of 2\n" in done.stderr
    assert flask("catalog import", str(file)).stdout == "0 new, 0 changed, 2 unchanged.\n"


def test_standard_input_is_a_file_too(flask):
    assert flask("catalog import -", file=CUPS).exit_code == 0
    assert how_many(Variant) == 2


def test_a_dry_run_writes_nothing(flask):
    done = flask("catalog import --dry-run -", file=CUPS)

    assert done.stdout == "Nothing was written. It would be: 2 new, 0 changed, 0 unchanged.\n"
    assert how_many(Product) == 0


def test_bad_rows_are_named_and_nothing_is_changed(flask):
    done = flask("catalog import -", file=CUPS + "X,Jug,,free,\nY,Jug,,4\n")

    assert (done.exit_code, done.stdout, how_many(Product)) == (1, "", 0)
    assert "line 4: “free” is not an amount of money such as 12.50\nline 5: 4 cells where the header has 5\n" in done.stderr
    assert done.stderr.endswith("Error: The file has mistakes; nothing was changed.\n")


def test_bad_rows_can_be_skipped(flask):
    done = flask("catalog import --skip-bad -", file=CUPS + "X,Jug,,free,\n")

    assert (done.exit_code, done.stdout) == (0, "2 new, 0 changed, 0 unchanged, 1 skipped.\n")
    assert "line 4: “free” is not an amount of money" in done.stderr


def test_an_unknown_header_says_what_was_expected(flask):
    done = flask("catalog import -", file="code,title\n")

    assert done.exit_code == 1
    assert "line 1: the header is not one we know: expected our columns (at least sku, product, price)" in done.stderr


def test_a_file_that_is_not_there_is_named(flask):
    done = flask("catalog import nowhere.csv")

    assert done.exit_code == 2
    assert "nowhere.csv" in done.stderr


@pytest.mark.settings(CURRENCY="EUR")
def test_prices_are_read_in_the_shops_currency(flask):
    flask("catalog import -", file=CUPS)

    assert ",3.00,EUR," in flask("catalog export").stdout
    assert flask("catalog import -", file="sku,name,price_gbp\nA,Cup,3\n").exit_code == 1


def test_an_export_goes_to_standard_output_and_comes_in_again(flask):
    flask("catalog import -", file=CUPS.replace("red", "röd / stor"))

    done = flask("catalog export")

    assert done.stdout_bytes.decode().splitlines() == [
        "sku,product,options,price,currency,on_hand,category,description,origin,weight_grams,is_digital,image",
        "CUP-R,Cup,röd / stor,3.00,GBP,4,,,,0,no,",
        "CUP-B,Cup,blue,3.50,GBP,2,,,,0,no,",
    ]
    assert flask("catalog import -", file=done.stdout_bytes).stdout == "0 new, 0 changed, 2 unchanged.\n"


def test_an_empty_shop_exports_the_header(flask):
    assert len(flask("catalog export").stdout.splitlines()) == 1


# ------------------------------------------------------------------------------------------------ the demo


def test_the_demo_fills_the_shop_once(flask):
    first, second = flask("demo load"), flask("demo load")

    assert first.exit_code == second.exit_code == 0
    variants = how_many(Variant)
    assert first.stdout == f"Demo: {variants} new, 0 changed, 0 unchanged; 3 shipping methods changed.\n"
    assert second.stdout == f"Demo: 0 new, 0 changed, {variants} unchanged; 0 shipping methods changed.\n"
    assert (first.stderr, how_many(Product) >= 20) == ("", True)


def test_the_demos_guide_can_be_fetched(flask):
    flask("demo load"), flask("demo load")

    guide = db.session.execute(select(Variant.download).where(Variant.sku == "GUIDE-PDF")).scalar_one()

    assert b"Six ways to make coffee" in shelf().path(guide).read_bytes()
    assert [row.sku for row in digital.goods() if row.file] == ["GUIDE-PDF"]


def test_the_demos_first_delivery_fits_any_parcel_at_home(flask):
    flask("demo load")

    columns = (ShippingMethod.code, ShippingMethod.countries, ShippingMethod.min_weight_grams, ShippingMethod.max_weight_grams)
    methods = db.session.execute(select(*columns).where(ShippingMethod.is_active).order_by(ShippingMethod.position)).all()

    assert methods[0] == ("standard", "GB", 0, None)
    assert [method.code for method in methods] == ["standard", "express", "europe"]


def test_a_shop_with_products_is_left_alone_if_asked(flask):
    flask("catalog import -", file=CUPS)

    done = flask("demo load --if-empty")

    assert (done.exit_code, done.stdout) == (0, "The shop has products already; the demo was not loaded.\n")
    assert how_many(Variant) == 2


@pytest.mark.settings(CURRENCY="EUR")
def test_a_shop_in_another_currency_starts_empty(flask):
    asked, optional = flask("demo load"), flask("demo load --if-empty")

    assert (asked.exit_code, optional.exit_code, how_many(Product)) == (1, 0, 0)
    assert optional.stdout == "The demo's prices are in GBP; a shop that sells in EUR starts empty.\n"
