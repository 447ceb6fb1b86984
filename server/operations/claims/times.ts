import type { Limits } from "../../config.ts";
import { checkWhole } from "../input/limits.ts";

/** In seconds. Left out: the server's defaults. */
export interface ClaimTimes {
  ttlSeconds?: number | null;
  graceSeconds?: number | null;
}

/** Returns the times, or BAD_INPUT. */
export function checkTimes(
  limits: Limits,
  { ttlSeconds, graceSeconds }: ClaimTimes,
): { ttlSeconds: number; graceSeconds: number } {
  const { MIN_CLAIM_TTL, MAX_CLAIM_TTL, MIN_CLAIM_GRACE, MAX_CLAIM_GRACE } = limits;
  const ttl = ttlSeconds ?? limits.DEFAULT_CLAIM_TTL;
  const grace = graceSeconds ?? limits.DEFAULT_CLAIM_GRACE;
  return {
    ttlSeconds: checkWhole("ttlSeconds", ttl, MIN_CLAIM_TTL, MAX_CLAIM_TTL, "seconds"),
    graceSeconds: checkWhole("graceSeconds", grace, MIN_CLAIM_GRACE, MAX_CLAIM_GRACE, "seconds"),
  };
}
