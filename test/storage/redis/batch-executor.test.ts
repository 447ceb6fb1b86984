import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { BatchExecutor } from "../../../server/storage/redis/server/batch-executor.ts";

/** An executor, the batches that it sent, and how to end each. The result of a request is the request itself. */
function aSender(maxWeight = 10) {
  const sent: { requests: string[]; end: (error?: unknown) => void }[] = [];
  const shared = new BatchExecutor<string, string>({
    maxWeight,
    send: (requests) =>
      new Promise((resolve, reject) => {
        sent.push({
          requests: [...requests],
          end: (error) => (error === undefined ? resolve(requests) : reject(error)),
        });
      }),
  });
  return { shared, sent };
}

describe("requests that share a script", () => {
  it("go together when they come in one turn, each partition by itself, in order", async () => {
    const { shared, sent } = aSender();
    const all = [shared.submit("a", "1", 1), shared.submit("b", "2", 1), shared.submit("a", "3", 1)];
    await turn();
    expect(sent.map(({ requests }) => requests)).toEqual([["1", "3"], ["2"]]);
    for (const { end } of sent) end();
    expect(await Promise.all(all)).toEqual(["1", "2", "3"]);
  });

  it("wait while two scripts are under way, and then go in batches up to the maximum weight", async () => {
    const { shared, sent } = aSender(3);
    const all: Promise<string>[] = [];
    for (const request of ["1", "2"]) {
      all.push(shared.submit("a", request, 1));
      await turn();
    }
    for (const request of ["3", "4", "5", "6", "7"]) all.push(shared.submit("a", request, 1));
    await turn();
    expect(sent.map(({ requests }) => requests)).toEqual([["1"], ["2"]]);
    sent[0]?.end();
    await vi.waitFor(() => expect(sent).toHaveLength(3));
    expect(sent[2]?.requests).toEqual(["3", "4", "5"]);
    sent[1]?.end();
    await vi.waitFor(() => expect(sent).toHaveLength(4));
    expect(sent[3]?.requests).toEqual(["6", "7"]);
    for (const { end } of sent) end();
    await Promise.all(all);
  });

  it("fail together, and the next ones do not", async () => {
    const { shared, sent } = aSender();
    const failing = [shared.submit("a", "1", 1), shared.submit("a", "2", 1)];
    const outcomes = Promise.allSettled(failing);
    await turn();
    sent[0]?.end(new Error("down"));
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = shared.submit("a", "3", 1);
    await turn();
    sent[1]?.end();
    await next;
  });

  it("fail unsent when their turn does not come in time", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const { shared, sent } = aSender();
      const begun: Promise<string>[] = [];
      for (const request of ["1", "2"]) {
        begun.push(shared.submit("a", request, 1));
        await turn();
      }
      const late = expect(shared.submit("a", "late", 1)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      vi.advanceTimersByTime(6000);
      sent[0]?.end();
      await late;
      sent[1]?.end();
      await Promise.all(begun);
      expect(sent).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
