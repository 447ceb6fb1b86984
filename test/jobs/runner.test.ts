/** What the runner of jobs owes to jobs, with a store that does as it is told. */
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { Job, JobStore } from "../../server/jobs/job.ts";
import type { JobWork } from "../../server/jobs/job-work.ts";
import { Patience } from "../../server/jobs/patience.ts";
import { type JobRunner, startJobRunner } from "../../server/jobs/runner.ts";

let runner: JobRunner | undefined;
afterEach(() => runner?.stop());

const away = () => new DomainError("STORAGE_UNAVAILABLE", "It is away.", { details: { pool: "there" } });

const aJobRecord = (id: string) =>
  ({ id, kind: "moveQueue", progress: 0, total: null, ratePerSecond: null, fence: 1, cancelRequested: false }) as Job;

/** Gives one job, and how it ended. */
function aJob(
  work: JobWork,
  changes: { store?: Partial<JobStore>; beside?: () => Promise<unknown>; isSuspended?: () => Promise<boolean> } = {},
) {
  const ended = Promise.withResolvers<string>();
  const jobs = [aJobRecord("1")];
  const store = {
    take: async () => jobs.shift() ?? null,
    beat: async () => ({ cancelRequested: false }),
    end: async ({ state }: { state: string }) => ended.resolve(state),
    release: async () => {},
    ...changes.store,
  } as unknown as JobStore;
  const { beside, isSuspended } = changes;
  runner = startJobRunner({
    store,
    work: { moveQueue: work, drainPool: work },
    ...(beside === undefined ? {} : { beside }),
    ...(isSuspended === undefined ? {} : { isSuspended }),
    onError: () => {},
    maxWaitSeconds: 60,
  });
  return ended.promise;
}

test("what is done beside jobs holds none of them up", async () => {
  const hangs = Promise.withResolvers<void>();
  expect(await aJob(async () => ({}), { beside: () => hangs.promise })).toBe("done");
  hangs.resolve();
});

test("while jobs are suspended none is taken, and one that runs stops at its next safe point and is released", async () => {
  let suspended = false;
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const taken: string[] = [];
  const jobs = [aJobRecord("1")];
  const take = async () => {
    const job = jobs.shift() ?? null;
    if (job !== null) taken.push(job.id);
    return job;
  };
  const work: JobWork = async (job, progress) => {
    if (job.id === "2") return {};
    begun.resolve();
    for (;;) {
      progress.checkpoint();
      await setImmediate();
    }
  };
  const release = async () => released.resolve();
  const isSuspended = async () => suspended;
  const ended = aJob(work, { store: { take, release }, isSuspended });
  await begun.promise;
  suspended = true;
  jobs.push(aJobRecord("2"));
  runner?.wake();
  await released.promise;
  expect(taken).toEqual(["1"]);
  suspended = false;
  runner?.wake();
  expect(await ended).toBe("done");
});

test("a job that somebody cancels in its process does not go on until the next heartbeat", async () => {
  let cancelRequested = false;
  const begun = Promise.withResolvers<void>();
  const work: JobWork = async (_, progress) => {
    begun.resolve();
    for (;;) {
      progress.checkpoint();
      await setImmediate();
    }
  };
  const ended = aJob(work, { store: { beat: async () => ({ cancelRequested, held: false, ratePerSecond: null }) } });
  await begun.promise;
  cancelRequested = true;
  const cancelledAt = performance.now();
  runner?.wake();
  expect(await ended).toBe("cancelled");
  expect(performance.now() - cancelledAt).toBeLessThan(1000);
});

test("a holder that cannot ask whether the job is still its own is told so", async () => {
  const beat = () => Promise.reject(away());
  const asked = Promise.withResolvers<unknown>();
  const work: JobWork = async (_, progress) => {
    asked.resolve(await progress.confirm().catch((error: unknown) => error));
    return {};
  };
  await aJob(work, { store: { beat } });
  expect(await asked.promise).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
});

function aPatience() {
  const shown: (string | null)[] = [];
  const patience = new Patience({
    maxWaitSeconds: 10,
    show: async (waitingFor) => void shown.push(waitingFor),
    pause: async (milliseconds) => void vi.advanceTimersByTime(milliseconds),
  });
  return { patience, shown };
}

test("a wait ends with the step that fails for good, or whose time is up", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const { patience, shown } = aPatience();
    const errors = [away(), new DomainError("BAD_INPUT", "It is wrong.")];
    const step = () => Promise.reject(errors.shift());
    await expect(patience.through(step)).rejects.toMatchObject({ code: "BAD_INPUT" });
    expect(shown).toEqual(["pool there", null]);
    await expect(patience.through(() => Promise.reject(away()))).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(shown.at(-1)).toBeNull();
    const blip = [away()];
    expect(await patience.through(async () => blip.splice(0).map((error) => Promise.reject(error))[0] ?? "fine")).toBe(
      "fine",
    );
  } finally {
    vi.useRealTimers();
  }
});

test("work that begins anew is no wait, but what was waited for it counts", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const { patience, shown } = aPatience();
    await patience.outlast(away());
    patience.goOn();
    expect(shown).toEqual(["pool there", null]);
    vi.advanceTimersByTime(60_000);
    await patience.outlast(away());
    let waits = 0;
    const again = async () => {
      for (; ; waits += 1) {
        await patience.outlast(away());
        patience.goOn();
      }
    };
    await expect(again()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(waits).toBeLessThan(40);
  } finally {
    vi.useRealTimers();
  }
});
