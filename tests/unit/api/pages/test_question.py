"""What a page's address asks, and how links change it."""

import pytest

from api.errors import InvalidError
from api.pages.question import Question
from schemas.search import MovieSearchSchema


def test_empty_fields_of_a_form_ask_for_nothing() -> None:
    question = Question.read(b"title=carmen&actor=&genre=%20&year_from=")
    assert question.pairs == (("title", "carmen"),)
    assert question.query == "title=carmen"


def test_it_is_read_as_strictly_as_a_question_to_the_api() -> None:
    for query in (b"titel=x", b"year=1915&year=1916", b"year_from=x", b"sort=rating"):
        with pytest.raises(InvalidError):
            Question.read(query).load(MovieSearchSchema())
    with pytest.raises(InvalidError):
        Question.read(b"title=%ff")


def test_what_it_means_survives_being_written_again() -> None:
    question = Question.read(b"title=Am%C3%A9lie%26+co%25&genre=a&genre=b")
    assert question.values("title") == ["Amélie& co%"]
    assert Question.read(question.query.encode()) == question


def test_changing_it_leads_back_to_the_first_page() -> None:
    question = Question.read(b"title=a&cursor=x")
    for changed in (
        question.adding("genre", "Drama"),
        question.without("year"),
        question.without_value("actor", "b"),
        question.setting(year_from="1990"),
    ):
        assert changed.values("cursor") == []
    assert question.at("cursor", "y").pairs == (("title", "a"), ("cursor", "y"))


def test_nothing_is_asked_twice() -> None:
    question = Question.read(b"genre=Drama")
    assert question.adding("genre", "Drama") == question
    assert question.adding("genre", "War").values("genre") == ["Drama", "War"]


def test_one_value_is_taken_back_and_the_others_stay() -> None:
    question = Question.read(b"actor=a&actor=b&year_from=1&year_to=2")
    assert question.without_value("actor", "a").query == "actor=b&year_from=1&year_to=2"
    assert question.without("year_from", "year_to").query == "actor=a&actor=b"


def test_a_form_carries_unseen_what_it_has_no_field_for() -> None:
    question = Question.read(b"title=a&title=b&year=1915&limit=5&cursor=x")
    assert question.first("title") == "a"
    assert question.rest(("title", "actor")) == [("title", "b"), ("year", "1915"), ("limit", "5")]
