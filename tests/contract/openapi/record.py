"""``python -m tests.contract.openapi.record``: fills the answers of the OpenAPI document's examples in anew."""

from dataclasses import replace

from local.openapi.examples import load, save
from tests.contract.openapi.asking import SHORTENED, admin_key, ask
from tests.markets import market
from tests.redis_servers import redis_single
from tests.still_link import still_link


def main() -> None:
    """Ask every example's request once and keep what it was answered."""
    examples = load()
    with redis_single() as server:
        link = still_link(server.url)
        with market(link) as found:
            found.begin()
            key = admin_key(found)
            for route, example in examples.items():
                if route not in SHORTENED:
                    answer = ask(found, key, route, example)
                    assert answer.status == 200, f"{route}: {answer.text}"
                    examples[route] = replace(example, answer=answer.json)
        link.close()
    save(examples)


if __name__ == "__main__":
    main()
