"""The pieces of which every chapter of bench/RESULTS.md is made."""

from collections.abc import Iterable, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table: its first column to the left, the others, of figures, to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def list_facts(facts: Mapping[str, str]) -> str:
    """Returns a line for each fact."""
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def list_faults(faults: Sequence[str]) -> Iterable[str]:
    """Yields a section of what could not be measured, if anything."""
    if faults:
        yield "## Not measured"
        yield "\n".join(f"- {fault}" for fault in faults)
