"""Clients of the API by the hundred: slow ones, greedy ones, and the honest ones between them."""
