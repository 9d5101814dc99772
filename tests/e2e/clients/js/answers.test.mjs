// Every Polygon route through the vendor's JavaScript client.
import assert from "node:assert/strict";
import { test } from "node:test";

import { follow, host, paging, rest, sorted } from "./client.mjs";

const TWO_DAYS = { from: "2025-11-18", to: "2025-11-19" };
const FROM = BigInt(Date.UTC(2025, 10, 19, 15)) * 1_000_000n;
const WINDOW = { timestampGte: `${FROM}`, timestampLt: `${FROM + 300_000_000_000n}`, sort: "timestamp" };
// The client sends a time of news under the names in an object; of a plain string it would send each letter.
const WEEK = {
  publishedUtcGte: { "published_utc.gte": "2025-11-17" },
  publishedUtcLt: { "published_utc.lt": "2025-11-22" },
};
const PERIOD = { timestampGte: "2025-09-02", timestampLte: "2025-11-21", timespan: "day" };

test("bars of some days", async () => {
  const bars = await rest.getStocksAggregates({
    stocksTicker: "AAPL", multiplier: 1, timespan: "day", from: "2025-11-10", to: "2025-11-21", adjusted: true, sort: "asc", limit: 50,
  });
  assert.equal(bars.ticker, "AAPL");
  assert.equal(bars.resultsCount, 10);
  assert.ok(bars.results.every((bar) => bar.l <= bar.vw && bar.vw <= bar.h && bar.n <= bar.v));
});

test("pages of bars to the end", async () => {
  const bars = { stocksTicker: "MSFT", multiplier: 5, timespan: "minute", ...TWO_DAYS };
  const whole = await rest.getStocksAggregates({ ...bars, limit: 50_000 });
  const paged = await paging.getStocksAggregates({ ...bars, limit: 100 });
  assert.ok(whole.results.length > 350);
  // The client puts later pages before earlier ones.
  assert.deepEqual(sorted(paged.results.map((bar) => bar.t)), whole.results.map((bar) => bar.t));
});

test("close of the day before", async () => {
  const { results: [bar] } = await rest.getPreviousStocksAggregates({ stocksTicker: "BRK.B" });
  assert.equal(bar.T, "BRK.B");
  assert.ok(bar.l <= bar.c && bar.c <= bar.h);
});

test("last quote", async () => {
  const { results } = await rest.getLastStocksQuote({ stocksTicker: "AAPL" });
  assert.equal(results.T, "AAPL");
  assert.ok(0 < results.p && results.p < results.P);
});

test("last trade", async () => {
  const { results } = await rest.getLastStocksTrade({ stocksTicker: "AAPL" });
  assert.equal(results.T, "AAPL");
  assert.ok(results.p > 0 && results.s > 0);
});

test("pages of quotes to the end", async () => {
  const whole = await rest.getStocksQuotes({ stockTicker: "AAPL", ...WINDOW, limit: 50_000 });
  const paged = await paging.getStocksQuotes({ stockTicker: "AAPL", ...WINDOW, limit: 7 });
  assert.ok(whole.results.length > 14);
  assert.deepEqual(numbers(paged), numbers(whole));
  assert.ok(paged.results.every((quote) => 0 < quote.bid_price && quote.bid_price < quote.ask_price));
});

test("pages of trades to the end", async () => {
  const whole = await rest.getStocksTrades({ stockTicker: "AAPL", ...WINDOW, limit: 50_000 });
  const paged = await paging.getStocksTrades({ stockTicker: "AAPL", ...WINDOW, limit: 7 });
  assert.ok(whole.results.length > 14);
  assert.deepEqual(numbers(paged), numbers(whole));
});

test("snapshot of a ticker", async () => {
  const { ticker } = await rest.getStocksSnapshotTicker({ stocksTicker: "TSLA" });
  assert.equal(ticker.ticker, "TSLA");
  assert.ok(ticker.lastQuote.p < ticker.lastQuote.P);
  assert.ok(ticker.prevDay.c > 0);
});

test("snapshots of some tickers", async () => {
  const { tickers } = await rest.getStocksSnapshotTickers({ tickers: ["AAPL,NOSUCH,BACpL"] });
  assert.deepEqual(tickers.map((each) => each.ticker).sort(), ["AAPL", "BACpL"]);
});

test("snapshot of the whole market", async () => {
  const { tickers } = await rest.getStocksSnapshotTickers();
  assert.ok(new Set(tickers.map((each) => each.ticker)).size > 9_000);
});

test("pages of universal snapshots", async () => {
  const found = await paging.getSnapshots({ tickerAnyOf: "AAPL,MSFT,NOSUCH,BRK.A,QQQ", limit: 2 });
  const byTicker = new Map(found.results.map((each) => [each.ticker, each]));
  assert.deepEqual([...byTicker.keys()].sort(), ["AAPL", "BRK.A", "MSFT", "NOSUCH", "QQQ"]);
  assert.equal(byTicker.get("NOSUCH").error, "NOT_FOUND");
  assert.ok(byTicker.get("AAPL").last_quote.bid < byTicker.get("AAPL").last_quote.ask);
});

test("simple moving average", () => indicator("getStocksSMA", { window: 20 }));
test("exponential moving average", () => indicator("getStocksEMA", { window: 20 }));
test("relative strength index", () => indicator("getStocksRSI", { window: 14 }));
test("convergence and divergence", async () => {
  const [value] = await indicator("getStocksMACD", { shortWindow: 12, longWindow: 26, signalWindow: 9 });
  assert.ok(Math.abs(value.value - value.signal - value.histogram) < 1e-9);
});

test("pages of news to the end", async () => {
  const whole = await rest.listNews({ ticker: "AAPL", ...WEEK, limit: 1000 });
  const paged = await paging.listNews({ ticker: "AAPL", ...WEEK, limit: 3 });
  assert.ok(whole.results.length > 6);
  assert.equal(paged.count, whole.results.length);
  assert.deepEqual(paged.results.map((each) => each.id).sort(), whole.results.map((each) => each.id).sort());
});

test("status of the market", async () => {
  const status = await rest.getMarketStatus();
  assert.ok(["open", "extended-hours", "closed"].includes(status.market));
  assert.ok(Number.isFinite(Date.parse(status.serverTime)));
});

test("holidays to come", async () => {
  const holidays = await rest.getMarketHolidays();
  assert.ok(holidays.length > 0);
  assert.ok(holidays.every((each) => ["closed", "early-close"].includes(each.status)));
});

test("pages of tickers to the end", async () => {
  const names = { tickerGte: "A", tickerLt: "BC", market: "stocks" };
  const whole = await rest.listTickers({ ...names, limit: 1000 });
  const paged = await paging.listTickers({ ...names, limit: 10 });
  assert.ok(whole.results.length > 20);
  assert.deepEqual(paged.results.map((each) => each.ticker).sort(), whole.results.map((each) => each.ticker).sort());
});

const numbers = ({ results }) => sorted(results.map((tick) => tick.sequence_number));

/** The values of an indicator over pages. The client cannot join these pages itself: their results are no list. */
async function indicator(name, windows) {
  const asked = { stockTicker: "AAPL", ...PERIOD, ...windows };
  const whole = await rest[name]({ ...asked, limit: 5000 });
  let page = await rest[name]({ ...asked, limit: 25 });
  const paged = [...page.results.values];
  while (page.next_url) {
    assert.equal(new URL(page.next_url).origin, new URL(host).origin);
    page = await follow(page.next_url);
    paged.push(...page.results.values);
  }
  assert.equal(paged.length, 59);
  assert.deepEqual(paged.map((value) => value.timestamp), whole.results.values.map((value) => value.timestamp));
  // The last digits depend on where the sums began.
  assert.ok(paged.every((value, at) => Math.abs(value.value - whole.results.values[at].value) < 1e-9));
  return paged;
}
