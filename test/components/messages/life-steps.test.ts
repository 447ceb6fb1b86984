import { expect, test } from "vitest";
import type { LifeEvent } from "../../../components/messages/fragments.ts";
import { isRedrive, stepsOf } from "../../../components/messages/life-steps.ts";

let second = 0;
const event = (kind: LifeEvent["kind"], changes: Partial<LifeEvent> = {}): LifeEvent => ({
  kind,
  at: new Date(Date.UTC(2026, 0, 1, 12, 0, second++)).toISOString(),
  queueName: "orders",
  otherQueueName: null,
  clientId: null,
  actor: null,
  claimId: null,
  until: null,
  deliveries: null,
  ...changes,
});
const claimOf = (claimId: string, ...kinds: LifeEvent["kind"][]) => kinds.map((kind) => event(kind, { claimId }));

/** Each line in short: the kinds that it has. */
const lines = (events: readonly LifeEvent[]) =>
  stepsOf(events).map((step) => {
    if ("event" in step) return step.event.kind;
    if ("claims" in step) return `${step.claims.length} claims`;
    return ["CLAIMED", ...(step.renewals ? [`${step.renewals} renewals`] : []), step.end?.kind ?? "held"].join(" ");
  });

test("a claim is one line, from its delivery to its end", () => {
  const life = [
    event("POSTED"),
    ...claimOf("a", "CLAIMED", "RENEWED", "RENEWED", "RELEASED"),
    ...claimOf("b", "CLAIMED", "DELETED"),
  ];
  expect(lines(life)).toEqual(["POSTED", "CLAIMED 2 renewals RELEASED", "CLAIMED DELETED"]);
  expect(lines([...claimOf("a", "CLAIMED"), ...claimOf("b", "LAPSED"), event("DELETED")])).toEqual([
    "CLAIMED held",
    "LAPSED",
    "DELETED",
  ]);
});

test("many claims in a row that led to nothing share a line, but for the first", () => {
  const vain = ["a", "b", "c", "d", "e"].flatMap((id) => claimOf(id, "CLAIMED", id === "c" ? "RELEASED" : "LAPSED"));
  const last = claimOf("f", "CLAIMED", "DELETED");
  expect(lines([event("POSTED"), ...vain, ...last])).toEqual([
    "POSTED",
    "CLAIMED LAPSED",
    "4 claims",
    "CLAIMED DELETED",
  ]);
  expect(lines(vain.slice(0, 6))).toEqual(["CLAIMED LAPSED", "CLAIMED LAPSED", "CLAIMED RELEASED"]);
  expect(lines([...vain.slice(0, 4), event("DEAD_LETTERED"), ...vain.slice(4, 8)])).toHaveLength(5);
});

test("an arrival is told only where the departure is not, and a move back is a redrive", () => {
  const buried = event("DEAD_LETTERED", { otherQueueName: "dead" });
  const arrived = event("ARRIVED", { queueName: "dead", otherQueueName: "orders" });
  const back = event("MOVED", { queueName: "dead", otherQueueName: "orders" });
  const life = [event("POSTED"), buried, arrived, back, event("ARRIVED", { otherQueueName: "dead" })];
  expect(lines(life)).toEqual(["POSTED", "DEAD_LETTERED", "MOVED"]);
  expect(lines([arrived, back])).toEqual(["ARRIVED", "MOVED"]);
  expect(isRedrive(life, back)).toBe(true);
  expect(isRedrive(life, event("MOVED", { queueName: "dead", otherQueueName: "elsewhere" }))).toBe(false);
});
