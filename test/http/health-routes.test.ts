import { request } from "node:http";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { admin } from "../operations/a-service.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { documentedMetrics, type Family, metricFamilies } from "./metrics-text.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    MAX_REQUEST_SIZE: "2048",
    PUBLIC_URL: "https://queues.example.org",
    QUEUE_SAMPLES: "on",
  });
  // The service's own rounds, every ten seconds, would come between those of the tests: this turn never ends.
  await server.engine.turns.set("queues", { holder: "tests" }, { ttlSeconds: 86_400 });
});
afterAll(() => server.close());

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Not with fetch, which does not allow another Host header. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, body } = options;
    const outgoing = request(`${server.url}${path}`, { method, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
    });
    outgoing.on("upgrade", () => reject(new Error("The upgrade was taken.")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const codeOf = (answer: Answer) => JSON.parse(answer.body).errors[0].extensions.code;
const graphql = (headers: Record<string, string>) =>
  ask("/api/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query: "{ __typename }" }),
  });

describe("health", () => {
  test("reports for each component whether it is healthy and how long the check took", async () => {
    const answer = await ask("/api/health");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toContain("application/health+json");
    const { status, checks } = JSON.parse(answer.body);
    expect(status).toBe("pass");
    expect(checks["control:responseTime"][0]).toMatchObject({ componentType: "datastore", status: "pass" });
    expect(checks["pool default:post_messages"][0].observedValue).toBeGreaterThan(0);
    expect(checks["eventLoop:lag"][0].observedUnit).toBe("ms");
  });

  test("probes a pool once for all callers", async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask("/api/health")));
    const times = answers.map((answer) => JSON.parse(answer.body).checks["pool default:post_messages"][0].time);
    expect(new Set(times).size).toBe(1);
  });

  test("is alive and ready", async () => {
    expect((await ask("/api/health/live")).status).toBe(200);
    expect((await ask("/api/health/ready")).status).toBe(200);
  });

  test("counts messages and requests without naming a queue", async () => {
    const run = (query: string) =>
      ask("/api/graphql", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
    const posted = await run(
      `mutation { postMessages(input: { project: "", queue: "secret-name", createQueue: true, messages: [{ body: { text: "1" } }, { body: { text: "2" } }] }) { ids } }`,
    );
    expect(JSON.parse(posted.body).errors).toBeUndefined();
    const { body, headers } = await ask("/api/metrics");
    expect(headers["content-type"]).toContain("text/plain");
    expect(body).toContain('isimud_messages_total{action="posted"} 2');
    expect(body).toMatch(/isimud_http_request_seconds_count\{method="GET",route="\/api\/health",status="200"\} \d/);
    expect(body).toContain('isimud_graphql_operations_total{type="mutation",outcome="ok"} 1');
    expect(body).toMatch(/isimud_database_connections\{state="total"\} \d/);
    expect(body).toContain("nodejs_eventloop_lag");
    expect(body).not.toContain("secret-name");
  });

  describe("the metrics of pools and queues", () => {
    const NAMED = { project: 'a "quoted" \\ project', queue: "named" };
    let families: Map<string, Family>;
    beforeAll(async () => {
      const { queues, messages, queueSampling } = server.engine.operations;
      const create = (queue: string, metadata: object) =>
        queues.create(admin, { ...NAMED, queue, metadataText: JSON.stringify(metadata) });
      await create("named", { _metrics: true });
      await create("nameless", { _dead_letter_queue: "dead" });
      await create("dead", {});
      for (const [queue, number] of [
        ["named", 3],
        ["nameless", 4],
        ["dead", 5],
      ] as const) {
        const body = { bodyText: "1" };
        await messages.post(admin, { ...NAMED, queue, messages: Array.from({ length: number }, () => body) });
      }
      // Counts are stored within a second.
      await vi.waitFor(async () => expect((await queues.stats(admin, NAMED)).totals.posted).toBe(3), 5000);
      const { signal } = new AbortController();
      await queueSampling.sample(signal);
      server.clock.offsetMs += 120_000;
      await queueSampling.sample(signal);
      // Scrapes share one reading for a second.
      families = await vi.waitFor(async () => {
        const found = metricFamilies((await ask("/api/metrics")).body);
        expect(found.get("isimud_queue_depth")?.values).toHaveLength(4);
        return found;
      }, 5000);
    });

    test("tell how full each pool is, and how old its oldest message", () => {
      const pool = { pool: "default" };
      expect(families.get("isimud_samples_up")?.values).toEqual([{ labels: {}, value: 1 }]);
      const depths = families.get("isimud_pool_depth")?.values;
      expect(depths?.map(({ labels }) => labels.state)).toEqual(["ready", "claimed", "delayed", "exhausted"]);
      expect(depths?.[0]?.value).toBeGreaterThanOrEqual(12);
      expect(families.get("isimud_pool_oldest_ready_age_seconds")?.values[0]?.value).toBeGreaterThan(119);
      expect(families.get("isimud_pool_dead_letters")?.values).toEqual([{ labels: pool, value: 5 }]);
      const rates = families.get("isimud_pool_messages_per_second")?.values;
      expect(rates?.map(({ labels }) => labels.action)).toEqual([
        "posted",
        "claimed",
        "released",
        "lapsed",
        "deleted",
        "expired",
        "dead_lettered",
        "delivered",
        "moved",
      ]);
    });

    test("tell how many problems there are of each kind", () => {
      const problems = families.get("isimud_problems")?.values ?? [];
      expect(problems.map(({ labels }) => labels.kind)).toContain("dead_letter_queue_missing");
      expect(problems.every(({ value }) => value === 0)).toBe(true);
    });

    test("name only the queue that asks for it", () => {
      const { project } = NAMED;
      const named = { project, queue: "named" };
      expect(families.get("isimud_queue_depth")?.values[0]).toEqual({ labels: { ...named, state: "ready" }, value: 3 });
      const totals = families.get("isimud_queue_messages_total")?.values;
      expect(totals?.[0]).toEqual({ labels: { ...named, action: "posted" }, value: 3 });
      const queues = [...families.values()].flatMap(({ values }) => values.flatMap(({ labels }) => labels.queue ?? []));
      expect(new Set(queues)).toEqual(new Set(["named"]));
    });

    test("are in docs/operating.md, and nothing else is, with their types, labels and workers", async () => {
      const snapshot = await server.engine.metrics.snapshot();
      const aggregators = new Map(snapshot.map(({ name, aggregator }) => [name, aggregator]));
      const words = { sum: "sum", max: "largest", min: "smallest", first: "one" } as Record<string, string>;
      const documented = documentedMetrics();
      expect([...documented.keys()].sort()).toEqual([...families.keys()].sort());
      for (const [name, { type, values }] of families) {
        const row = documented.get(name);
        const isSame = /^isimud_(problems$|samples_|pool_|queue_)/.test(name);
        const workers = isSame ? "same" : (words[aggregators.get(name) ?? "sum"] as string);
        expect({ name, type: row?.type, workers: row?.workers }).toEqual({ name, type, workers });
        for (const { labels } of values)
          expect({ name, labels: row?.labels }).toEqual({ name, labels: Object.keys(labels) });
      }
    });

    test("are missing, and say so, when no samples are taken", async () => {
      const own = await startTestServer();
      try {
        const found = metricFamilies(await (await fetch(`${own.url}/api/metrics`)).text());
        expect(found.get("isimud_samples_up")?.values).toEqual([{ labels: {}, value: 0 }]);
        expect(found.get("isimud_pool_depth")?.values).toEqual([]);
        expect(found.get("isimud_workers")?.values.map(({ value }) => value)).toEqual([1, 0]);
      } finally {
        await own.close();
      }
    });
  });

  test("is alive but not ready while the control database is unreachable, and ready again when it is back", async () => {
    const own = await startTestServer();
    try {
      const ready = async () => (await fetch(`${own.url}/api/health/ready`)).status;
      expect(await ready()).toBe(200);
      const url = new URL(own.engine.config.DATABASE_URL ?? "");
      const name = url.pathname.slice(1);
      url.pathname = "/postgres";
      const admin = new pg.Client({ connectionString: url.toString() });
      await admin.connect();
      try {
        await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
        await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
        await expect.poll(ready, { timeout: 10_000 }).toBe(503);
        expect((await fetch(`${own.url}/api/health/live`)).status).toBe(200);
        expect((await fetch(`${own.url}/api/health`)).status).toBe(503);
        await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
        await expect.poll(ready, { timeout: 10_000 }).toBe(200);
      } finally {
        await admin.end();
      }
    } finally {
      await own.close();
    }
  });
});

describe("who may ask", () => {
  const port = () => new URL(server.url).port;

  test.each(["localhost", "127.0.0.1", "[::1]"])("%s with the port is served", async (name) => {
    expect((await ask("/api/health/live", { headers: { host: `${name}:${port()}` } })).status).toBe(200);
  });

  test("the host of PUBLIC_URL is served", async () => {
    expect((await ask("/api/health/live", { headers: { host: "queues.example.org" } })).status).toBe(200);
  });

  test.each(["evil.example", "localhost", "localhost:1", "localhost.evil.example", "127.0.0.1.nip.io:80"])(
    "Host %j is misdirected",
    async (host) => {
      const answer = await ask("/api/health/live", { headers: { host } });
      expect(answer.status).toBe(421);
      expect(codeOf(answer)).toBe("MISDIRECTED");
    },
  );

  test("a request for a foreign Host does not learn which paths exist", async () => {
    expect((await ask("/no/such/address", { headers: { host: "evil.example" } })).status).toBe(421);
  });

  test.each(["forwarded", "x-forwarded-for", "x-real-ip", "via"])("a request with %s is refused", async (name) => {
    const answer = await ask("/api/health/live", { headers: { [name]: "127.0.0.1" } });
    expect(answer.status).toBe(403);
    expect(codeOf(answer)).toBe("FORBIDDEN");
  });

  test("programs and Isimud's own pages may send changes", async () => {
    expect((await graphql({})).status).toBe(200);
    expect((await graphql({ origin: server.url, "sec-fetch-site": "same-origin" })).status).toBe(200);
    const published = { host: "queues.example.org", origin: "https://queues.example.org" };
    expect((await graphql(published)).status).toBe(200);
  });

  test.each<Record<string, string>>([
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://localhost:1" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])("a page that sends %o may not send changes", async (headers) => {
    const answer = await graphql(headers);
    expect(answer.status).toBe(403);
    expect(codeOf(answer)).toBe("FORBIDDEN");
  });

  test("a page of another site may not open a stream or a socket", async () => {
    const foreign = { origin: "https://evil.example" };
    const stream = await ask("/api/graphql?query={__typename}", {
      headers: { ...foreign, accept: "text/event-stream" },
    });
    expect(stream.status).toBe(403);
    const upgrade = { connection: "upgrade", upgrade: "websocket" };
    expect((await ask("/_next/webpack-hmr", { headers: { ...foreign, ...upgrade } })).status).toBe(403);
    expect((await ask("/_next/webpack-hmr", { headers: { host: "evil.example", ...upgrade } })).status).toBe(421);
    expect((await ask("/_next/webpack-hmr", { headers: upgrade })).status).toBe(404);
  });
});

describe("TLS", () => {
  test("is the only way from then on, once a browser has come by it to an https PUBLIC_URL", async () => {
    const header = "strict-transport-security";
    for (const path of ["/api/health/live", "/api/nothing"]) {
      const secure = await ask(path, { headers: { host: "queues.example.org" } });
      expect(secure.headers[header]).toBe("max-age=31536000");
      expect((await ask(path)).headers[header]).toBeUndefined();
    }
  });
});

describe("answers", () => {
  test("a body that is too large is refused before it is parsed", async () => {
    const answer = await ask("/api/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{ not json ${" ".repeat(4000)}`,
    });
    expect(answer.status).toBe(413);
    expect(codeOf(answer)).toBe("TOO_LARGE");
  });

  test("an unknown path is a 404 in JSON", async () => {
    const answer = await ask("/api/nothing");
    expect(answer.status).toBe(404);
    expect(codeOf(answer)).toBe("NOT_FOUND");
  });

  test("carry the request's id, and headers that forbid sniffing, framing and caching", async () => {
    const { headers } = await ask("/api/health/live");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["cache-control"]).toBe("no-store");
  });

  test("a path that cannot be decoded is refused, and no internal error", async () => {
    expect((await ask("/api/%E0%A4%A")).status).toBe(400);
  });
});

test("under BASE_PATH everything is below it, and nothing beside it", async () => {
  const own = await startTestServer({ BASE_PATH: "/queues" });
  try {
    expect(own.url).toMatch(/\/queues$/);
    expect((await fetch(`${own.url}/api/health/live`)).status).toBe(200);
    const root = own.url.replace(/\/queues$/, "");
    expect((await fetch(`${root}/api/health/live`)).status).toBe(404);
  } finally {
    await own.close();
  }
});

test("a request that is in flight when the end begins gets its answer", async () => {
  const own = await startTestServer();
  const body = JSON.stringify({ query: "{ __typename }" });
  const headers = {
    "content-type": "application/json",
    "content-length": String(body.length),
    // The server answers 100 Continue once it has read the headers.
    expect: "100-continue",
  };
  let closed: Promise<void> | undefined;
  const status = await new Promise<number>((resolve, reject) => {
    const outgoing = request(`${own.url}/api/graphql`, { method: "POST", headers }, (incoming) => {
      incoming.resume();
      incoming.on("end", () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on("error", reject);
    outgoing.on("continue", () => {
      closed = own.close();
      outgoing.end(body);
    });
    outgoing.flushHeaders();
  });
  expect(status).toBe(200);
  await closed;
  await expect(fetch(`${own.url}/api/health/live`)).rejects.toThrow();
});
