/** What is in deploy/ for those who watch the service: alert rules and a dashboard. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anchorOf, runbook } from "../../server/problems/runbook.ts";
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
  fieldConfig?: { defaults: { unit?: string } };
}
interface Variable {
  name: string;
  type: string;
  query: string | { query: string };
}
const DASHBOARD = JSON.parse(textOf("deploy/grafana/isimud.json")) as {
  panels: Panel[];
  templating: { list: Variable[] };
};
/** What Grafana itself puts into queries. */
const BUILT_IN = ["__rate_interval", "__all"];
const EXPRESSIONS = DASHBOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe("the alert rules", () => {
  test.runIf(hasPrometheus())("are valid, and fire when they should", () => {
    const run = (...argv: string[]) =>
      execFileSync("promtool", argv, { cwd: join(top, "deploy/prometheus"), encoding: "utf8", stdio: "pipe" });
    expect(run("check", "rules", "alerts.yaml")).toContain("SUCCESS");
    expect(run("test", "rules", "alerts.test.yaml")).toContain("SUCCESS");
  });

  test("are each tried: one moment when the alert fires, and one when it does not", () => {
    const tests = textOf("deploy/prometheus/alerts.test.yaml");
    const alerts = [...ALERTS.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
    const tried = (name: string) => ({
      fires: new RegExp(`alertname: ${name}\\n +exp_alerts:`).test(tests),
      doesNot: new RegExp(`eval_time: \\w+, alertname: ${name} }`).test(tests),
    });
    expect(Object.fromEntries(alerts.map((name) => [name, tried(name)]))).toEqual(
      Object.fromEntries(alerts.map((name) => [name, { fires: true, doesNot: true }])),
    );
  });

  test("lead for each kind of problem to the section about it", () => {
    const rules = ALERTS.split("- alert: ").slice(1);
    const sections = rules.flatMap((rule) => {
      const [, kind] = /isimud_problems\{kind="(\w+)"\}/.exec(rule) ?? [];
      const [, anchor] = /runbook: docs\/operating\.md#(\S+)/.exec(rule) ?? [];
      return kind === undefined ? [] : [[kind.replaceAll("_", "-"), anchor]];
    });
    expect(sections.map(([kind]) => kind).toSorted()).toEqual(
      runbook()
        .map(({ kind }) => anchorOf(kind))
        .toSorted(),
    );
    expect(sections.filter(([kind, anchor]) => kind !== anchor)).toEqual([]);
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

describe("the dashboard", () => {
  const targets = DASHBOARD.panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ ...panel, expr })));

  test("declares the variables that its queries use, and no others", () => {
    const used = new Set(JSON.stringify(DASHBOARD).match(/(?<=\$\{?)[a-z_]+(?=\W)/g));
    const declared = DASHBOARD.templating.list.map(({ name }) => name);
    expect([...used].filter((name) => !BUILT_IN.includes(name)).toSorted()).toEqual(declared.toSorted());
  });

  test("shows one installation: each query is about the chosen job", () => {
    const series = (expr: string) => expr.match(/\b(?:isimud|nodejs|process)_\w+(?:\{[^}]*\})?/g) ?? [];
    expect(targets.flatMap(({ expr }) => series(expr)).filter((one) => !one.includes('job="$job"'))).toEqual([]);
  });

  test("has the unit of what a panel shows", () => {
    const unitOf = (expr: string) => {
      if (/quantile|_seconds(?!_)(\{|$)/.test(expr)) return ["s"];
      if (/_bytes/.test(expr)) return ["bytes"];
      if (/per_second|rate\((?!process_cpu)/.test(expr)) return ["ops", "reqps"];
      return ["short"];
    };
    const wrong = targets.filter(({ expr, fieldConfig }) => !unitOf(expr).includes(fieldConfig?.defaults.unit ?? ""));
    expect(wrong.map(({ title, expr, fieldConfig }) => ({ title, expr, fieldConfig }))).toEqual([]);
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

  test.runIf(hasPrometheus())("each variable of the dashboard finds something to choose", async () => {
    const queries = DASHBOARD.templating.list.flatMap(({ type, query }) =>
      type === "query" && typeof query === "object" ? [query.query] : [],
    );
    expect(queries.length).toBeGreaterThan(0);
    for (const query of queries) {
      const [, series = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
      const expression = `count by (${label}) (${series.replace("$job", "isimud")})`;
      await expect.poll(() => prometheus?.count(expression), { message: query }).toBeGreaterThan(0);
    }
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
