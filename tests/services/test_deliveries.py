"""Deliveries: read from any spreadsheet, corrected, put on the shelf all or nothing, and once."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from app.extensions import db, transaction
from app.models.catalog import Category, Product, TaxClass, Variant
from app.models.delivery import Delivery, DeliveryLine
from app.models.stock import StockMovement
from app.services import catalog, deliveries, delivery_file, products, stock
from app.services.delivery_file import TooLarge
from app.services.errors import BadFile, NotFound
from tests.factories import a_cart, a_variant, set_columns
from tests.shopping import alerts, level, order_of
from tests.staff import a_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")

KNOWN = "sku,product,quantity\nBEANS,House Blend,12\n"
NEW = "sku,product,options,quantity,price,category\nTEA-100,Green Tea,100 g,5,7.50,Tea\n"


def read(text: str) -> delivery_file.Sheet:
    return delivery_file.read(text.encode())


def taken_in(text: str = KNOWN, name: str = "From the roaster") -> int:
    return deliveries.take_in(read(text), name, actor="test")


def apply(delivery_id: int, *, may_price: bool = True, actor: str = "test", revision: int | None = None) -> deliveries.Applied:
    db.session.rollback()
    shown = revision or deliveries.delivery(delivery_id).revision
    return deliveries.apply(delivery_id, revision=shown, currency="GBP", may_price=may_price, actor=actor)


def rows(delivery_id: int):
    db.session.rollback()
    return deliveries.rows(delivery_id, "GBP")


def problems(text: str) -> list[tuple[int, str]]:
    """(row, what is wrong) of a list that was taken in."""
    return [(row.position, problem) for row in rows(taken_in(text)) for problem in row.problems.values()]


def refused(data: bytes | str) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as error:
        delivery_file.read(data.encode() if isinstance(data, str) else data)
    return error.value.problems


# --- reading ---


@pytest.mark.parametrize(
    "text",
    [
        "sku,product,quantity\nBEANS,House Blend,12\n",
        "\ufeffsku,product,quantity\r\nBEANS,House Blend,12\r\n",
        "sku;product;quantity\nBEANS;House Blend;12",
        "sku\tproduct\tquantity\nBEANS\tHouse Blend\t12",
        '"sku","product","quantity"\n"BEANS","House Blend","12"\n',
        "  SKU , Product,QUANTITY \n BEANS ,  House Blend , 12 \n\n  \n",
        "\n\nsku,product,quantity\nBEANS,House Blend,12\n,,\n",
        "sku,product,quantity,,\nBEANS,House Blend,12,,\n",
        "sku,product,quantity\rBEANS,House Blend,12\r",
    ],
)
def test_every_spreadsheet_says_the_same(text):
    sheet = read(text)

    assert [line.cells for line in sheet.lines] == [
        {"sku": "BEANS", "product": "House Blend", "quantity": "12", "options": "", "price": "", "category": ""}
    ]


def test_one_list_has_one_hash_however_it_is_written():
    plain = read("sku,product,quantity\nBEANS,House Blend,12\n")

    assert read("\ufeff SKU;Product ;Quantity\r\n\r\nBEANS;  House Blend;12").sha256 == plain.sha256
    assert read("sku,product,quantity\nBEANS,House Blend,13\n").sha256 != plain.sha256
    assert read("sku,product,quantity,note\nBEANS,House Blend,12,4711\n").sha256 != plain.sha256


def test_columns_stand_in_any_order_and_others_are_passed_over():
    [line] = read("Qty,note,Name,sku\n3,fragile,Mug,MUG\n").lines

    assert (line.cells["sku"], line.cells["product"], line.cells["quantity"]) == ("MUG", "Mug", "3")


def test_a_quoted_cell_may_hold_the_separator_and_a_line_break():
    [line] = read('sku,product,quantity\nMUG,"Mug, blue\nlarge",3\n').lines

    assert (line.position, line.cells["product"]) == (2, "Mug, blue large")


def test_rows_are_numbered_as_in_the_file():
    sheet = read('sku,product,quantity\n\nMUG,"Mug\nlarge",3\nCUP,Cup,1\n')

    assert [line.position for line in sheet.lines] == [3, 5]


@pytest.mark.parametrize(
    ("data", "row", "told"),
    [
        (b"", 1, "the first row names the columns"),
        (b"\n\n", 1, "the first row names the columns"),
        (b"BEANS,House Blend,12", 1, "the first row names the columns"),
        (b"sku,product\nBEANS,House Blend", 1, "the first row names the columns"),
        (b"sku,product,quantity", 1, "there are no rows below the header"),
        (b"sku,product,quantity,sku\nA,B,1,C", 1, "the column sku stands twice"),
        ("sku,product,quantity\nCAFÉ,Café,1".encode("latin-1"), 2, "not UTF-8: byte 25 of the file is 0xC9"),
        (KNOWN.encode("utf-16"), 1, "this is not text in UTF-8"),
        (KNOWN.encode("utf-16-be"), 1, "this is not text in UTF-8"),
        (b"sku,product,quantity\nA,B\0,1", 2, "this is not text in UTF-8"),
        (b"sku,product,quantity\nA,B\x07,1", 2, "a cell holds a character that cannot be stored"),
        (b'sku,product,quantity\nA,"B,1\nC,D,2', 2, "a quoted cell begins here and does not end"),
        (b"sku,product,quantity\nA,B,1,2,3", 2, "there are 5 cells where the header has 3"),
        (b"sku,product,quantity\nA," + b"B" * 501 + b",1", 2, "a cell has 501 characters; at most 500 fit"),
        (b"sku,product,quantity\nA," + b"B" * 900_000 + b",1", 2, "field larger than field limit"),
        (b"A" * 900_000, 1, "field larger than field limit"),
        (b"," * 900_000, 1, "the first row names the columns"),
    ],
)
def test_a_file_that_cannot_be_a_draft_is_refused_with_its_row(data, row, told):
    [(line, reason)] = refused(data)

    assert line == row
    assert told in reason


def test_two_thousand_rows_are_the_most():
    text = "sku,product,quantity\n" + "".join(f"S{n},Bag,1\n" for n in range(2000))

    assert len(read(text).lines) == 2000
    assert refused(text + "S2000,Bag,1\n") == [(2002, "a delivery has at most 2,000 rows; split the file")]


def test_a_hundred_thousand_rows_are_refused_as_soon_as_there_are_too_many():
    assert refused("sku,product,quantity\n" + "S,B,1\n" * 100_000)[0][0] == 2002


def test_a_megabyte_is_the_most():
    with pytest.raises(TooLarge):
        delivery_file.read(b"a" * 1_000_001)


def test_of_many_mistakes_the_first_are_told():
    assert len(refused("sku,product,quantity\n" + "A,B,1,9\n" * 100)) == 20


# --- judging ---


def test_a_row_says_what_will_happen():
    a_variant(on_hand=3, options="250 g")

    [row] = rows(taken_in())

    assert (row.problems, row.is_new) == ({}, False)
    assert row.told == "House Blend, 250 g: 3 on hand, then 15."


def test_a_list_never_renames_nor_prices_what_there_is():
    beans = a_variant(on_hand=3, price_minor=1000)
    draft = taken_in("sku,product,quantity,price,category\nbeans,Hous Blend,12,4.00,Tea\n")

    [row] = rows(draft)
    apply(draft)

    assert "The name in the list is another" in row.told and "Its price stays £10.00." in row.told
    variant = db.session.get(Variant, beans.id)
    assert (variant.price_minor, variant.product.name, variant.product.category_id) == (1000, "House Blend", None)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("BEANS,,,12,,", "the name is blank"),
        ("BEANS,House Blend,,12 bags,,", "quantity “12 bags” is not a whole number up to 99999"),
        ("BEANS,House Blend,,,,", "the quantity is missing"),
        ("BEANS,House Blend,,-3,,", "quantity “-3” is not a whole number"),
        ("BEANS,House Blend,,１２,,", "quantity “１２” is not a whole number"),
        ("BEANS,House Blend,,1_000,,", "quantity “1_000” is not a whole number"),
        ("BEANS,House Blend,,123456,,", "quantity “123456” is not a whole number"),
        (",House Blend,,12,,", "the SKU is missing"),
        ("BE ANS,House Blend,,12,,", "“BE ANS” is not a SKU"),
        ("TEA,Tea,,12,,", "the price is missing; a new SKU needs one"),
        ("TEA,Tea,,12,£3,", "“£3” is not an amount of money such as 12.50"),
        ("TEA,Tea,,12,3.999,", "“3.999” has more decimals than GBP has"),
        ("BEANZ,House Blend,250 g,12,3.00,", "the shop has it with “250 g” already, as SKU BEANS"),
        ("BEANZ,house  blend,250 G,12,3.00,", "the shop has it with “250 g” already, as SKU BEANS"),
        ("TEA," + "x" * 251 + ",,12,3.00,", "it has 251 characters; at most 250 fit"),
    ],
)
def test_each_mistake_is_told_beside_its_field(row, told):
    a_variant(on_hand=3, options="250 g")

    [(position, problem)] = problems(f"sku,product,options,quantity,price,category\n{row}\n")

    assert position == 2
    assert told in problem.replace("250 G", "250 g")


def test_what_comes_new_to_a_hidden_product_is_not_said_to_be_on_sale():
    beans = a_variant(options="250 g")
    set_columns(Product, beans.product_id, is_active=False)

    [row] = rows(taken_in("sku,product,options,quantity,price\nBEANS-1KG,House Blend,1 kg,5,30\n"))

    assert row.told.startswith("New variant of House Blend, on sale once the product is shown, for £30.00;")


def test_a_sku_stands_once_in_a_list():
    a_variant()

    assert problems("sku,product,quantity\nBEANS,House Blend,1\nbeans,House Blend,2\n") == [
        (3, "the SKU BEANS stands in row 2 too; put both quantities into one row")
    ]


def test_two_new_things_that_nobody_could_tell_apart_are_refused():
    assert problems("sku,product,quantity,price\nTEA-1,Tea,1,3.00\nTEA-2,tea,2,3.00\n") == [
        (3, "row 2 has the same name and options; nobody could tell them apart")
    ]


# --- applying ---


def test_what_came_is_added_and_the_ledger_names_the_delivery():
    beans = a_variant(on_hand=3)

    applied = apply(taken_in())

    assert applied == deliveries.Applied(rows=1, pieces=12, new=0)
    assert level("BEANS") == (15, 0)
    last = db.session.execute(select(StockMovement).where(StockMovement.variant_id == beans.id)).scalars().all()[-1]
    assert (last.delta, last.reason, last.note, last.actor) == (12, "delivery", "Delivery 1: From the roaster", "test")


def test_it_closes_alerts_and_puts_on_sale_what_was_sold_out():
    beans = a_variant(on_hand=1)
    order_of(a_cart((beans, 1)))

    apply(taken_in())

    assert {status for *_, status in alerts()} == {"closed"}
    assert [card.sku for card in catalog.page().cards] == ["BEANS"]


def test_too_few_to_reach_the_threshold_leave_the_low_alert_open():
    beans = a_variant(on_hand=4)
    order_of(a_cart((beans, 2)))
    order_of(a_cart((beans, 2)))

    apply(taken_in("sku,product,quantity\nBEANS,House Blend,2\n"))

    assert [(kind, status) for _, kind, _, status in alerts()] == [("low", "open"), ("out", "closed")]


def test_a_new_sku_becomes_a_new_product():
    applied = apply(taken_in(NEW))

    assert applied.new == 1
    variant = db.session.execute(select(Variant).where(Variant.sku == "TEA-100")).scalar_one()
    assert (variant.options, variant.price_minor, variant.currency, variant.on_hand) == ("100 g", 750, "GBP", 5)
    assert (variant.product.name, variant.product.category.name, variant.product.slug) == ("Green Tea", "Tea", "green-tea")
    assert [card.sku for card in catalog.page().cards] == ["TEA-100"]
    assert catalog.search("green").count == 1


def test_a_new_sku_of_a_known_name_becomes_a_variant_of_that_product():
    beans = a_variant(options="250 g")

    apply(taken_in("sku,product,options,quantity,price,category\nBEANS-1KG,house blend,1 kg,5,30.00,Other\n"))

    variant = db.session.execute(select(Variant).where(Variant.sku == "BEANS-1KG")).scalar_one()
    assert (variant.product_id, variant.product.name, variant.position) == (beans.product_id, "House Blend", 1)
    assert db.session.execute(select(Category.id)).first() is None


def test_new_skus_of_one_new_name_are_one_product():
    apply(taken_in("sku,product,options,quantity,price\nT-1,Green Tea,50 g,5,3\nT-2,green tea,100 g,5,5\n"))

    [product] = db.session.execute(select(Product)).scalars().all()
    assert [variant.sku for variant in product.variants] == ["T-1", "T-2"]


def test_known_and_new_things_come_together():
    a_variant(on_hand=3)

    applied = apply(taken_in("sku,product,quantity,price\nBEANS,House Blend,12,\nTEA,Tea,5,3\nCUP,Cup,0,2.00\n"))

    assert applied == deliveries.Applied(rows=3, pieces=17, new=2)
    assert (level("BEANS"), level("TEA"), level("CUP")) == ((15, 0), (5, 0), (0, 0))


def test_new_things_need_somebody_who_may_price_them():
    a_variant(on_hand=3)
    draft = taken_in("sku,product,quantity,price\nBEANS,House Blend,12,\nTEA,Tea,5,3\n")

    with pytest.raises(deliveries.NeedsManager):
        apply(draft, may_price=False)

    assert level("BEANS") == (3, 0)


def test_one_wrong_row_leaves_everything_as_it_is():
    a_variant(on_hand=3)

    with pytest.raises(deliveries.NotRight):
        apply(taken_in("sku,product,quantity,price\nBEANS,House Blend,12,\nTEA,Tea,many,3\n"))

    assert level("BEANS") == (3, 0)


def test_more_than_can_be_counted_is_refused():
    a_variant(on_hand=2**31 - 10)

    assert problems(KNOWN) == [(2, "more than 2147483647 cannot be counted")]


def test_a_delivery_is_applied_once():
    a_variant(on_hand=3)
    draft = taken_in()
    apply(draft, actor="cli")

    with pytest.raises(deliveries.AlreadyApplied) as error:
        apply(draft, revision=1)

    assert (error.value.delivery_id, error.value.actor) == (draft, "cli")
    assert level("BEANS") == (15, 0)


def test_the_same_list_cannot_be_taken_in_once_it_was_applied():
    a_variant(on_hand=3)
    apply(taken_in())

    with pytest.raises(deliveries.AlreadyApplied):
        taken_in("SKU;PRODUCT;QUANTITY\r\nBEANS ; House Blend;12\r\n")


def test_of_two_drafts_of_one_list_one_is_applied():
    a_variant(on_hand=3)
    first, second = taken_in(), taken_in("sku,product,quantity\nBEANS,House Blend,13\n")
    with transaction() as t:  # as when both were taken in at the same moment
        sha256 = t.execute(select(Delivery.sha256).where(Delivery.id == first)).scalar_one()
        t.execute(update(Delivery).where(Delivery.id == second).values(sha256=sha256))
    apply(first)

    with pytest.raises(deliveries.AlreadyApplied) as error:
        apply(second)

    assert error.value.delivery_id == first
    assert level("BEANS") == (15, 0)


def test_the_same_list_taken_in_twice_is_one_draft():
    assert taken_in() == taken_in()


def meanwhile(monkeypatch, happens: Callable[[], object]) -> None:
    """Let this happen once, after a delivery was planned and before it is written."""
    plan = deliveries.import_plan.make

    def late(*args):
        made = plan(*args)
        monkeypatch.undo()
        db.session.rollback()
        happens()
        return made

    monkeypatch.setattr(deliveries.import_plan, "make", late)


def test_a_sku_that_was_made_meanwhile_is_not_made_again(monkeypatch):
    draft = taken_in(NEW)
    meanwhile(monkeypatch, lambda: a_variant("TEA-100", name="Green Tea", options="100 g", on_hand=1, price_minor=900))

    applied = apply(draft)

    assert applied.new == 0
    assert level("TEA-100") == (6, 0)
    assert db.session.execute(select(Variant.price_minor)).scalar_one() == 900


def test_a_product_that_was_made_meanwhile_is_not_made_again(monkeypatch):
    draft = taken_in(NEW)
    tax_class = str(db.session.execute(select(TaxClass.id)).scalars().first())
    typed = {"name": "Green tea", "slug": "sencha", "tax_class": tax_class}
    meanwhile(monkeypatch, lambda: products.create(typed, actor="test"))

    apply(draft)

    [product] = db.session.execute(select(Product)).scalars().all()
    assert (product.slug, [variant.sku for variant in product.variants]) == ("sencha", ["TEA-100"])


def test_what_is_wrong_since_it_was_planned_is_refused(monkeypatch):
    draft = taken_in(NEW)
    meanwhile(monkeypatch, lambda: a_variant("TEA-9", name="Green Tea", options="100 g"))

    with pytest.raises(deliveries.NotRight):
        apply(draft)

    assert (deliveries.delivery(draft).status, len(db.session.execute(select(Variant.id)).all())) == ("draft", 1)


def test_applying_is_one_entry_of_the_trail():
    a_variant(), a_variant("CUP")
    mona = a_manager()

    draft = deliveries.take_in(read("sku,product,quantity\nBEANS,House Blend,1\nCUP,House Blend,2\n"), "x", actor=mona.actor)
    apply(draft, actor=mona.actor)

    assert trail() == [("delivery applied", f"delivery:{draft}"), ("delivery taken in", f"delivery:{draft}")]


# --- correcting ---


def line_ids(draft: int) -> list[int]:
    db.session.rollback()
    return list(db.session.execute(select(DeliveryLine.id).where(DeliveryLine.delivery_id == draft)).scalars())


def test_cells_are_corrected():
    a_variant()
    draft = taken_in("sku,product,quantity\nBEANS,,12 bags\n")
    [line] = line_ids(draft)

    changed = deliveries.correct(draft, {line: {"product": " House Blend ", "quantity": "12"}}, [], revision=1, actor="test")

    assert changed == 1
    assert problems_of(draft) == []
    assert deliveries.delivery(draft).revision == 2


def problems_of(draft: int) -> list[str]:
    return [problem for row in rows(draft) for problem in row.problems.values()]


def test_a_line_is_dropped():
    draft = taken_in("sku,product,quantity\nBEANS,House Blend,1\nX,,\n")
    first, second = line_ids(draft)

    deliveries.correct(draft, {first: {}, second: {"product": "never mind"}}, [second], revision=1, actor="test")

    assert line_ids(draft) == [first]


def test_with_every_line_dropped_there_is_nothing_to_apply():
    draft = taken_in()
    deliveries.correct(draft, {}, line_ids(draft), revision=1, actor="test")

    with pytest.raises(deliveries.NothingInIt):
        apply(draft)


def test_what_says_the_same_changes_nothing():
    draft = taken_in()
    [line] = line_ids(draft)

    assert deliveries.correct(draft, {line: {"sku": "BEANS"}}, [], revision=1, actor="test") == 0
    assert deliveries.delivery(draft).revision == 1


def test_another_deliverys_lines_are_left_alone():
    draft, other = taken_in(), taken_in("sku,product,quantity\nCUP,Cup,1\n")
    [line] = line_ids(other)

    deliveries.correct(draft, {line: {"sku": "X"}}, [line], revision=1, actor="test")

    assert [row.cells["sku"] for row in rows(other)] == ["CUP"]


def test_a_draft_that_somebody_else_corrected_is_not_overwritten():
    a_variant()
    draft = taken_in()
    [line] = line_ids(draft)
    deliveries.correct(draft, {line: {"quantity": "13"}}, [], revision=1, actor="test")

    with pytest.raises(deliveries.DraftChanged) as error:
        deliveries.correct(draft, {line: {"quantity": "14"}}, [], revision=1, actor="test")
    with pytest.raises(deliveries.DraftChanged):
        apply(draft, revision=1)

    assert error.value.revision == 2
    assert rows(draft)[0].quantity == 13


@pytest.mark.parametrize("cell", ["x" * 501, "a\0b"])
def test_what_cannot_be_kept_is_told_by_its_field(cell):
    draft = taken_in()
    [line] = line_ids(draft)

    with pytest.raises(deliveries.BadCells) as error:
        deliveries.correct(draft, {line: {"product": cell}}, [], revision=1, actor="test")

    assert list(error.value.problems) == [(line, "product")]


def test_a_discarded_draft_may_be_taken_in_again():
    a_variant(on_hand=3)
    draft = taken_in()
    deliveries.discard(draft, actor="test")
    with pytest.raises(deliveries.Discarded):
        apply(draft)

    again = taken_in()
    apply(again)

    assert again != draft
    assert level("BEANS") == (15, 0)


def test_what_was_applied_cannot_be_discarded_nor_corrected():
    a_variant()
    draft = taken_in()
    apply(draft)

    with pytest.raises(deliveries.AlreadyApplied):
        deliveries.discard(draft, actor="test")
    with pytest.raises(deliveries.AlreadyApplied):
        deliveries.correct(draft, {}, [], revision=1, actor="test")


def test_a_delivery_that_does_not_exist_is_not_found():
    for act in (deliveries.discard, lambda id, actor: deliveries.correct(id, {}, [], revision=1, actor=actor)):
        with pytest.raises(NotFound):
            act(99, actor="test")
    with pytest.raises(NotFound):
        deliveries.apply(99, revision=1, currency="GBP", may_price=True, actor="test")


def test_a_formula_in_a_name_is_kept_as_text_and_quoted_when_it_leaves():
    from app.services import exporting

    apply(taken_in("sku,product,quantity,price\nTEA,=1+1,1,3\n"))

    assert db.session.execute(select(Product.name)).scalar_one() == "=1+1"
    assert "'=1+1" in "".join(exporting.as_csv())


def test_hidden_products_stay_hidden():
    beans = a_variant(on_hand=3)
    set_columns(Product, beans.product_id, is_active=False)

    apply(taken_in())

    assert catalog.page().cards == []
    assert stock.levels("BEANS")[0][1] == 15
