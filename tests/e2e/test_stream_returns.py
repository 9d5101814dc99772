"""Clients that come back to the stream of the local cloud: from where they were, or with what is newest."""

import json
import sys

from local.stack.folder import ROOT
from tests.e2e.listening import Listening, listening
from tests.e2e.stacks import NODE, LocalCloud
from tests.e2e.talking import cut, new_user, pair_of, talking

PAIRS = "T.TEST,Q.TEST"


def test_after_a_cut_a_resume_brings_all_that_was_missed(cloud: LocalCloud) -> None:
    key = new_user(cloud, 7).text
    with talking(cloud, key) as before:
        before.say("subscribe", PAIRS)
        before.until(lambda: all(before.numbers(pair) for pair in PAIRS.split(",")))
        cut(cloud)
        before.to_the_end()
        assert before.closed is None
    with talking(cloud, key) as other:  # meanwhile it goes on
        other.say("subscribe", PAIRS)
        other.until(lambda: all(len(other.numbers(pair)) >= 3 for pair in PAIRS.split(",")))
    with talking(cloud, key) as after:
        after.say("subscribe", PAIRS, since=before.position)
        after.until(lambda: len(after.told("resumed")) == 2 and after.items[-1]["ev"] == "T")
    assert not after.told("gap")
    for pair in PAIRS.split(","):
        numbers = list(dict.fromkeys([*before.numbers(pair), *after.numbers(pair)]))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert set(other.numbers(pair)) <= set(numbers)


def test_a_cursor_of_another_numbering_names_what_is_missing(cloud: LocalCloud) -> None:
    with talking(cloud, new_user(cloud, 7).text) as talk:
        talk.say("resume", "T.TEST", since="1-1")
        talk.until(lambda: talk.told("gap") and talk.numbers("T.TEST"))
    (gap,) = [item for item in talk.items if item.get("status") == "gap"]
    assert (gap["pairs"], gap["from"]) == (["T.TEST"], 1)


def test_a_snapshot_is_the_latest_event_and_comes_first(cloud: LocalCloud) -> None:
    key = new_user(cloud, 7).text
    with talking(cloud, key) as talk:
        talk.say("subscribe", "A.TEST")
        while True:
            known = len(talk.items)
            talk.until(lambda known=known: any(pair_of(item) for item in talk.items[known:]))  # type: ignore[misc]
            newest = talk.numbers("A.TEST")[-1]
            with talking(cloud, key) as late:
                late.say("subscribe", "A.TEST", snapshot=True)
                late.until(lambda: late.numbers("A.TEST"))
            # Another one may have come in between.
            if late.numbers("A.TEST")[0] == newest:
                break


def goes_on_after_a_cut(cloud: LocalCloud, example: Listening) -> None:
    """Cut the connection of an example that prints trades, and see that it goes on without a hole."""
    example.until(lambda items: any(item["ev"] == "T" for item in items), "trade")
    cut(cloud)
    example.until(lambda items: any(item.get("status") == "resumed" for item in items), "resume")
    known = len(example.items)
    items = example.until(lambda items: any(item["ev"] == "T" for item in items[known:]), "trade after it")
    numbers = [item["_n"] for item in items if item["ev"] == "T"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert not [item for item in items if item.get("status") == "gap"]


def test_the_example_goes_on_after_a_cut_without_a_hole(cloud: LocalCloud) -> None:
    program = ROOT / "examples/stream_resume.py"
    with listening(sys.executable, program, cloud.said["ws"], new_user(cloud, 5).text, "T.TEST") as example:
        goes_on_after_a_cut(cloud, example)


def test_the_example_with_the_vendors_client_prints_trades(cloud: LocalCloud) -> None:
    program = ROOT / "examples/stream_vendor.py"
    with listening(sys.executable, program, cloud.said["ws"], new_user(cloud, 5).text, "T.TEST") as example:
        example.until_noise("EquityTrade(")


IN_A_BROWSER = """
const fields = %s, form = {}, shown = { get textContent() { return ""; }, set textContent(text) { console.log(text.trim()); } };
globalThis.document = { querySelector: (name) => (name === "form" ? form : shown) };
globalThis.FormData = class { constructor() { return Object.entries(fields); } };
{ %s }
form.onsubmit({ preventDefault() {} });
"""
"""A page around a script, as far as the example uses one. The WebSocket is Node's own."""


def test_the_example_in_the_browser_goes_on_after_a_cut_without_a_hole(cloud: LocalCloud) -> None:
    page = (ROOT / "examples/stream_browser.html").read_text()
    script = page.split("<script>")[1].split("</script>")[0]
    fields = {"url": cloud.said["ws"], "key": new_user(cloud, 5).text, "pairs": "T.TEST"}
    with listening(NODE, "-e", IN_A_BROWSER % (json.dumps(fields), script)) as example:
        goes_on_after_a_cut(cloud, example)
