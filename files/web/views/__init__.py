"""Views of the HTML pages, one module per noun."""
