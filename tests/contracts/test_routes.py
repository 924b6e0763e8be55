"""Paths to routes: concrete before templated, whatever the slash at the end, the base or the
encoding.
"""

import pytest

from monitor.contracts.routes import Router, parameters

ROUTES = [
    "/",
    "/users",
    "/users/{id}",
    "/users/me",
    "/users/{id}/items/{item}",
    "/files/{name}.json",
    "/files/{name}",
    "/a-{x}-{y}",
]


def router() -> Router[str]:
    made: Router[str] = Router()
    for route in ROUTES:
        made.add("GET", route, route)
    made.add("DELETE", "/users/{id}", "delete")
    return made


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("", "/"),
        ("/users/", "/users"),
        ("/users/7", "/users/{id}"),
        ("/users/me", "/users/me"),
        ("/users/me/items/4/", "/users/{id}/items/{item}"),
        ("/files/a.json", "/files/{name}.json"),
        ("/files/a.txt", "/files/{name}"),
        ("/a-1-2", "/a-{x}-{y}"),
        ("/users/%6De", "/users/me"),
    ],
)
def test_the_most_concrete_route_answers(path: str, route: str) -> None:
    match = router().match("GET", path)
    assert match is not None
    assert match.target == route


def test_a_route_without_the_method_gives_way_to_one_that_has_it() -> None:
    match = router().match("DELETE", "/users/me")
    assert match is not None
    assert match.target == "delete"


def test_unknown_paths_and_methods_are_told_apart() -> None:
    assert router().match("GET", "/nothing/here") is None
    match = router().match("POST", "/users")
    assert match is not None
    assert match.target is None


def test_head_is_answered_by_get() -> None:
    match = router().match("HEAD", "/users/7")
    assert match is not None
    assert match.target == "/users/{id}"


def test_parameters_are_read_from_the_path_as_they_came() -> None:
    assert parameters("/users/{id}/items/{item}", "/users/a%20b/items/2") == {
        "id": "a%20b",
        "item": "2",
    }
    assert parameters("/a-{x}-{y}", "/a-1-2") == {"x": "1", "y": "2"}


def test_a_parameter_may_stand_for_several_segments() -> None:
    """As gateways write it, or as the document marks it."""
    made: Router[str] = Router()
    made.add("GET", "/files/{path+}", "file")
    made.add("GET", "/files/{id}", "whole")
    made.add("GET", "/files/{path+}/size", "size")
    made.add("GET", "/refs/{ref}", "ref", spanning={"ref"})
    paths = {
        "/files/a": "whole", "/files/a/b/c": "file", "/files/a/b/size": "size", "/refs/heads/x": "ref",
        "/refs/x": "ref", "/files/{path+}": "file", "/refs/{ref}": "ref",
    }  # fmt: skip
    for path, target in paths.items():
        match = made.match("GET", path)
        assert match is not None, path
        assert match.target == target, path
    assert made.match("GET", "/files") is None
    assert set(made.targets()) == {"file", "whole", "size", "ref"}
    assert parameters("/files/{path+}/size", "/files/a/b/size") == {"path": "a/b"}
    assert parameters("/r/{ref}/x/{id}", "/r/a/b/x/7", {"ref"}) == {"ref": "a/b", "id": "7"}


def test_matching_a_hostile_path_is_quick() -> None:
    made: Router[str] = Router()
    made.add("GET", "/" + "/".join(["{z+}"] * 12) + "/end", "y")
    assert made.match("GET", "/x" * 2_000) is None
    made.add("GET", "/" + "/".join(["{a}-{b}-{c}"] * 6), "x")
    assert made.match("GET", "/" + "/".join(["-" * 300] * 6)) is not None
    assert made.match("GET", "/x" * 5_000) is None
