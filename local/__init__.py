"""The whole stack on one machine, without containers, root or an account at a cloud."""
