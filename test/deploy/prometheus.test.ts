/** What is in deploy/ for those who watch the service: alert rules and a dashboard. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metricFamilies } from "../http/metrics-text.ts";
import { admin } from "../operations/a-service.ts";
import { hasPrometheus, startPrometheus, type TestPrometheus } from "../support/prometheus.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const top = fileURLToPath(new URL("../..", import.meta.url));
const textOf = (path: string) => readFileSync(join(top, path), "utf8");
const ALERTS = textOf("deploy/prometheus/alerts.yaml");

interface Panel {
  type: string;
  title: string;
  targets?: { expr: string }[];
}
const DASHBOARD = JSON.parse(textOf("deploy/grafana/isimud.json")) as { panels: Panel[] };
const EXPRESSIONS = DASHBOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe("the alert rules", () => {
  test.runIf(hasPrometheus())("are valid, and fire when they should", () => {
    const run = (...argv: string[]) =>
      execFileSync("promtool", argv, { cwd: join(top, "deploy/prometheus"), encoding: "utf8", stdio: "pipe" });
    expect(run("check", "rules", "alerts.yaml")).toContain("SUCCESS");
    expect(run("test", "rules", "alerts.test.yaml")).toContain("SUCCESS");
  });

  test("name runbooks that exist", () => {
    const headings = new Set(
      [...textOf("docs/operating.md").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading.toLowerCase().replaceAll(" ", "-"),
      ),
    );
    const runbooks = [...ALERTS.matchAll(/runbook: docs\/operating\.md#(\S+)/g)].map(([, anchor = ""]) => anchor);
    expect(runbooks).toHaveLength(ALERTS.match(/- alert:/g)?.length ?? 0);
    expect(runbooks.filter((anchor) => !headings.has(anchor))).toEqual([]);
  });
});

describe("beside a real service", () => {
  let server: TestServer;
  let prometheus: TestPrometheus | undefined;
  beforeAll(async () => {
    server = await startTestServer({ QUEUE_SAMPLES: "on", GC_INTERVAL: "1" });
    const { queues, messages, queueSampling } = server.engine.operations;
    const queue = { project: "shop", queue: "orders" };
    await queues.create(admin, { ...queue, metadataText: '{"_metrics":true}' });
    await messages.post(admin, { ...queue, messages: [{ bodyText: "1" }] });
    const { signal } = new AbortController();
    await queueSampling.sample(signal);
    server.clock.offsetMs += 120_000;
    await queueSampling.sample(signal);
    await fetch(`${server.url}/api/graphql?query={__typename}`, { headers: { "apollo-require-preflight": "true" } });
    if (hasPrometheus()) prometheus = await startPrometheus(server.url);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await server.close();
  });

  test("each metric and kind that a rule names is there", async () => {
    const families = metricFamilies(await (await fetch(`${server.url}/api/metrics`)).text());
    const expressions = [...ALERTS.matchAll(/expr: (?:>\n)?((?:.|\n {10})+)/g)].map(
      ([, expression = ""]) => expression,
    );
    const named = expressions.flatMap((text) => text.match(/\b(?:isimud|nodejs|process)_\w+/g) ?? []);
    expect(named.length).toBeGreaterThanOrEqual(expressions.length - 1);
    const isThere = (name: string) => families.has(name) || families.has(name.replace(/_(?:count|bucket|sum)$/, ""));
    expect(named.filter((name) => !isThere(name))).toEqual([]);
    const kinds = new Set(families.get("isimud_problems")?.values.map(({ labels }) => labels.kind));
    const wanted = expressions.flatMap((text) => /kind=~?"([^"]+)"/.exec(text)?.[1]?.split("|") ?? []);
    // A kind of problem without an alert would be a problem that nobody hears of.
    expect(new Set(wanted)).toEqual(kinds);
  });

  test.runIf(hasPrometheus())("each query of the dashboard finds something", async () => {
    expect(EXPRESSIONS.length).toBeGreaterThan(20);
    await expect
      .poll(async () => {
        const values: Record<string, string> = { job: "isimud", project: ".*", __rate_interval: "20s" };
        const counts = await Promise.all(
          EXPRESSIONS.map(async (expression) => {
            const text = expression.replaceAll(/\$(\w+)/g, (_, name: string) => values[name] ?? "");
            return (await prometheus?.count(text).catch(() => 0)) ? undefined : text;
          }),
        );
        return counts.filter((text) => text !== undefined);
      })
      .toEqual([]);
  });
});
