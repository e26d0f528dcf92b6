"""Strongroom: everything the product does; project/ only wires it together."""
