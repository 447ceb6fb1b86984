import { expect, it } from "vitest";
import {
  actHref,
  type Choices,
  namedQueues,
  type QueuesScope,
  readChoices,
  readScope,
} from "../../../components/acting/choices.ts";
import { dryRunInput } from "../../../components/acting/dry-run-input.ts";
import { bestRate } from "../../../components/acting/pace.ts";

const QUEUE = { kind: "queue", project: "shop", name: "orders" } as const;
const reader = (href: string) => {
  const search = new URL(href, "http://x").searchParams;
  return (name: string) => search.get(name);
};
const read = (href: string) => readChoices(reader(href), "delete");
const nothing = read("/");

it("the address has every choice", () => {
  const some: Partial<Choices>[] = [
    { action: "redrive", to: "elsewhere", ttl: 60, rate: 0.5, limit: 10 },
    { action: "move", to: "q", toProject: "", which: "ids", ids: ["a", "b"], rate: null },
    {
      action: "delete",
      which: "match",
      body: "a b",
      states: ["delayed", "exhausted"],
      client: "c",
      deliveries: 3,
      force: true,
    },
    { action: "release", which: "match", delay: 0 },
    { action: "release", which: "match", holder: "worker-2", ends: "2026-11-27T12:05:00.000Z" },
    { action: "purge", before: "2026-11-26T00:00:00.000Z", which: "match" },
    { action: "delete", which: "all", body: "not now" },
  ];
  for (const change of some) {
    const choices = { ...nothing, ...change };
    expect(read(actHref(QUEUE, choices))).toEqual(choices);
  }
  const narrow = {
    kind: "queues",
    search: "or",
    pool: "eu",
    flavor: null,
    deadLetters: true,
    holds: null,
    waits: null,
  } as const;
  for (const scope of [
    { ...narrow, project: "", allProjects: false },
    { ...narrow, project: null, allProjects: true },
    { ...narrow, project: null, allProjects: true, deadLetters: false, holds: "exhausted" as const, waits: 300 },
  ]) {
    expect(readScope(reader(actHref(scope, nothing)))).toEqual(scope);
  }
});

it("several states are one condition, and what is no state is none", () => {
  const choices = read("/?state=exhausted,wrong,delayed");
  expect(choices).toMatchObject({ which: "match", states: ["delayed", "exhausted"] });
  expect(dryRunInput(QUEUE, choices)).toMatchObject({ input: { filter: { states: ["DELAYED", "EXHAUSTED"] } } });
  expect(read("/?state=wrong")).toMatchObject({ which: "all", states: [] });
});

it("an empty condition never means everything", () => {
  expect(dryRunInput(QUEUE, nothing)).toMatchObject({ missing: null, input: { all: true } });
  expect(dryRunInput(QUEUE, { ...nothing, which: "match" }).missing).toMatch(/at least one condition/);
  expect(dryRunInput(QUEUE, { ...nothing, action: "move" }).missing).toMatch(/Name the queue/);
  expect(dryRunInput(QUEUE, { ...nothing, action: "redrive", to: "" }).missing).toMatch(/Name the queue/);
});

it("the whole of a project is named as such, and conditions make it a filter", () => {
  const scope = {
    kind: "queues",
    project: "shop",
    allProjects: false,
    search: null,
    pool: null,
    flavor: null,
    deadLetters: false,
    holds: null,
    waits: null,
  } as const;
  expect(dryRunInput(scope, nothing)).toMatchObject({ input: { queues: { project: "shop" } } });
  expect(dryRunInput({ ...scope, project: null, search: "or" }, nothing)).toMatchObject({
    input: { queues: { filter: { allProjects: true, queues: { search: "or" } } } },
  });
  expect(dryRunInput({ ...scope, project: null, holds: "claimed" }, nothing)).toMatchObject({
    input: { queues: { filter: { allProjects: true, queues: { hasClaimed: true } } } },
  });
  expect(dryRunInput({ ...scope, waits: 60 }, nothing)).toMatchObject({
    input: { queues: { filter: { project: "shop", queues: { oldestReadyOlderThanSeconds: 60 } } } },
  });
});

it("selected queues are in the address, and named one by one", () => {
  const [first, second] = [
    { project: "", name: "orders" },
    { project: "a,b/ü", name: "mail.dead" },
  ];
  const scope = namedQueues([first, second]);
  expect(readScope(reader(actHref(scope, nothing)))).toEqual(scope);
  expect(dryRunInput(scope, nothing)).toMatchObject({
    missing: null,
    input: {
      queues: {
        queues: [
          { project: "", queue: "orders" },
          { project: "a,b/ü", queue: "mail.dead" },
        ],
      },
    },
  });
  expect(namedQueues([second]).project).toBe("a,b/ü");
  expect(dryRunInput(readScope(reader("/queues/act?named=what,a/b/c,%25")), nothing).missing).toMatch(/Select queues/);
});

it("all queues of all projects are never what nobody chose", () => {
  const scope = readScope(reader("/queues/act")) as QueuesScope;
  expect(dryRunInput(scope, nothing).missing).toMatch(/Choose a project/);
  expect(dryRunInput({ ...scope, allProjects: true }, nothing)).toMatchObject({
    missing: null,
    input: { queues: { filter: { allProjects: true } } },
  });
});

it("what consumers can take is their best minute together, without those that stopped", () => {
  const consumer = (from: string, messages: number[], stoppedAt: string | null = null) => ({
    stoppedAt,
    minutes: { from: `2026-11-27T01:${from}:00Z`, messages },
  });
  expect(
    bestRate([consumer("00", [60, 120]), consumer("01", [180]), consumer("00", [9000], "2026-11-27T01:01:00Z")]),
  ).toBe(5);
  expect(bestRate([consumer("00", [0, 0])])).toBeNull();
});
