"""Problem documents: one shape for every error, and nothing in it that is not known."""

from schemas.problem import PROBLEM_CONTENT_TYPE, ProblemSchema, problem


def test_a_problem_says_no_more_than_it_knows() -> None:
    assert problem(404, "Not Found") == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
    }


def test_a_problem_names_each_fault_with_its_field() -> None:
    document = problem(
        422,
        "Unprocessable Entity",
        detail="The request names 2 things that are not right.",
        instance="8f14e45f",
        errors=[("year", "Must be a whole number."), ("year", "Must be given once.")],
    )
    assert document["errors"] == [
        {"field": "year", "message": "Must be a whole number."},
        {"field": "year", "message": "Must be given once."},
    ]
    assert document.keys() == ProblemSchema().fields.keys()


def test_a_problem_without_faults_has_no_list_of_them() -> None:
    assert "errors" not in problem(503, "Service Unavailable", errors=[])


def test_a_problem_is_what_its_schema_describes() -> None:
    document = problem(
        422, "Unprocessable Entity", detail="d", instance="i", errors=[("year", "Wrong.")]
    )
    assert ProblemSchema().validate(document) == {}
    assert ProblemSchema().validate(problem(500, "Internal Server Error")) == {}


def test_the_content_type_is_that_of_rfc_9457() -> None:
    assert PROBLEM_CONTENT_TYPE == "application/problem+json"
