"""Tests of what people see: pages in a browser, the live view on a terminal, metrics, completion, the manual."""
