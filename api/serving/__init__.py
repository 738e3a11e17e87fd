"""How requests get in and responses out: no client holds a thread while it is slow."""
