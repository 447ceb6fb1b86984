import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { getVariableValues, type OperationDefinitionNode, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { createClient } from "../../clients/typescript/client.ts";
import { type Call, callsTo } from "../../prisma/seed-api.ts";
import { fillJobs } from "../../prisma/seed-jobs.ts";
import { fillPools } from "../../prisma/seed-pools.ts";
import { fillShop } from "../../prisma/seed-shop.ts";
import { fillStore, fillTelemetry, SENSORS } from "../../prisma/seed-telemetry.ts";
import { runTraffic } from "../../prisma/seed-traffic.ts";
import { schema } from "../../server/graphql/schema/schema.ts";
import { startApi } from "../graphql/api.ts";

const { api, server } = startApi();
const call = () => callsTo(createClient({ url: server().url }));

const demo = (...words: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL("../../prisma/seed.ts", import.meta.url)), ...words], {
    encoding: "utf8",
  });

test("--help tells how to use it, and an unknown option is refused with the same text", () => {
  const help = demo("--help");
  expect([help.status, help.stdout]).toEqual([0, expect.stringContaining("--live")]);
  const refused = demo("--lives");
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/--lives.*--live /s)]);
});

test("pools that need the service's database are left out by name, with the reason", async () => {
  expect(await fillPools(call(), null)).toMatch(/eu-1, eu-2 and ledger.*durable.*not known here/);
  expect(await fillPools(call(), "postgresql://isimud@127.0.0.1:9/isimud")).toMatch(/eu-1.*cannot reach/);
});

/** What the demo reads of answers, so that it sends everything. */
const ANSWER = {
  queues: { count: { value: SENSORS - 1 } },
  pool: null,
  jobs: null,
  createQueue: { queue: { stats: { total: 0 } } },
  createClaim: { claim: { id: "a-claim" } },
  queueSubscriptionOf: null,
  createQueueSubscription: { subscription: { id: "a-subscription" } },
};

test("every document of the demo fits the schema, its variables too", async () => {
  const sent = new Set<string>();
  const fits: Call = async <Data>(document: string, variables: Record<string, unknown> = {}) => {
    sent.add(document);
    const parsed = parse(document);
    expect(validate(schema, parsed)).toEqual([]);
    const [operation] = parsed.definitions as OperationDefinitionNode[];
    expect(getVariableValues(schema, operation?.variableDefinitions ?? [], variables).errors).toBeUndefined();
    return ANSWER as Data;
  };
  await fillTelemetry(fits);
  await fillStore(fits);
  expect(sent.size).toBe(5);
  await fillPools(fits, "postgresql://isimud@127.0.0.1:9/isimud");
  await fillShop(fits);
  expect(sent.size).toBe(14);
  await fillJobs(fits);
  expect(sent.size).toBe(17);
});

test("a job of the demo fails, and a second demo adds no other", async () => {
  await fillJobs(call());
  const read = async () =>
    (await api.run('{ jobs(target: "load-test") { nodes { state error { code } } } }')).jobs.nodes;
  await expect.poll(read).toEqual([{ state: "FAILED", error: { code: "QUEUE_DOES_NOT_EXIST" } }]);
  await server().engine.operations.problemRounds.find(new AbortController().signal);
  const { problems } = await api.run("{ problems(filter: { kinds: [JOB_FAILED] }) { nodes { queueName } } }");
  expect(problems.nodes).toEqual([{ queueName: "load-test" }]);
  await fillJobs(call());
  expect(await read()).toHaveLength(1);
});

test("a worker that dies in live traffic keeps what it holds", async () => {
  const stop = new AbortController();
  const told: string[] = [];
  const flow = {
    queue: "deadly",
    rate: 100,
    workers: 1,
    lastStopsAfterMs: 300,
    workMs: 1,
    failures: 0,
    body: () => ({}),
  };
  const running = runTraffic(server(), stop.signal, (line) => told.push(line), [flow]);
  await expect.poll(() => told).toContainEqual("deadly-worker-1 stopped. It holds up to 10 messages for an hour.");
  stop.abort();
  await running;
  const { claims } = (await api.run('{ queue(project: "shop", queue: "deadly") { claims { nodes { clientId } } } }'))
    .queue;
  expect(claims.nodes).toEqual([{ clientId: "deadly-worker-1" }]);
});

test("live traffic posts and finishes messages, and leaves no claim behind when it stops", async () => {
  const stop = new AbortController();
  const flow = {
    queue: "busy",
    rate: 200,
    workers: 2,
    workMs: 1,
    failures: 0.5,
    body: (serial: number) => ({ serial }),
  };
  const running = runTraffic(server(), stop.signal, () => {}, [flow]);
  const read = async (fields: string) =>
    (await api.run(`{ queue(project: "shop", queue: "busy") { ${fields} } }`)).queue;
  try {
    await expect
      .poll(async () => (await read("newestMessage { body }"))?.newestMessage?.body.serial ?? 0)
      .toBeGreaterThan(60);
  } finally {
    stop.abort();
  }
  const { posted, done: finished, failed } = await running;
  expect(finished).toBeGreaterThan(0);
  expect(failed).toBeGreaterThan(0);
  expect((await read("stats { total claimed }")).stats).toEqual({ total: posted - finished, claimed: 0 });
});
