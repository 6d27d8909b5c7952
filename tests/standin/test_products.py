"""Products, prices, customers."""

import pytest
import stripe


def test_product_with_prices_cannot_be_deleted(dashboard):
    kept, gone = dashboard.create_product().id, dashboard.create_product().id
    dashboard.create_price(kept)

    assert dashboard.v1.products.delete(gone).deleted
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        dashboard.v1.products.delete(kept)


def test_product_id_can_be_chosen_once(dashboard):
    assert dashboard.create_product(id="team").id == "team"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_product(id="team")
    assert refusal.value.error.code == "resource_already_exists"


def test_product_takes_a_default_price(dashboard):
    product = dashboard.create_product().id
    price = dashboard.create_price(product).id

    changed = dashboard.v1.products.update(product, {"default_price": price, "name": "New"})

    assert (changed.default_price, changed.name) == (price, "New")


def test_price_may_describe_its_product(dashboard):
    terms = {"currency": "usd", "unit_amount": 5, "product_data": {"name": "Made along"}}
    price = dashboard.v1.prices.create({**terms, "expand": ["product"]})

    assert price.product.name == "Made along"
    assert (price.type, price.recurring) == ("one_time", None)


@pytest.mark.parametrize(
    "terms",
    [{}, {"product": "prod_none"}, {"product": "prod_1", "product_data": {"name": "x"}}],
)
def test_price_needs_one_product_that_exists(dashboard, terms):
    with pytest.raises(stripe.InvalidRequestError):
        dashboard.v1.prices.create({"currency": "usd", "unit_amount": 5, **terms})


def test_price_amount_cannot_be_changed(dashboard):
    price = dashboard.create_price(dashboard.create_product().id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.prices.update(price.id, {"unit_amount": 5})

    assert refusal.value.error.code == "parameter_unknown"


def test_lookup_key_is_one_prices_until_transferred(dashboard):
    product = dashboard.create_product().id
    old = dashboard.create_price(product, lookup_key="team-monthly")

    with pytest.raises(stripe.InvalidRequestError):
        dashboard.create_price(product, lookup_key="team-monthly")
    new = dashboard.create_price(product, lookup_key="team-monthly", transfer_lookup_key=True)

    [found] = dashboard.v1.prices.list({"lookup_keys": ["team-monthly"]}).data
    assert found.id == new.id
    assert dashboard.v1.prices.retrieve(old.id).lookup_key is None


def test_currency_options_include_the_own_currency(dashboard):
    options = {"eur": {"unit_amount": 9000}}
    price = dashboard.create_price(dashboard.create_product().id, currency_options=options)

    shown = dashboard.v1.prices.retrieve(price.id, {"expand": ["currency_options"]}).currency_options

    assert "currency_options" not in price
    assert {name: shown[name].unit_amount for name in ("usd", "eur")} == {"usd": 9950, "eur": 9000}


def test_customer_can_be_changed_and_deleted(dashboard):
    customer = dashboard.create_customer(metadata={"row": "1"})

    changed = dashboard.v1.customers.update(customer.id, {"email": "new@example.com"})
    assert changed.email == "new@example.com"
    assert changed.metadata.to_dict() == {"row": "1"}
    dashboard.v1.customers.delete(customer.id)
    with pytest.raises(stripe.InvalidRequestError):
        dashboard.v1.customers.retrieve(customer.id)
