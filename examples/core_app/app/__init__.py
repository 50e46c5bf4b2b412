"""A small order application. It knows the agreed format of orders and nothing of any shop's."""
