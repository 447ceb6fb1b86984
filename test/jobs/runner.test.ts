/** What the runner of jobs owes to jobs, with a store that does as it is told. */
import { afterEach, expect, test, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { Job, JobStore } from "../../server/jobs/job.ts";
import type { JobWork } from "../../server/jobs/job-work.ts";
import { Patience } from "../../server/jobs/patience.ts";
import { type JobRunner, startJobRunner } from "../../server/jobs/runner.ts";

let runner: JobRunner | undefined;
afterEach(() => runner?.stop());

const away = () => new DomainError("STORAGE_UNAVAILABLE", "It is away.", { details: { pool: "there" } });

/** Gives one job, and how it ended. */
function aJob(work: JobWork, changes: { store?: Partial<JobStore>; beside?: () => Promise<unknown> } = {}) {
  const ended = Promise.withResolvers<string>();
  const jobs = [{ id: "1", kind: "moveQueue", progress: 0, total: null, fence: 1, cancelRequested: false } as Job];
  const store = {
    take: async () => jobs.shift() ?? null,
    beat: async () => ({ cancelRequested: false }),
    end: async ({ state }: { state: string }) => ended.resolve(state),
    release: async () => {},
    ...changes.store,
  } as unknown as JobStore;
  const { beside } = changes;
  runner = startJobRunner({
    store,
    work: { moveQueue: work, drainPool: work },
    ...(beside === undefined ? {} : { beside }),
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
