"""The pages of figures in the admin, under /admin/analytics/.

``page.py`` says what a page is and ``filters.py`` what its address may ask;
``views.py`` shows any page and ``export.py`` gives the same as CSV or JSON. A
page itself is a module that turns measures into sections; ``registry.py`` lists
them. For a new one: write ``build(asked) -> list[Section]``, describe it as a
``Page``, and put it into the registry: address, menu, filters, rights and
exports follow from there.
"""
