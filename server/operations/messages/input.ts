/** How callers choose a queue and filter its messages. */
import { type Access, requireRole } from "../../access/access.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import { checkToken, chosenQueue } from "../input/names.ts";

/** Which messages a list has. See MessageReads.list. */
export interface MessageFilters {
  clientId?: string | null;
  echo?: boolean;
  includeClaimed?: boolean;
  includeDelayed?: boolean;
  includeExhausted?: boolean;
}

/** The filters as drivers take them. BAD_INPUT. */
export function listFilters({ echo, ...filters }: MessageFilters) {
  const clientId = checkToken("clientId", filters.clientId);
  if (echo === false && clientId === null) {
    throw badInput("clientId", "echo: false leaves out a client's own messages, so it needs clientId.");
  }
  const { includeClaimed = false, includeDelayed = false, includeExhausted = false } = filters;
  const except = echo === false && clientId !== null ? { exceptClientId: clientId } : {};
  return { includeClaimed, includeDelayed, includeExhausted, ...except };
}

/** Checks the role and the queue's name. */
export function chosen(
  { limits }: OperationContext,
  access: Access,
  role: "viewer" | "operator",
  address: QueueAddress,
): QueueRef {
  requireRole(access, role);
  return chosenQueue(limits, access, address);
}
