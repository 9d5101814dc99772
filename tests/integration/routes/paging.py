"""Following the pages of an answer as a caller does, whatever the dialect."""

from collections.abc import Iterator

from tests.world import HOST, Answer, World


def followed(world: World, path: str, key: str, **more: dict[str, str]) -> Iterator[Answer]:
    """The pages, the first to the last: by Link where there is one, else by next_url."""
    following: str | None = path
    while following is not None:
        answer = world.get(following, key, **more)
        assert answer.status == 200, answer.text
        yield answer
        following = _next(answer)


def _next(answer: Answer) -> str | None:
    if "Link" in answer.headers:
        target, relation = answer.headers["Link"].split("; ")
        assert relation == 'rel="next"'
        return target.strip("<>")
    if answer.headers["Content-Type"] == "application/json" and isinstance(answer.json, dict):
        url: str | None = answer.json.get("next_url")
        if url is not None:
            assert url.startswith(f"https://{HOST}/")
            return url.removeprefix(f"https://{HOST}")
    return None
