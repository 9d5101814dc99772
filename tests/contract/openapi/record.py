"""``python -m tests.contract.openapi.record``: fills the answers of the OpenAPI document's examples in anew."""

from dataclasses import replace

from local.openapi.examples import load, save
from tests.contract.openapi.example_requests import SHORTENED, admin_key, send_example
from tests.markets import market
from tests.redis_servers import redis_single
from tests.still_link import still_link


def main() -> None:
    """Send every example's request once and write its answer into the document."""
    examples = load()
    with redis_single() as server:
        link = still_link(server.url)
        with market(link) as found:
            found.begin()
            key = admin_key(found)
            for route, example in examples.items():
                if route not in SHORTENED:
                    answer = send_example(found, key, route, example)
                    assert answer.status == 200, f"{route}: {answer.text}"
                    examples[route] = replace(example, answer=answer.json)
        link.close()
    save(examples)


if __name__ == "__main__":
    main()
