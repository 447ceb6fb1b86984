import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { DRIVER_DEADLINE_MS, isSlow } from "../../../server/storage/deadlines/call-deadlines.ts";
import { BatchExecutor } from "../../../server/storage/postgres/sql/batch-executor.ts";
import { RESEND } from "../../../server/storage/resend.ts";

interface Sent {
  batch: readonly string[];
  answer(results: (string | DomainError | typeof RESEND)[]): void;
  fail(error: unknown): void;
}

/** An executor whose statements end when the test says so. */
function aPipeline(
  limits: {
    concurrency?: number;
    maxRequests?: number;
    maxWeight?: number;
    splitThreshold?: number;
    serializePerPartition?: boolean;
    namesOf?: (request: string) => string[];
  } = {},
) {
  const sent: Sent[] = [];
  const pipeline = new BatchExecutor<string, string>({
    concurrency: 1,
    maxRequests: 10,
    maxWeight: 100,
    splitThreshold: 100,
    serializePerPartition: false,
    partitionKey: (request) => request.charAt(0),
    ...limits,
    run: (batch) => new Promise((answer, fail) => sent.push({ batch, answer, fail })),
  });
  const submit = (request: string, weight = 1) => {
    const result = pipeline.submit(request, weight);
    // A request that its test leaves waiting is given up when that test is long over.
    result.catch(() => undefined);
    return result;
  };
  const settle = async (number: number) => {
    sent[number]?.answer(sent[number].batch.map((request) => `${request} done`));
    await vi.waitFor(() => expect(sent.length).toBeGreaterThanOrEqual(number + 1));
  };
  return { sent, submit, settle };
}

/** The end of this turn of the event loop, when an executor that may run another statement sends it. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("requests that share statements", () => {
  it("an idle executor sends at the end of the turn what came in it, without a timer", async () => {
    const { sent, submit } = aPipeline();
    void submit("a");
    void submit("b");
    expect(sent).toHaveLength(0);
    await turn();
    expect(sent.map(({ batch }) => batch)).toEqual([["a", "b"]]);
  });

  it("requests that arrive while a statement is under way go with the next one, in order", async () => {
    const { sent, submit, settle } = aPipeline();
    const first = submit("a");
    await turn();
    const later = [submit("b"), submit("c")];
    await turn();
    later.push(submit("d"));
    await turn();
    expect(sent).toHaveLength(1);
    await settle(0);
    expect(await first).toBe("a done");
    await vi.waitFor(() => expect(sent[1]?.batch).toEqual(["b", "c", "d"]));
    await settle(1);
    expect(await Promise.all(later)).toEqual(["b done", "c done", "d done"]);
  });

  it("queues take turns when not all waiting requests fit, and each keeps its own order", async () => {
    const { sent, submit, settle } = aPipeline({ maxRequests: 4 });
    void submit("first");
    await turn();
    for (const request of ["a1", "a2", "a3", "a4", "a5", "b1", "b2", "c1"]) void submit(request);
    await settle(0);
    await vi.waitFor(() => expect(sent[1]?.batch).toEqual(["a1", "b1", "c1", "a2"]));
    await settle(1);
    await vi.waitFor(() => expect(sent[2]?.batch).toEqual(["a3", "a4", "a5", "b2"]));
  });

  it("requests that a statement left out are sent again, first those of queues that got no answer", async () => {
    const { sent, submit } = aPipeline();
    for (const request of ["a1", "a2", "b1", "b2", "c1"]) void submit(request);
    await turn();
    void submit("d1");
    sent[0]?.answer(["done", RESEND, RESEND, RESEND, "done"]);
    await vi.waitFor(() => expect(sent[1]?.batch).toEqual(["b1", "b2", "a2", "d1"]));
  });

  it("no more statements are under way than the concurrency allows", async () => {
    const { sent, submit } = aPipeline({ concurrency: 2 });
    for (const request of ["a", "b", "c"]) {
      void submit(request);
      await turn();
    }
    expect(sent.map(({ batch }) => batch)).toEqual([["a"], ["b"]]);
  });

  it("a large backlog is split in half, so that two statements work on it in parallel", async () => {
    const { sent, submit } = aPipeline({ concurrency: 2, splitThreshold: 2 });
    for (const request of ["a1", "a2", "a3", "a4", "a5", "a6"]) void submit(request);
    await vi.waitFor(() =>
      expect(sent.map(({ batch }) => batch)).toEqual([
        ["a1", "a2", "a3"],
        ["a4", "a5", "a6"],
      ]),
    );
  });

  it("a queue with a large backlog does not push the first request of another queue into the second half", async () => {
    const { sent, submit } = aPipeline({ concurrency: 1, splitThreshold: 2 });
    for (const request of ["a1", "a2", "a3", "a4", "a5", "b1"]) void submit(request);
    await vi.waitFor(() => expect(sent.map(({ batch }) => batch)).toEqual([["a1", "b1", "a2"]]));
  });

  it("with serializePerPartition each queue has one statement under way, and other queues pass it", async () => {
    const { sent, submit, settle } = aPipeline({ concurrency: 2, serializePerPartition: true });
    void submit("a1");
    await turn();
    void submit("a2");
    void submit("b1");
    await vi.waitFor(() => expect(sent.map(({ batch }) => batch)).toEqual([["a1"], ["b1"]]));
    await settle(1);
    await turn();
    expect(sent).toHaveLength(2);
    await settle(0);
    await vi.waitFor(() => expect(sent[2]?.batch).toEqual(["a2"]));
  });

  it("requests with a row name in common never share a statement", async () => {
    const { sent, submit, settle } = aPipeline({ namesOf: (request) => [...request.slice(1)] });
    for (const request of ["a12", "a3", "a24", "a5"]) void submit(request);
    await turn();
    await settle(0);
    await vi.waitFor(() => expect(sent.map(({ batch }) => batch)).toEqual([["a12", "a3", "a5"], ["a24"]]));
  });

  it("a statement is bounded in number and weight, but has at least one request", async () => {
    const { sent, submit, settle } = aPipeline({ maxRequests: 2, maxWeight: 10 });
    void submit("first");
    await turn();
    for (const [request, weight] of [
      ["a", 1],
      ["b", 1],
      ["c", 1],
      ["heavy", 50],
      ["d", 6],
      ["e", 6],
    ] as const) {
      void submit(request, weight);
    }
    for (let number = 0; number < 5; number++) {
      await vi.waitFor(() => expect(sent.length).toBe(number + 1));
      await settle(number);
    }
    await vi.waitFor(() => expect(sent.length).toBe(6));
    expect(sent.map(({ batch }) => batch)).toEqual([["first"], ["a", "b"], ["c"], ["heavy"], ["d"], ["e"]]);
  });

  it("each request gets its own result or error", async () => {
    const { sent, submit, settle } = aPipeline();
    void submit("first");
    await turn();
    const [good, bad] = [submit("good"), submit("bad")];
    const refused = expect(bad).rejects.toMatchObject({ code: "MESSAGE_IS_CLAIMED" });
    await settle(0);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    sent[1]?.answer(["fine", new DomainError("MESSAGE_IS_CLAIMED", "It is claimed.")]);
    expect(await good).toBe("fine");
    await refused;
  });

  it("a refused request fails alone: those that shared its statement are tried again without it", async () => {
    const { sent, submit, settle } = aPipeline();
    void submit("first");
    await turn();
    const outcomes = Promise.allSettled([submit("a"), submit("poison"), submit("c")]);
    await settle(0);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    sent[1]?.fail(new DomainError("INTERNAL", "The storage refused a statement."));
    for (const [number, request] of ["a", "poison", "c"].entries()) {
      await vi.waitFor(() => expect(sent[2 + number]?.batch).toEqual([request]));
      if (request === "poison") sent[2 + number]?.fail(new DomainError("INTERNAL", "The storage refused a statement."));
      else await settle(2 + number);
    }
    expect(await outcomes).toMatchObject([
      { status: "fulfilled", value: "a done" },
      { status: "rejected", reason: { code: "INTERNAL" } },
      { status: "fulfilled", value: "c done" },
    ]);
  });

  it("the requests of a locked queue fail alone: those of other queues are tried again without them", async () => {
    const { sent, submit, settle } = aPipeline();
    void submit("first");
    await turn();
    const outcomes = Promise.allSettled([
      submit("a1"),
      submit("locked1"),
      submit("a2"),
      submit("locked2"),
      submit("c"),
    ]);
    await settle(0);
    const timeOut = new DomainError("DEADLINE_EXCEEDED", "The storage took too long. Try again.");
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    sent[1]?.fail(timeOut);
    for (const [number, batch] of [["a1", "a2"], ["locked1", "locked2"], ["c"]].entries()) {
      await vi.waitFor(() => expect(sent[2 + number]?.batch).toEqual(batch));
      if (number === 1) sent[2 + number]?.fail(timeOut);
      else await settle(2 + number);
    }
    expect((await outcomes).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(sent).toHaveLength(5);
  });

  it("no request is repeated when the connection broke, because each may have been done", async () => {
    const { sent, submit, settle } = aPipeline();
    void submit("first");
    await turn();
    const outcomes = Promise.allSettled([submit("a"), submit("b")]);
    await settle(0);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    sent[1]?.fail(new DomainError("OUTCOME_UNKNOWN", "It may have happened."));
    expect(await outcomes).toMatchObject([
      { status: "rejected", reason: { code: "OUTCOME_UNKNOWN" } },
      { status: "rejected", reason: { code: "OUTCOME_UNKNOWN" } },
    ]);
    expect(sent).toHaveLength(2);
  });

  it("a request that waited past the deadline fails unsent", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const { sent, submit } = aPipeline();
      void submit("slow");
      await turn();
      const late = expect(submit("late")).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      vi.advanceTimersByTime(DRIVER_DEADLINE_MS + 1);
      const next = submit("next");
      sent[0]?.answer(["slow done"]);
      await late;
      await vi.waitFor(() => expect(sent[1]?.batch).toEqual(["next"]));
      sent[1]?.answer(["next done"]);
      expect(await next).toBe("next done");
    } finally {
      vi.useRealTimers();
    }
  });

  describe("the deadline of a request", () => {
    beforeEach(() => vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] }));
    afterEach(() => vi.useRealTimers());

    /** The outcome of each request, after so many milliseconds and the work that was due by then. */
    async function outcomesAfter(milliseconds: number, requests: Promise<string>[]): Promise<unknown[]> {
      const outcomes = Promise.allSettled(requests);
      vi.advanceTimersByTime(milliseconds);
      await turn();
      await turn();
      const codes = (await outcomes).map((outcome) =>
        outcome.status === "fulfilled" ? outcome.value : [outcome.reason.code, isSlow(outcome.reason)],
      );
      return codes;
    }

    it("a deadline includes the wait, and a storage that has answered nothing by then counts as unreachable", async () => {
      const { submit } = aPipeline();
      const underWay = submit("a");
      await turn();
      const waiting = submit("b");
      expect(await outcomesAfter(DRIVER_DEADLINE_MS + 200, [underWay, waiting])).toEqual([
        ["OUTCOME_UNKNOWN", false],
        ["STORAGE_UNAVAILABLE", false],
      ]);
    });

    it("a storage that answers other requests counts as slow, not as unreachable", async () => {
      const { sent, submit } = aPipeline({ concurrency: 2 });
      const underWay = submit("a");
      await turn();
      const other = submit("b");
      await turn();
      vi.advanceTimersByTime(1000);
      sent[1]?.answer(["b done"]);
      await other;
      const next = submit("c");
      // One turn to end the statement, one to send the next.
      await turn();
      await turn();
      expect(sent).toHaveLength(3);
      const unsent = expect(submit("d")).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
      const late = outcomesAfter(DRIVER_DEADLINE_MS - 800, [underWay]);
      expect(await late).toEqual([["OUTCOME_UNKNOWN", true]]);
      sent[2]?.answer(["c done"]);
      expect(await next).toBe("c done");
      await unsent;
      expect(sent).toHaveLength(3);
    });
  });
});
