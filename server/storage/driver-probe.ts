import { randomUUID } from "node:crypto";
import { DomainError } from "../errors.ts";
import type { DataDriver } from "./data-driver.ts";
import type { DriverHealth, OperationHealth, StorageSpace } from "./driver-health.ts";
import { type WriteRefusal, writeRefusalOf } from "./errors/read-only-storage.ts";
import type { QueueRef } from "./queue-ref.ts";

const PROBE_MESSAGES = 10;
/** How the hidden queue's name begins. No client's can. */
const PROBE_NAME = " health ";

/** Whether this is the hidden queue of a probe. */
export const isProbeQueue = ({ project, name }: QueueRef) => project === "" && name.startsWith(PROBE_NAME);

/**
 * Probes a data driver: does each operation once on a hidden queue, and times it. Clients cannot use the queue's name,
 * so it never meets one of theirs. The queue is detached at the end and gc frees it. Never throws.
 *
 * `reserve` fails when the storage has no space left and the operations would not notice. `space` returns how much room
 * the storage has, if it tells.
 */
export async function probeDriver(
  driver: Omit<DataDriver, "health">,
  { reserve, space }: { reserve?: () => Promise<void>; space?: () => Promise<StorageSpace | null> } = {},
): Promise<DriverHealth> {
  const queue = { project: "", name: `${PROBE_NAME}${randomUUID()}`, epoch: 1 };
  const operations: OperationHealth[] = [];
  let ids: string[] = [];
  let claimId = "";
  let writesRefused: WriteRefusal | null = null;

  const attempt = async (operation: OperationHealth["operation"], work: () => Promise<unknown>) => {
    const start = performance.now();
    const error = await work().then(
      () => null,
      (thrown: unknown) =>
        thrown instanceof DomainError
          ? thrown
          : new DomainError("INTERNAL", "The storage failed; the log has more.", { cause: thrown }),
    );
    writesRefused ??= writeRefusalOf(error);
    operations.push({
      operation,
      succeeded: error === null,
      durationSeconds: (performance.now() - start) / 1000,
      error: error?.message ?? null,
      errorCode: error?.code ?? null,
    });
    return error === null;
  };

  if (await attempt("create_queue", () => driver.attachQueue(queue))) {
    if (reserve !== undefined) await attempt("reserve_space", reserve);
    const messages = Array.from({ length: PROBE_MESSAGES }, () => ({
      bodyText: '"probe"',
      ttlSeconds: 60,
      delaySeconds: 0,
    }));
    await attempt("post_messages", async () => {
      ({ ids } = await driver.messages.post({ queue, messages, clientId: null }));
    });
    await attempt("list_messages", () => driver.messages.list({ queue, page: { limit: PROBE_MESSAGES } }));
    await attempt("claim_messages", async () => {
      const taken = await driver.claims.create({ queue, limit: 2, ttlSeconds: 60, graceSeconds: 60, clientId: null });
      claimId = taken.claimId;
    });
    await attempt("delete_messages", async () => {
      const [first] = ids;
      if (first !== undefined) await driver.messages.delete({ queue, id: first, claimId });
    });
    await attempt("delete_claim", () => driver.claims.delete({ queue, id: claimId }));
    await attempt("bulk_delete_messages", () => driver.messages.bulkDelete({ queue, ids }));
    await attempt("delete_queue", () => driver.detachQueue(queue));
  }
  // A storage that refuses writes has answered.
  const storageReachable = writesRefused !== null || operations.some(({ succeeded }) => succeeded);
  // Asking a storage that does not answer would cost its time-out once more.
  const room = storageReachable ? ((await space?.().catch(() => null)) ?? null) : null;
  const { freeBytes, totalBytes } = room ?? { freeBytes: null, totalBytes: null };
  return { storageReachable, writesRefused, freeBytes, totalBytes, operations };
}
