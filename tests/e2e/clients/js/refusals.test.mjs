// Errors as the vendor's JavaScript client gives them: at once, with the status and the body.
import assert from "node:assert/strict";
import { test } from "node:test";

import { as, rest } from "./client.mjs";

test("wrong key", () => refused(as("not-a-key").getMarketStatus(), 401, { status: "ERROR", error: "Unknown API Key" }));

test("unknown ticker", () => refused(rest.getLastStocksQuote({ stocksTicker: "NOSUCH" }), 404, { status: "NOT_FOUND" }));

test("bad parameter", () => refused(rest.getStocksTrades({ stockTicker: "AAPL", limit: 0 }), 400, { status: "ERROR" }));

test("limit of a tier", async () => {
  const limited = as(process.env.LIMITED_KEY);
  const often = async () => {
    for (let call = 0; call < 60; call += 1) await limited.getMarketStatus();
  };
  const { headers } = await refused(often(), 429, { status: "ERROR" });
  assert.ok(Number(headers["retry-after"]) <= 2);
});

test("what the plan does not include", async () => {
  const order = { kind: "403", match: "/v3/trades" };
  await fetch(`${process.env.SANDBOX_URL}/_control/faults`, { method: "POST", body: JSON.stringify(order) });
  await refused(rest.getStocksTrades({ stockTicker: "GOOG", timestampLt: "2025-11-19" }), 403, { status: "NOT_AUTHORIZED" });
});

/** The response of a request that must be refused with this status and at least this body. */
async function refused(request, status, body) {
  const error = await request.then(() => assert.fail("was answered"), (rejected) => rejected);
  assert.equal(error.response?.status, status, error.stack);
  assert.ok(error.response.data.request_id);
  assert.deepEqual({ ...error.response.data, ...body }, error.response.data);
  return error.response;
}
