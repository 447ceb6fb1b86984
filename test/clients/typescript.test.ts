/** The client in clients/typescript, against a started service. `wire` stands between them and can break. */
import { expect, onTestFinished, test } from "vitest";
import {
  type Client,
  createClient,
  IsimudError,
  type Message,
  type WorkerOptions,
} from "../../clients/typescript/client.ts";
import { aProject, postMessages, startApi } from "../graphql/api.ts";

const { api, server } = startApi();

/** What happens to one request: it is sent or not, and its answer arrives or not. */
type Wire = (operation: string, send: () => Promise<Response>) => Promise<Response>;

function aClient(wire: Wire = (_operation, send) => send()): { client: Client; project: string } {
  const project = aProject();
  const broken: typeof fetch = (input, init) => {
    const [, operation = ""] = /mutation (\w+)/.exec(String(init?.body)) ?? [];
    return wire(operation, () => fetch(input, init));
  };
  return { client: createClient({ url: server().url, project, clientId: "test", fetch: broken }), project };
}

/** Starts a worker that ends with the test. Returns what it handled and what it reported. */
function aWorker(
  client: Client,
  handler: (message: Message, context: { signal: AbortSignal }) => unknown,
  options: WorkerOptions = {},
) {
  const errors: unknown[] = [];
  const worker = client.worker("q", handler, {
    createQueue: true,
    waitSeconds: 1,
    onError: (error) => errors.push(error),
    ...options,
  });
  onTestFinished(() => worker.stop({ patienceMs: 0 }));
  return { worker, errors };
}

async function statsOf(project: string) {
  const { queue } = await api.run(
    `query S($project: String) { queue(project: $project, queue: "q") { stats { ready claimed delayed total } } }`,
    { project },
  );
  return queue.stats;
}

test("messages are posted in order, with headers, and with bodies as values or as exact text", async () => {
  const { client, project } = aClient();
  const headers = { type: "a" };
  const ids = await client.post(
    "q",
    [
      { body: { a: 1 }, headers },
      { bodyText: "1.50", delaySeconds: 5 },
    ],
    {
      createQueue: true,
    },
  );
  const { queue } = await api.run(
    `query M($project: String, $ids: [ID!]!) {
      queue(project: $project, queue: "q") { messagesById(ids: $ids) { bodyText state clientId headers { name value } } }
    }`,
    { project, ids },
  );
  expect(queue.messagesById).toEqual([
    { bodyText: '{"a":1}', state: "READY", clientId: "test", headers: [{ name: "type", value: "a" }] },
    { bodyText: "1.50", state: "DELAYED", clientId: "test", headers: [] },
  ]);
});

test("a post whose answer is lost is repeated, and posts once", async () => {
  let lost = 0;
  const { client, project } = aClient(async (_operation, send) => {
    const answer = await send();
    if (lost++ === 0) throw new TypeError("the connection was reset");
    return answer;
  });
  await client.post("q", [{ body: 1 }], { createQueue: true });
  expect(lost).toBe(2);
  expect(await statsOf(project)).toMatchObject({ total: 1 });
});

test("an error that a repeat would not mend comes at once, with its code and details", async () => {
  let sent = 0;
  const { client, project } = aClient((_operation, send) => {
    sent += 1;
    return send();
  });
  const error = await client.post("missing", [{ body: 1 }]).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(IsimudError);
  expect(error).toMatchObject({ code: "QUEUE_DOES_NOT_EXIST", retry: "NEVER", details: { project, queue: "missing" } });
  expect(sent).toBe(1);
});

test("a post ends when its signal aborts, and is not repeated", async () => {
  const stop = new AbortController();
  const { client } = aClient(() => {
    stop.abort(new Error("no longer wanted"));
    throw new TypeError("the connection was reset");
  });
  await expect(client.post("q", [{ body: 1 }], { signal: stop.signal })).rejects.toThrow("no longer wanted");
});

test("a worker handles each message once, at most as many at a time as it may, and acknowledges them", async () => {
  const { client, project } = aClient();
  await client.post(
    "q",
    Array.from({ length: 25 }, (_, n) => ({ body: n })),
    { createQueue: true },
  );
  const seen: unknown[] = [];
  let running = 0;
  let most = 0;
  const { errors } = aWorker(
    client,
    async ({ body }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      seen.push(body);
      running -= 1;
    },
    { concurrency: 4 },
  );
  await expect.poll(() => statsOf(project)).toMatchObject({ total: 0 });
  expect([...seen].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 25 }, (_, n) => n));
  expect(most).toBe(4);
  expect(errors).toEqual([]);
});

test("a message whose handler fails rests and comes back; the others of its claim are acknowledged", async () => {
  const { client, project } = aClient();
  await client.post("q", [{ body: "good" }, { body: "bad" }], { createQueue: true });
  const failed: string[] = [];
  const { errors } = aWorker(
    client,
    ({ body, claimCount }) => {
      if (body !== "bad") return;
      failed.push(`delivery ${claimCount}`);
      throw new Error("cannot do this");
    },
    { restSeconds: ({ claimCount }) => (claimCount === 1 ? 0 : 600) },
  );
  await expect.poll(() => statsOf(project)).toEqual({ ready: 0, claimed: 0, delayed: 1, total: 1 });
  expect(failed).toEqual(["delivery 1", "delivery 2"]);
  expect(errors.map((error) => (error as Error).message)).toEqual(["cannot do this", "cannot do this"]);
});

test("a message whose claim was lost before it was done is delivered again, and the worker says so", async () => {
  const { client, project } = aClient();
  await client.post("q", [{ body: 1 }], { createQueue: true });
  let deliveries = 0;
  const { errors } = aWorker(client, async () => {
    deliveries += 1;
    // The first delivery is refused before this one ends, or there would be nothing left to refuse.
    if (deliveries > 1) return until(() => errors.length > 0);
    const { queue } = await api.run(
      `query C($project: String) { queue(project: $project, queue: "q") { claims { nodes { id } } } }`,
      { project },
    );
    const input = { project, queue: "q", claimId: queue.claims.nodes[0].id };
    await api.run("mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }", { input });
  });
  await expect.poll(() => statsOf(project)).toMatchObject({ total: 0 });
  expect(deliveries).toBe(2);
  expect(errors.map((error) => (error as IsimudError).code)).toEqual(["MESSAGE_NOT_CLAIMED_BY"]);
});

test("a worker that stops waits for its handlers, claims no more, and leaves nothing claimed", async () => {
  const { client, project } = aClient();
  await client.post("q", [{ body: 1 }, { body: 2 }], { createQueue: true });
  let finish = () => {};
  let begun = 0;
  const { worker } = aWorker(
    client,
    () =>
      new Promise<void>((resolve) => {
        begun += 1;
        finish = resolve;
      }),
    { concurrency: 1 },
  );
  await until(() => begun === 1);
  const stopped = worker.stop();
  finish();
  await stopped;
  expect(begun).toBe(1);
  expect(await statsOf(project)).toEqual({ ready: 1, claimed: 0, delayed: 0, total: 1 });
});

test("a worker that stops while it asks for messages gives back what that request took", async () => {
  let worker: { stop(): Promise<void> } | undefined;
  const { client, project } = aClient(async (operation, send) => {
    if (operation !== "Claim" || worker === undefined) return send();
    // The server has claimed, and the answer never comes.
    await send();
    void worker.stop();
    worker = undefined;
    throw new TypeError("the connection was reset");
  });
  const started = aWorker(client, () => {}, { waitSeconds: 0 });
  worker = started.worker;
  await postMessages(api, project, "q", [1, 2]);
  await until(() => worker === undefined);
  await started.worker.stop();
  expect(await statsOf(project)).toMatchObject({ claimed: 0, ready: 2 });
});

test("a worker whose claim's answer was lost gets the same claim by its repeat", async () => {
  let lost = false;
  const { client, project } = aClient(async (operation, send) => {
    const answer = await send();
    if (operation !== "Claim" || lost) return answer;
    lost = true;
    throw new TypeError("the connection was reset");
  });
  await client.post("q", [{ body: 1 }, { body: 2 }], { createQueue: true });
  const counts: number[] = [];
  const { errors } = aWorker(client, ({ claimCount }) => void counts.push(claimCount));
  await expect.poll(() => statsOf(project)).toMatchObject({ total: 0 });
  expect(counts).toEqual([1, 1]);
  expect(errors).toEqual([]);
});

/** As expect.poll, which stops with the timers that a test replaces. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}
