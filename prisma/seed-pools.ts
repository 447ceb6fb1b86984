/** Pools and flavors. Real pools are schemas of the service's own database, so creating them needs its URL. */
import { IsimudError } from "../clients/typescript/client.ts";
import type { Call } from "./seed-api.ts";

/** Creates what it can. Returns what it left out and why, or null. */
export async function fillPools(call: Call, databaseUrl: string | null): Promise<string | null> {
  let reason: string | null = null;
  if (databaseUrl === null) reason = "The URL of the service's database is not known here.";
  else {
    try {
      await fillRealPools(call, databaseUrl);
    } catch (error) {
      if (!(error instanceof IsimudError) || error.code !== "POOL_NOT_REACHABLE") throw error;
      reason = "The service cannot reach the database that DATA_DIR or DATABASE_URL names here.";
    }
  }
  // Its server does not answer, and its weight 0 takes no queues.
  await createPool(call, "archive", "postgres://isimud:not-a-secret@127.0.0.1:9/archive?schema=cold", 0, {
    verify: false,
    flavor: "cold",
  });
  if (reason === null) return null;
  return (
    `The pools eu-1, eu-2 and ledger, the flavor durable and the queue ledger-entries are left out. ${reason} ` +
    "Run this with the DATA_DIR or DATABASE_URL of the service."
  );
}

async function fillRealPools(call: Call, databaseUrl: string): Promise<void> {
  const inSchema = (schema: string) => {
    const url = new URL(databaseUrl);
    url.searchParams.set("schema", schema);
    return url.href;
  };
  await createPool(call, "eu-1", inSchema("demo_eu_1"), 300);
  await createPool(call, "eu-2", inSchema("demo_eu_2"), 100);
  await createPool(call, "ledger", inSchema("demo_ledger"), 100);
  await call(`mutation ($input: CreateFlavorInput!) { createFlavor(input: $input) { created } }`, {
    input: { project: "shop", flavor: "durable", pools: ["ledger"], replace: true },
  });
  await call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
    input: { project: "shop", queue: "ledger-entries", metadata: { json: { _flavor: "durable" } } },
  });
  await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
    input: {
      project: "shop",
      queue: "ledger-entries",
      messages: [{ body: { text: '{"entry":1,"amount":9007199254740993}' } }],
      idempotencyKey: "demo-ledger-entries",
    },
  });
}

async function createPool(
  call: Call,
  name: string,
  uri: string,
  weight: number,
  more: { verify?: boolean; flavor?: string } = {},
): Promise<void> {
  const { pool } = await call<{ pool: object | null }>("query ($name: String!) { pool(pool: $name) { name } }", {
    name,
  });
  if (pool) return;
  await call("mutation ($input: CreatePoolInput!) { createPool(input: $input) { created } }", {
    input: { pool: name, uri, weight, ...more },
  });
}
