import { expect, it } from "vitest";
import type { JobKind } from "../../server/jobs/job.ts";
import { inWords } from "../../server/problems/text.ts";

it("a failed job can be asked for again, but not a load of test messages, of which a part is there", () => {
  const fixOf = (kind: JobKind) => {
    const at = new Date();
    const subject = { id: "1", project: "p", queue: "q", pool: "", job: "7", seenAt: at, snooze: null };
    const numbers = { kind, target: "q", error: "The queue does not exist." };
    return inWords({ ...subject, kind: "jobFailed", severity: "warning", since: at, numbers }, at).fix;
  };
  expect([fixOf("moveQueue"), fixOf("drainPool"), fixOf("deleteMessages"), fixOf("generateMessages")]).toEqual([
    ...Array(3).fill("retryJob"),
    null,
  ]);
});
