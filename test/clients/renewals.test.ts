/**
 * How a worker of clients/typescript renews its claims. No service runs in this process: moving the time of one would
 * lose what it waits for.
 */
import { expect, onTestFinished, test, vi } from "vitest";
import { createClient } from "../../clients/typescript/client.ts";

/** A worker of a service that answers as told. The time of the whole process stands still. */
function aScriptedWorker(renew: () => object, handler: (signal: AbortSignal) => Promise<void>) {
  vi.useFakeTimers();
  const sent: string[] = [];
  const answerTo = (operation: string): object => {
    if (operation === "Renew") return renew();
    if (operation === "Acknowledge") return { data: { deleteMessages: { deleted: 1 } } };
    if (operation === "ReleaseClaim") return { data: { releaseClaim: { claimId: "c" } } };
    if (sent.filter((one) => one === "Claim").length > 1)
      return { data: { createClaim: { claim: null, messages: [] } } };
    const at = new Date(0).toISOString();
    const message = { id: "m", bodyText: "1", headers: [], claimCount: 1, createdAt: at, expiresAt: at };
    return { data: { createClaim: { claim: { id: "c" }, messages: [message] } } };
  };
  const client = createClient({
    url: "http://127.0.0.1:1",
    fetch: async (_input, init) => {
      const [, operation = ""] = /mutation (\w+)/.exec(String(init?.body)) ?? [];
      sent.push(operation);
      return Response.json(answerTo(operation));
    },
  });
  const errors: unknown[] = [];
  const worker = client.worker("q", (_message, { signal }) => handler(signal), {
    concurrency: 1,
    ttlSeconds: 60,
    onError: (error) => errors.push(error),
  });
  onTestFinished(async () => {
    await worker.stop({ patienceMs: 0 });
    vi.useRealTimers();
  });
  return { sent, errors };
}

test("a claim is renewed at half of its ttl for as long as the handler works", async () => {
  let finish = () => {};
  const working = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { sent, errors } = aScriptedWorker(
    () => ({ data: { renewClaim: { claim: { id: "c" } } } }),
    () => working,
  );
  await vi.advanceTimersByTimeAsync(29_000);
  expect(sent).toEqual(["Claim"]);
  await vi.advanceTimersByTimeAsync(91_000);
  expect(sent).toEqual(["Claim", "Renew", "Renew", "Renew", "Renew"]);
  finish();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toContain("Acknowledge");
  const renewals = sent.filter((operation) => operation === "Renew").length;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(sent.filter((operation) => operation === "Renew")).toHaveLength(renewals);
  expect(errors).toEqual([]);
});

test("a claim that cannot be renewed any more ends its handler's signal, and nothing is acknowledged", async () => {
  let signal: AbortSignal | undefined;
  const gone = { message: "gone", extensions: { code: "CLAIM_DOES_NOT_EXIST", retry: "NEVER" } };
  const { sent } = aScriptedWorker(
    () => ({ errors: [gone] }),
    (given) => {
      signal = given;
      return new Promise<void>((resolve) => given.addEventListener("abort", () => resolve()));
    },
  );
  await vi.advanceTimersByTimeAsync(30_000);
  expect(signal?.aborted).toBe(true);
  expect(sent).not.toContain("Acknowledge");
});

test("while renewals get no answer, a claim is held until it expires, and not longer", async () => {
  let signal: AbortSignal | undefined;
  const { sent } = aScriptedWorker(
    () => {
      throw new TypeError("the connection was reset");
    },
    (given) => {
      signal = given;
      return new Promise<void>(() => {});
    },
  );
  await vi.advanceTimersByTimeAsync(59_000);
  expect(signal?.aborted).toBe(false);
  expect(sent.filter((operation) => operation === "Renew").length).toBeGreaterThan(2);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(signal?.aborted).toBe(true);
});
