/** How drivers recognise that an idempotency key is repeated with the same request. */
import { createHash } from "node:crypto";
import { DomainError } from "../errors.ts";

export const digest = (request: unknown) => createHash("sha256").update(JSON.stringify(request)).digest("hex");

export function keyReused(key: string): DomainError {
  return new DomainError(
    "IDEMPOTENCY_KEY_REUSED",
    "This idempotencyKey was used for a different request. Take a new key for a new request.",
    { details: { idempotencyKey: key } },
  );
}
