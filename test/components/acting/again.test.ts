import { expect, it } from "vitest";
import { readAgain } from "../../../components/acting/again.ts";
import { actHref, readChoices, readScope } from "../../../components/acting/choices.ts";
import { dryRunInput } from "../../../components/acting/dry-run-input.ts";

const QUEUE = { queue: { project: "shop", queue: "orders" } };
const again = (input: object, job: Partial<Parameters<typeof readAgain>[0]> = {}) =>
  readAgain({ project: "shop", inputText: JSON.stringify(input), ratePerSecond: null, ...job });

/** As a job stores them: what the API has read. */
const INPUTS = [
  { action: { redrive: {} }, queues: QUEUE, all: true, limit: 10 },
  { action: { redrive: { to: "elsewhere", ttlSeconds: 60 } }, queues: { project: "" }, all: true },
  { action: { delete: { force: true } }, queues: QUEUE, filter: { ids: ["a", "b"] } },
  {
    action: { move: { project: "", queue: "q" } },
    queues: { queues: [QUEUE.queue, { project: "süd/west", queue: "orders" }] },
    filter: { states: ["claimed", "delayed"], clientId: "c", minClaimCount: 3, bodyContains: "a b" },
  },
  {
    action: { release: { delaySeconds: 5 } },
    queues: {
      filter: {
        allProjects: true,
        queues: {
          ...{ search: "or", pool: "eu", flavor: "f", isDeadLetterQueue: true },
          ...{ hasClaimed: true, oldestReadyOlderThanSeconds: 60 },
        },
      },
    },
    filter: {
      postedFrom: "2026-11-26T00:00:00.000Z",
      postedBefore: "2026-11-27T00:00:00.000Z",
      holder: "worker",
      claimEndsBefore: "2026-11-28T00:00:00.000Z",
    },
  },
  { action: { purge: { before: "2026-11-26T00:00:00.000Z" } }, queues: QUEUE, all: false },
  {
    action: { purge: {} },
    queues: { filter: { project: "shop", allProjects: false, queues: { search: "or" } } },
    all: true,
  },
];

it.each(INPUTS)("the same dry run is asked for by the address that the choices of a job make: $action", (input) => {
  const { scope, choices } = again(input, { ratePerSecond: 5 }) ?? expect.fail();
  const asked = dryRunInput(scope, choices);
  // States are written in small letters where they are stored.
  const sent = JSON.parse(JSON.stringify(asked), (key, value) =>
    key === "states" ? value.map((state: string) => state.toLowerCase()) : value,
  );
  expect(sent).toEqual({ missing: null, input });
  const search = new URL(actHref(scope, choices), "http://x").searchParams;
  const read = (name: string) => search.get(name);
  expect(readChoices(read, "delete")).toEqual(choices);
  expect(choices.rate).toBe(5);
  if (scope.kind !== "queue") expect(readScope(read)).toEqual(scope);
});

it("a queue without a project is one of the job's", () => {
  const input = { action: { delete: {} }, queues: { queue: { queue: "orders" } }, all: true };
  expect(again(input)?.scope).toEqual({ kind: "queue", project: "shop", name: "orders" });
  expect(again(input, { project: null })).toBeNull();
});

it("a condition that the page does not have, or that is hidden, never gets lost", () => {
  const input = { action: { delete: {} }, queues: QUEUE };
  for (const filter of [{ aboveMarker: "7" }, { bodyContains: "***" }, { clientId: "" }, { minClaimCount: 0 }]) {
    expect(again({ ...input, filter }), JSON.stringify(filter)).toBeNull();
  }
  const filtered = (queues: object) => ({ ...input, queues: { filter: { project: "shop", queues } }, all: true });
  expect(again(filtered({ pool: "" }))).toBeNull();
  expect(again(filtered({ hasReady: true, hasDelayed: true }))).toBeNull();
  expect(again({ pool: "fast" })).toBeNull();
});
