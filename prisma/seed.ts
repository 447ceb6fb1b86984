/**
 * `npm run demo [URL]`: fills a running Isimud with a demo world, over its GraphQL API like any other client. Running it
 * again adds only what is missing: a queue that has messages is left alone.
 */
import { type Config, ConfigError, isLoopback, readConfig } from "../server/config.ts";
import { embeddedUrl } from "../server/embedded-postgres.ts";
import { type Call, callsTo } from "./seed-api.ts";
import { fillShop } from "./seed-shop.ts";

const SENSORS = 2000;
/** Requests in flight at once while many queues are made. */
const AT_ONCE = 12;

async function fillPools(call: Call, databaseUrl: string | null): Promise<void> {
  const pool = async (name: string, uri: string, weight: number, more: { verify?: boolean; flavor?: string } = {}) => {
    const { pool } = await call<{ pool: object | null }>(`query ($name: String!) { pool(name: $name) { name } }`, {
      name,
    });
    if (pool) return;
    await call(`mutation ($input: CreatePoolInput!) { createPool(input: $input) { created } }`, {
      input: { name, uri, weight, ...more },
    });
  };
  const flavor = async (project: string, name: string, pools: string[]) => {
    await call(`mutation ($input: CreateFlavorInput!) { createFlavor(input: $input) { created } }`, {
      input: { project, name, pools, replace: true },
    });
  };
  // Real pools are schemas beside the control tables.
  if (databaseUrl !== null) {
    const inSchema = (schema: string) => {
      const url = new URL(databaseUrl);
      url.searchParams.set("schema", schema);
      return url.href;
    };
    await pool("eu-1", inSchema("demo_eu_1"), 300);
    await pool("eu-2", inSchema("demo_eu_2"), 100);
    await pool("ledger", inSchema("demo_ledger"), 100);
    await flavor("shop", "durable", ["ledger"]);
    await call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
      input: { project: "shop", name: "ledger-entries", metadataText: '{"_flavor":"durable"}' },
    });
    await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
      input: {
        project: "shop",
        queue: "ledger-entries",
        messages: [{ bodyText: '{"entry":1,"amount":9007199254740993}' }],
        idempotencyKey: "demo-ledger-entries",
      },
    });
  }
  // Registered before it is up, and drained: weight 0 takes no queues.
  await pool("archive", "postgres://isimud:not-a-secret@127.0.0.1:9/archive?schema=cold", 0, {
    verify: false,
    flavor: "cold",
  });
}

async function fillTelemetry(call: Call): Promise<void> {
  const { queues } = await call<{ queues: { count: { value: number } } }>(
    `{ queues(project: "telemetry", search: "sensor-", first: 1) { count { value } } }`,
  );
  if (queues.count.value >= SENSORS) return;
  const names = Array.from({ length: SENSORS }, (_, index) => `sensor-${String(index + 1).padStart(4, "0")}`);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < names.length; index = next++) {
      const name = names[index];
      if (name === undefined) return;
      // Every seventh has readings; a queue is made by its first post, or empty.
      if (index % 7 === 0) {
        const messages = Array.from({ length: 1 + (index % 5) }, (_, reading) => ({
          bodyText: `{"sensor":"${name}","reading":${reading},"celsius":${(15 + (index % 90) / 10).toFixed(1)}}`,
        }));
        await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
          input: { project: "telemetry", queue: name, messages, createQueue: true, idempotencyKey: `demo-${name}` },
        });
      } else {
        await call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
          input: { project: "telemetry", name },
        });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function fillStore(call: Call): Promise<void> {
  const { keyValueStores } = await call<{ keyValueStores: { nodes: { name: string }[] } }>(
    `{ keyValueStores(first: 100) { nodes { name } } }`,
  );
  if (!keyValueStores.nodes.some(({ name }) => name === "feature-flags")) {
    await call(`mutation ($input: CreateKeyValueStoreInput!) { createKeyValueStore(input: $input) { name } }`, {
      input: { name: "feature-flags", lockTimeoutSeconds: 600 },
    });
  }
  await call(`mutation ($input: SetKeyValuesInput!) { setKeyValues(input: $input) { keys } }`, {
    input: {
      store: "feature-flags",
      entries: [
        { key: "checkout.v2", valueText: '{"enabled":true,"share":0.25}' },
        { key: "gift-wrap", valueText: '{"enabled":false}' },
        { key: "night-shift", valueText: '{"enabled":true,"from":"22:00","to":"06:00"}' },
      ],
    },
  });
}

function readOrExplain(): Config {
  try {
    return readConfig();
  } catch (error) {
    console.error(error instanceof ConfigError ? error.message : error);
    process.exit(1);
  }
}

const config = readOrExplain();
const url = process.argv[2] ?? config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}${config.BASE_PATH}`;
const ownDatabase = isLoopback(new URL(url).hostname) ? embeddedUrl(config.DATA_DIR) : null;
const call = callsTo(`${url.replace(/\/+$/, "")}/api/graphql`);

const steps: [string, () => Promise<void>][] = [
  ["Pools and flavors", () => fillPools(call, config.DATABASE_URL ?? ownDatabase)],
  [`${SENSORS.toLocaleString("en-US")} queues of telemetry`, () => fillTelemetry(call)],
  // After the many, so that these are the newest, which the overview shows.
  ["The shop's queues, in every state", () => fillShop(call)],
  ["A key-value store", () => fillStore(call)],
];
try {
  for (const [name, step] of steps) {
    console.log(`${name}...`);
    await step();
  }
  console.log(`The demo world is at ${url}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
