"""What each tier may have of the stream, on the local cloud: symbols, connections, and what is left after the tier was lowered."""

from string import ascii_uppercase

from local.sandbox.stream.events import LATE_S
from tests.e2e.stacks import LocalCloud
from tests.e2e.talking import Item, keys_of, new_user, talking

LETTERS = ",".join(f"T.{letter}" for letter in ascii_uppercase)


def test_the_twenty_sixth_symbol_of_tier_5_is_refused(cloud: LocalCloud) -> None:
    with talking(cloud, new_user(cloud, 5).text) as talk:
        talk.say("subscribe", LETTERS)
        talk.until(lambda: len(talk.told("success")) == 25 and talk.told("error"))
        assert [message.split(":")[0] for message in talk.told("error")] == ["not subscribed to T.Z"]
        talk.say("unsubscribe", "T.A")
        talk.until(lambda: "unsubscribed to: T.A" in talk.told("success"))
        talk.say("subscribe", "T.Z")
        talk.until(lambda: "subscribed to: T.Z" in talk.told("success"))


def test_the_second_connection_of_tier_5_takes_the_place_of_the_first(cloud: LocalCloud) -> None:
    key = new_user(cloud, 5).text
    with talking(cloud, key) as first:
        first.say("subscribe", "T.TEST")
        first.until(lambda: first.numbers("T.TEST"))
        with talking(cloud, key) as second:
            first.to_the_end()
            assert first.items[-1]["status"] == "max_connections"
            assert first.closed == 1000
            second.say("subscribe", "T.TEST")
            second.until(lambda: len(second.numbers("T.TEST")) == 2)


def test_a_lowered_tier_loses_its_surplus_connections_and_symbols(cloud: LocalCloud) -> None:
    key = new_user(cloud, 6)
    with talking(cloud, key.text) as first, talking(cloud, key.text) as second:
        first.say("subscribe", "T.TEST")
        first.until(lambda: first.told("success"))
        second.say("subscribe", LETTERS)
        second.until(lambda: len(second.told("success")) == 26)
        keys = keys_of(cloud)
        keys.client.update_item(
            TableName=keys.table,
            Key={"id": {"S": key.id}},
            UpdateExpression="SET tier = :tier",
            ExpressionAttributeValues={":tier": {"N": "5"}},
        )
        first.to_the_end()
        assert first.items[-1]["status"] == "max_connections"
        second.until(lambda: len(second.told("success")) == 27)
        assert second.told("success")[-1] == "unsubscribed to: T.Z"


def test_all_seconds_are_for_tier_7_and_a_correction_displaces_no_newer_aggregate(cloud: LocalCloud) -> None:
    with talking(cloud, new_user(cloud, 6).text) as lower:
        lower.say("subscribe", "A.*")
        lower.until(lambda: lower.told("error"))
        assert "tier 7" in lower.told("error")[0]
    with talking(cloud, new_user(cloud, 7).text) as talk:
        talk.say("subscribe", "T.*,A.*,AM.*")
        talk.until(lambda: len(talk.told("success")) == 2)
        assert talk.told("error")[0].startswith("T.*: not offered")

        def corrected() -> bool:
            """Whether an aggregate came, and right behind it the corrected one of the second that is corrected then."""
            last: dict[str, Item] = {}
            for item in talk.items:
                if item["ev"] == "A":
                    before = last.get(item["sym"])
                    if before and (before["_n"] + 1, before["s"] - LATE_S * 1000) == (item["_n"], item["s"]):
                        return True
                    last[item["sym"]] = item
            return False

        talk.until(corrected)
    assert len({item["sym"] for item in talk.items if item["ev"] == "A"}) > 20
