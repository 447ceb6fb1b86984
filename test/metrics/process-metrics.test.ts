import { expect, test } from "vitest";
import { createMetrics } from "../../server/metrics/process-metrics.ts";
import { textOf } from "../../server/metrics/snapshot.ts";

test("a value that is not known just after the start is left out, and its metric is still told", async () => {
  const metrics = createMetrics({ connections: () => ({ total: 0, idle: 0, waiting: 0 }) });
  const { body } = await textOf([await metrics.snapshot()]);
  expect(body).toContain("# TYPE nodejs_eventloop_lag_mean_seconds gauge");
  expect(body).not.toMatch(/ nan$/im);
});
