import { int8, text } from "./parameter-types.ts";
import { rowOf, statement } from "./statement.ts";

/** An earlier call on the queue with this idempotency key: a digest of what it asked for, and its result. */
export const PRIOR_CALL = statement({
  name: "idempotency_prior",
  parameters: { queueId: int8, key: text },
  row: rowOf<{ request: string; result: string }>(),
  text: "SELECT request, result FROM idempotency_keys WHERE queue_id = :queueId AND key = :key",
});
