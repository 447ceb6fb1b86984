import { badInput } from "../input/limits.ts";
import { checkToken } from "../input/names.ts";

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
