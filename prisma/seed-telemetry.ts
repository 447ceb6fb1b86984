/** Many queues, and a key-value store. */
import type { Call } from "./seed-api.ts";

export const SENSORS = 2000;
/** Requests in flight while the queues are created. */
const CONCURRENCY = 12;

export async function fillTelemetry(call: Call): Promise<void> {
  const { queues } = await call<{ queues: { count: { value: number } } }>(
    `{ queues(project: "telemetry", filter: { search: "sensor-" }, first: 1) { count { value } } }`,
  );
  if (queues.count.value >= SENSORS) return;
  const names = Array.from({ length: SENSORS }, (_, index) => `sensor-${String(index + 1).padStart(4, "0")}`);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < names.length; index = next++) {
      const name = names[index];
      if (name === undefined) return;
      // Every seventh queue has readings: its first post creates it. The others are empty.
      if (index % 7 === 0) {
        const messages = Array.from({ length: 1 + (index % 5) }, (_, reading) => ({
          body: {
            text: `{"sensor":"${name}","reading":${reading},"celsius":${(15 + (index % 90) / 10).toFixed(1)}}`,
          },
        }));
        await call(`mutation ($input: PostMessagesInput!) { postMessages(input: $input) { ids } }`, {
          input: { project: "telemetry", queue: name, messages, createQueue: true, idempotencyKey: `demo-${name}` },
        });
      } else {
        await call(`mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }`, {
          input: { project: "telemetry", queue: name },
        });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

export async function fillStore(call: Call): Promise<void> {
  await call(`mutation ($input: CreateKeyValueStoreInput!) { createKeyValueStore(input: $input) { created } }`, {
    input: { store: "feature-flags", lockTimeoutSeconds: 600, replace: true },
  });
  await call(`mutation ($input: SetKeyValuesInput!) { setKeyValues(input: $input) { keys } }`, {
    input: {
      store: "feature-flags",
      entries: [
        { key: "checkout.v2", value: { json: { enabled: true, share: 0.25 } } },
        { key: "gift-wrap", value: { json: { enabled: false } } },
        { key: "night-shift", value: { json: { enabled: true, from: "22:00", to: "06:00" } } },
      ],
    },
  });
}
