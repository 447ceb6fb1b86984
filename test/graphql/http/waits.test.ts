import { EventEmitter } from "node:events";
import type { FastifyReply } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { CLIENT_LEFT, createWaits, RIGHTS_CHANGED } from "../../../server/graphql/http/waits.ts";
import { person } from "../../support/access.ts";

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const aReply = () => ({ raw: Object.assign(new EventEmitter(), { destroyed: false }) }) as unknown as FastifyReply;

/** A caller whose token ends after so many days. Null: never. */
function withToken(days: number | null): Access {
  const expiresAt = days === null ? null : new Date(Date.now() + days * DAY_MS);
  return { ...person("token:t"), kind: "token", token: { id: "1", expiresAt } as Access["token"] & object };
}

const withSession = (days: number): Access => ({
  ...person("ada"),
  sessionEndsAt: new Date(Date.now() + days * DAY_MS),
});

test.each([1, 24, 25, 90, 365])("a wait ends with its token or its session, after %d days", (days) => {
  const signals = [withToken(days), withSession(days)].map((access) => createWaits().signalOf(aReply(), access));
  vi.advanceTimersByTime(days * DAY_MS - 1);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  vi.advanceTimersByTime(1);
  expect(signals.map(({ reason }) => reason)).toEqual([RIGHTS_CHANGED, RIGHTS_CHANGED]);
});

test("a wait with a token that never ends goes on, and one whose client leaves keeps no timer", () => {
  const waits = createWaits();
  const endless = waits.signalOf(aReply(), withToken(null));
  const reply = aReply();
  const left = waits.signalOf(reply, withToken(60));
  vi.advanceTimersByTime(30 * DAY_MS);
  reply.raw.emit("close");
  expect([left.reason, vi.getTimerCount(), endless.aborted]).toEqual([CLIENT_LEFT, 0, false]);
});

test("a wait whose caller has lost rights on the way ends at once, and long after that only those that are open", () => {
  const waits = createWaits();
  waits.endOf(({ actor }) => actor === "ada");
  expect(waits.signalOf(aReply(), person("ada")).reason).toBe(RIGHTS_CHANGED);
  expect(waits.signalOf(aReply(), person("bob")).aborted).toBe(false);
  vi.advanceTimersByTime(2000);
  const reply = aReply();
  expect(waits.signalOf(reply, person("ada")).aborted).toBe(false);
  waits.endOf(({ actor }) => actor === "ada");
  expect(waits.isOutdated(reply)).toBe(true);
});
