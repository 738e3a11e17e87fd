"""imports rules: the rules in force, and what they say of one object. Asks nothing outside."""

from typing import Any

import click

from schemas.imports import OnError
from worker.commands import parameters, screen
from worker.commands.desk import Desk, at_the_desk
from worker.commands.parameters import Address
from worker.rules import Action, Decision, Rule, is_marker


@click.command("rules")
@click.argument(
    "address", metavar="[s3://BUCKET/KEY]", required=False, type=parameters.ObjectAddress()
)
@parameters.json_option
@at_the_desk
def rules(desk: Desk, *, address: Address | None, as_json: bool) -> None:
    """Show the rules of MRU_RULES, or which of them matches an object and what follows.

    The object need not exist: its bucket and key decide. Only markers are told by their size, too.

    \b
    Examples:
      celery -A worker.app imports rules
      celery -A worker.app imports rules s3://movies-r-us/incoming/movies.json
      celery -A worker.app imports rules --json
    """
    if address is not None:
        _show_decision(desk, address, as_json=as_json)
    elif as_json:
        for number, rule in enumerate(desk.rules.listed, 1):
            screen.print_json(_for_json(number, rule))
    else:
        _print_rules(desk)


def _for_json(number: int, rule: Rule) -> dict[str, Any]:
    return {
        "rule": number,
        "bucket": rule.bucket,
        "prefix": rule.prefix,
        "suffix": rule.suffix,
        "action": rule.action,
        "on_error": rule.on_error,
    }


def _print_rules(desk: Desk) -> None:
    table = screen.make_table("RULE", "BUCKET", "PREFIX", "SUFFIX", "ACTION", "ON ERROR")
    screen.add_row(table, "first", "", "", "markers of 0 bytes", Action.IGNORE, "")
    for number, rule in enumerate(desk.rules.listed, 1):
        policy = _policy(desk, rule.action, rule.on_error) or ""
        place = (rule.bucket or "", rule.prefix, rule.suffix)
        screen.add_row(table, number, *place, rule.action, policy)
    screen.add_row(table, "last", "", "", "", Action.IMPORT, desk.on_error)
    desk.console.print(table)


def _show_decision(desk: Desk, address: Address, *, as_json: bool) -> None:
    decision = desk.rules.decide(address.bucket, address.key)
    policy = _policy(desk, decision.action, decision.on_error)
    marker = is_marker(address.key)
    if as_json:
        facts = {"bucket": address.bucket, "key": address.key, "ignored_if_empty": marker}
        facts |= {"rule": decision.number, "action": decision.action, "on_error": policy}
        screen.print_json(facts)
        return
    if marker:
        desk.say("If it has 0 bytes, it is a marker and ignored. Else:")
    desk.say(f"{_subject(decision)}: {_consequence(policy)}")


def _policy(desk: Desk, action: Action, on_error: OnError | None) -> OnError | None:
    """Returns what an invalid record does to its file; None where no file is read."""
    return None if action is Action.IGNORE else on_error or desk.on_error


def _subject(decision: Decision) -> str:
    return "No rule matches" if decision.number is None else f"Rule {decision.number} matches"


def _consequence(policy: OnError | None) -> str:
    if policy is None:
        return "the object is ignored."
    return f"the object is imported, with on_error {policy.value}."
