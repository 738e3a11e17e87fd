"""What ends a part of the benchmark, or all of it, with a reason that a reader understands."""


class BenchError(Exception):
    """Something could not be measured; the message says what, and why."""
