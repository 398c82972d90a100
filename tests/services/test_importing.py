"""Catalogue files taken in: three layouts, every kind of bad row, and the same file twice."""

import pytest
from sqlalchemy import insert, select, update

from app.extensions import db, transaction
from app.models.catalog import Category, Product, Variant
from app.models.stock import StockAlert, StockMovement
from app.services import audit, catalog, exporting, importing, layouts, stock
from app.services.errors import BadFile
from tests.factories import a_variant
from tests.planting import a_hold

pytestmark = pytest.mark.usefixtures("app_context")

OURS = "sku,product,options,price,currency,on_hand,category,description,origin,weight_grams,is_digital,image\n"
TEAS = OURS + (
    "ASSAM-100,Assam,100 g,4.50,GBP,12,Tea,Malty and **strong**.,India,110,no,\n"
    "ASSAM-250,Assam,250 g,9.80,GBP,0,Tea,,,260,no,\n"
    "CARD,Gift card,,10,,5,Gifts,,,,yes,\n"
)


def take_in(file: str | bytes, **options):
    data = file if isinstance(file, bytes) else file.encode()
    return importing.take_in(layouts.read(data, currency="GBP"), actor="test", **options)


def counts(file: str | bytes, **options) -> tuple[int, int, int]:
    report = take_in(file, **options)
    return report.new, report.changed, report.unchanged


def problems(file: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as caught:
        take_in(file)
    assert not rows(Product.name)
    return caught.value.problems


def rows(*columns):
    model = columns[0].class_
    return [row[0] if len(columns) == 1 else tuple(row) for row in db.session.execute(select(*columns).order_by(model.id))]


def variant(sku: str) -> Variant:
    db.session.rollback()
    return db.session.execute(select(Variant).where(Variant.sku == sku)).scalar_one()


def exported() -> str:
    return "".join(exporting.as_csv())


# ------------------------------------------------------------------------------------------------ our layout


def test_a_command_that_takes_a_file_in_is_in_the_trail_when_it_changes_something():
    sheet = layouts.read(TEAS.encode(), currency="GBP")
    for dry_run in (True, False, False):
        importing.take_in(sheet, actor="cli", dry_run=dry_run)

    [entry] = audit.entries()
    assert (entry.actor, entry.action, entry.subject) == ("cli", "catalogue imported", "catalogue")
    assert entry.after == {"new": 3, "changed": 0}


def test_rows_of_one_product_name_are_its_variants():
    assert counts(TEAS) == (3, 0, 0)

    assert rows(Product.slug, Product.name, Product.variant_count) == [("assam", "Assam", 2), ("gift-card", "Gift card", 1)]
    assert rows(Variant.sku, Variant.options, Variant.position, Variant.price_minor) == [
        ("ASSAM-100", "100 g", 0, 450),
        ("ASSAM-250", "250 g", 1, 980),
        ("CARD", "", 0, 1000),
    ]
    assert rows(Variant.weight_grams, Variant.is_digital) == [(110, False), (260, False), (0, True)]


def test_what_lists_and_search_need_is_filled_in():
    take_in(TEAS)

    assam = db.session.execute(select(Product).where(Product.slug == "assam")).scalar_one()

    assert (assam.summary, assam.name_key, assam.price_minor, assam.is_listed) == ("Malty and strong.", "assam", 450, True)
    assert assam.lead_variant_id == variant("ASSAM-100").id
    assert all(word in assam.search_text for word in ("malty", "india", "tea", "250 g", "assam-250"))
    assert len(assam.label_version) == 8
    assert catalog.search("malty").count == 1


def test_only_sku_product_and_price_are_required():
    assert counts("price,product,sku\n3,Cup,cup-1\n") == (1, 0, 0)

    cup = variant("CUP-1")
    assert (cup.on_hand, cup.is_listed, cup.product.is_listed, cup.currency) == (0, False, False, "GBP")
    assert not rows(StockMovement.delta)


def test_categories_come_in_the_order_of_the_file():
    take_in(TEAS + "X,Cup,,1,,1,tea,,,,,\n")

    assert rows(Category.slug, Category.name, Category.position) == [("tea", "Tea", 0), ("gifts", "Gifts", 1)]


def test_a_bom_crlf_blanks_and_empty_lines_do_no_harm():
    file = "\ufeff SKU , Product ,price\r\n\r\n  cup-1 ,  Cup\u0301 ,  3.00  \r\n,,\r\n"

    assert counts(file) == (1, 0, 0)
    assert rows(Product.name) == ["Cuṕ"]


def test_a_quoted_description_keeps_its_lines():
    take_in('sku,product,price,description\r\nA,Cup,3,"One.\r\n\r\nTwo."\r\n')

    assert rows(Product.description, Product.summary) == [("One.\n\nTwo.", "One.")]


def test_two_descriptions_of_one_product_are_noted():
    report = take_in("sku,product,options,price,origin\nA,Cup,red,3,Wales\nB,Cup,blue,3,Kent\n")

    assert report.notes == ((3, "the origin is not that of line 2, which counts for this product"),)
    assert rows(Product.origin) == ["Wales"]


# ------------------------------------------------------------------------------------------------ again


def test_the_same_file_twice_changes_nothing():
    take_in(TEAS)
    before, revision = exported(), catalog.revision()

    assert counts(TEAS) == (0, 0, 3)
    assert (exported(), catalog.revision()) == (before, revision)
    assert len(rows(StockMovement.delta)) == 2


def test_a_change_raises_the_revision_once():
    take_in(TEAS)
    revision = catalog.revision()

    assert counts(TEAS.replace("4.50", "4.60")) == (0, 1, 2)
    assert catalog.revision() == revision + 1


def test_a_new_price_remembers_the_old_one():
    take_in(TEAS)

    take_in(TEAS.replace("4.50", "4.60"))

    assam = variant("ASSAM-100")
    assert (assam.price_minor, assam.previous_price_minor, assam.product.price_minor) == (460, 450, 460)
    assert assam.price_changed_at is not None
    assert variant("CARD").price_changed_at is None


def test_what_a_file_does_not_say_stays():
    take_in(TEAS)
    before = exported()

    assert counts("sku,product,price,on_hand,description\nASSAM-100,Assam,4.50,,\n") == (0, 0, 1)
    assert exported() == before


def test_a_product_is_renamed_through_its_skus_and_keeps_its_address():
    take_in(TEAS)

    assert counts(TEAS.replace(",Assam,", ",Assam No. 1,")) == (0, 2, 1)
    assert rows(Product.slug, Product.name) == [("assam", "Assam No. 1"), ("gift-card", "Gift card")]
    assert catalog.search("No. 1").count == 1


def test_a_new_sku_joins_the_product_of_its_name():
    take_in(TEAS)

    assert counts("sku,product,options,price,on_hand\nASSAM-500,Assam,500 g,15,3\n") == (1, 0, 0)
    assert rows(Product.variant_count) == [3, 1]
    assert variant("ASSAM-500").position == 2


def test_a_variant_with_another_name_moves():
    take_in(TEAS)
    file = TEAS.replace("ASSAM-250,Assam,", "ASSAM-250,Big Assam,").replace("260,no", "260,no").replace("GBP,0,", "GBP,9,")

    assert counts(file) == (0, 2, 1)
    assert rows(Product.name, Product.variant_count, Product.price_minor, Product.is_listed) == [
        ("Assam", 1, 450, True),
        ("Gift card", 1, 1000, True),
        ("Big Assam", 1, 980, True),
    ]
    assert catalog.search("assam-250").count == 1
    assert counts(file) == (0, 0, 3)


def test_variants_that_could_not_be_told_apart_are_products_of_their_own():
    file = "sku,product,price\nA,Metal sign,3\nB,Metal sign,4\n"

    assert counts(file) == (2, 0, 0)
    assert rows(Product.slug, Product.variant_count) == [("metal-sign", 1), ("metal-sign-b", 1)]
    assert counts(file) == (0, 0, 2)


def test_a_slug_that_is_taken_gets_the_sku():
    take_in("sku,product,price\nA,Café!,3\nB,Cafe,4\nC,café B,5\nD,紅茶,6\nE,緑茶,7\n")

    assert rows(Product.slug) == ["cafe", "cafe-b", "cafe-b-c", "d", "e"]


# ------------------------------------------------------------------------------------------------ stock


def test_stock_goes_through_the_ledger():
    take_in(TEAS)

    take_in(TEAS.replace("GBP,12,", "GBP,7,").replace("GBP,0,", "GBP,30,"))

    assert [(v.on_hand, v.is_listed) for v in (variant("ASSAM-100"), variant("ASSAM-250"))] == [(7, True), (30, True)]
    movements = rows(StockMovement.delta, StockMovement.reason, StockMovement.actor)
    assert movements == [
        (12, "opening", "test"),
        (5, "opening", "test"),
        (-5, "import", "test"),
        (30, "import", "test"),
    ]


def test_a_count_of_0_takes_a_product_off_the_lists():
    take_in(TEAS)

    take_in("sku,product,price,on_hand\nASSAM-100,Assam,4.50,0\n")

    assert not variant("ASSAM-100").is_listed
    assert rows(Product.is_listed) == [False, True]


def test_restocking_closes_alerts_that_are_no_longer_true():
    take_in("sku,product,price,on_hand\nA,Cup,3,0\nB,Jug,3,2\n")
    with transaction() as t:
        for sku, kind in (("A", "out"), ("A", "low"), ("B", "low")):
            stock.raise_alert(t, catalog.variant_ids(t, [sku])[sku], kind, 0, None)

    take_in("sku,product,price,on_hand\nA,Cup,3,2\nB,Jug,3,3\n")

    assert rows(StockAlert.kind, StockAlert.status) == [("out", "closed"), ("low", "open"), ("low", "closed")]


def test_stock_below_what_unpaid_orders_hold_is_refused(monkeypatch):
    a_hold(monkeypatch, a_variant("CUP", on_hand=12, name="Cup"), 3)
    file = "sku,product,price,on_hand\nCUP,Cup,11,2\nJUG,Jug,5,1\n"

    with pytest.raises(BadFile) as caught:
        take_in(file)

    assert caught.value.problems == [(2, "CUP holds 3 for unpaid orders, so its stock cannot be set to 2.")]
    assert counts(file, skip_bad=True) == (1, 0, 0)
    assert (variant("CUP").on_hand, variant("CUP").price_minor) == (12, 1000)


def test_an_order_placed_after_the_comparison_keeps_what_it_holds(monkeypatch):
    cup, compare = a_variant("CUP", on_hand=12, name="Cup"), importing.import_plan.make

    def compare_then_lose_the_race(t, given):
        plan = compare(t, given)
        a_hold(monkeypatch, cup, 4)
        return plan

    monkeypatch.setattr(importing.import_plan, "make", compare_then_lose_the_race)

    with pytest.raises(BadFile) as caught:
        take_in("sku,product,price,on_hand\nCUP,Cup,10,3\nJUG,Jug,5,1\n")
    assert caught.value.problems == [(2, "CUP holds 4 for unpaid orders, so its stock cannot be set to 3.")]
    assert rows(Variant.sku) == ["CUP"]


def test_a_catalogue_changed_after_the_comparison_is_compared_again(monkeypatch):
    compare, made = importing.import_plan.make, []

    def compare_then_lose_the_race(t, given):
        plan = compare(t, given)
        made.append(plan)
        if len(made) == 1:
            monkeypatch.setattr(importing.import_plan, "make", compare)
            take_in("sku,product,price\nASSAM-100,Assam,9\n")
        return plan

    monkeypatch.setattr(importing.import_plan, "make", compare_then_lose_the_race)

    assert counts(TEAS) == (2, 1, 0)
    assert variant("ASSAM-100").price_minor == 450
    assert counts(TEAS) == (0, 0, 3)


# ------------------------------------------------------------------------------------------------ bad rows


def test_one_bad_row_keeps_the_others_out():
    problems(TEAS + "BAD,Cup,,free,,,,,,,,\n")

    assert not rows(Category.name)


def test_good_rows_come_in_when_bad_ones_are_to_be_skipped():
    report = take_in(TEAS + "BAD,Cup,,free,,,,,,,,\n", skip_bad=True)

    assert (report.new, report.skipped) == (3, ((5, "“free” is not an amount of money such as 12.50"),))
    assert len(rows(Variant.sku)) == 3


def test_a_dry_run_says_what_would_change_and_writes_nothing():
    assert counts(TEAS, dry_run=True) == (3, 0, 0)
    assert not rows(Product.name)
    assert not rows(Category.name)

    take_in(TEAS)
    before = exported()

    assert counts(TEAS.replace("4.50", "5").replace("GBP,0,", "GBP,1,"), dry_run=True) == (0, 2, 1)
    assert exported() == before


# ------------------------------------------------------------------------------------------------ the bare list


def test_a_bare_list_names_its_currency_in_the_header():
    file = "sku,name,price_gbp,modal_price_gbp,units_sold\n10002,GLOBE,0.85,0.90,860\n10003,GLOBE,1,1,1\n"

    assert counts(file) == (2, 0, 0)
    assert rows(Product.slug, Product.price_minor) == [("globe", 85), ("globe-10003", 100)]
    assert counts(file) == (0, 0, 2)


def test_a_bare_list_changes_prices_and_leaves_the_rest():
    take_in(TEAS)

    assert counts("sku,name,price_gbp\nASSAM-100,Assam,4.60\nASSAM-250,Assam,9.80\n") == (0, 1, 1)
    assert (variant("ASSAM-100").options, variant("ASSAM-100").on_hand) == ("100 g", 12)


# ------------------------------------------------------------------------------------------------ Shopify

SHOPIFY = (
    "Handle,Title,Body (HTML),Type,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,"
    "Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Requires Shipping,Image Src,Gift Card,Status\n"
    'lamp,Lamp,"<p>A <b>good</b> lamp</p>\n<ul><li>Oak</li></ul>",Light,true,Title,Default Title,,,,250.0,1,9.99,12.00,true,'
    "https://example.com/l.jpg,false,active\n"
    "gloves,Gloves,,Garden,true,Colour,Green,Size,L,,0.4,3,5.00,,true,,false,active\n"
    "gloves,,,,,,Yellow,,L,GL-Y,,-2,6.00,6.00,true,https://example.com/y.jpg,,\n"
    "gloves,,,,,,,,,,,,,,,https://example.com/z.jpg,,\n"
    "card,Card,,,true,Amount,£10,,,,,,10.00,,true,,true,active\n"
    "guide,Guide,,,false,Title,Default Title,,,GUIDE,,9,2.00,,false,,false,active\n"
)


def test_shopifys_export_comes_in():
    assert counts(SHOPIFY) == (5, 0, 0)

    assert rows(Variant.sku, Variant.options, Variant.price_minor, Variant.compare_at_minor, Variant.on_hand) == [
        ("LAMP", "", 999, 1200, 1),
        ("GLOVES-GREEN-L", "Green / L", 500, None, 3),
        ("GL-Y", "Yellow / L", 600, None, 0),
        (layouts.sku_of("card £10"), "£10", 1000, None, 0),
        ("GUIDE", "", 200, None, 9),
    ]
    assert rows(Variant.weight_grams, Variant.is_digital) == [(250, False), (0, False), (0, False), (0, True), (0, True)]
    assert rows(Product.slug, Product.variant_count, Product.is_active) == [
        ("lamp", 1, True),
        ("gloves", 2, True),
        ("card", 1, True),
        ("guide", 1, False),
    ]
    assert rows(Product.description)[0] == "A **good** lamp\n\n- Oak"
    assert counts(SHOPIFY) == (0, 0, 5)


def test_a_finished_sale_takes_the_old_price_away():
    take_in(SHOPIFY)

    assert counts(SHOPIFY.replace("9.99,12.00", "9.99,")) == (0, 1, 4)
    assert variant("LAMP").compare_at_minor is None


def test_two_handles_of_one_title_are_two_products():
    take_in("Handle,Title,Variant Price\nlamp-1,Lamp,9\nlamp-2,Lamp,8\n")

    assert rows(Product.slug, Product.name) == [("lamp-1", "Lamp"), ("lamp-2", "Lamp")]


# ------------------------------------------------------------------------------------------------ out and in again


def test_an_export_taken_in_again_changes_nothing():
    take_in(TEAS)
    before = exported()

    assert counts(before) == (0, 0, 3)
    assert exported() == before
    assert before.startswith(OURS + "ASSAM-100,Assam,100 g,4.50,GBP,12,Tea,Malty and **strong**.,India,110,no,\n")


def test_an_export_makes_the_same_catalogue_elsewhere():
    take_in(TEAS + "B,Metal sign,,3,,1,,,,,,\nC,Metal sign,,4,,1,,,,,,\n")
    before = exported()
    elsewhere = before.replace("ASSAM", "CEYLON").replace("Assam", "Ceylon").replace("Metal", "Wood").replace("Gift", "Present")

    take_in(elsewhere.replace("\nB,", "\nB2,").replace("\nC,", "\nC2,").replace("CARD", "CARD2"))

    assert rows(Product.variant_count) == [2, 1, 1, 1] * 2


@pytest.mark.parametrize("text", ["=1+1", "+44 cups", "-tea", "@home", "'=1+1", "''=x", "'quoted'", "＝1"])
def test_formulas_are_shown_not_run_and_come_back_as_they_were(text):
    take_in(f"sku,product,price,description\nA,{layouts.quoted_formula(text)},3,{layouts.quoted_formula(text)}\n")
    before = exported()

    assert rows(Product.name) == [text]
    assert not any(cell.startswith(("=", "+", "-", "@", "＝")) for line in before.splitlines() for cell in line.split(","))
    assert counts(before) == (0, 0, 1)


def test_formulas_in_a_file_by_hand_are_plain_text():
    take_in("sku,product,price\nA,=1+1,3\n")

    assert rows(Product.name) == ["=1+1"]


def test_text_that_came_in_by_other_doors_survives_the_round_trip():
    take_in(TEAS)
    with transaction() as t:
        t.execute(update(Product).where(Product.slug == "assam").values(description='One.\r\n\r\n“Two”, "three".\n', origin=" "))

    assert counts(exported()) == (0, 0, 3)


def test_exports_hold_every_product_in_the_order_of_the_catalogue():
    lines = "".join(f"S{n},Product {n},{n}\n" for n in range(1201))
    take_in("sku,product,price\n" + lines)

    assert [line.split(",")[0] for line in exported().splitlines()[1:]] == [f"S{n}" for n in range(1201)]


def test_an_unknown_variant_is_untouched():
    take_in(TEAS)
    product_id = rows(Product.id)[0]
    with transaction() as t:
        t.execute(insert(Variant).values(product_id=product_id, sku="BY-HAND", options="tin", price_minor=1, currency="GBP"))

    assert counts(TEAS) == (0, 0, 3)
    assert variant("BY-HAND").options == "tin"
