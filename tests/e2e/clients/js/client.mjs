// The vendor's client, pointed at the host under test by BASE_URL and API_KEY.
import { restClient } from "@massive.com/client-js";

export const host = process.env.BASE_URL;
const key = process.env.API_KEY;

export const rest = restClient(key, host);
export const paging = restClient(key, host, { pagination: true });
export const as = (otherKey) => restClient(otherKey, host);

/** Asks for the page at a `next_url` as it stands. */
export async function follow(nextUrl) {
  const answer = await fetch(nextUrl, { headers: { authorization: `Bearer ${key}` } });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

export const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
