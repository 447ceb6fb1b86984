/**
 * Claims on PostgreSQL: which file answers which call. A claim is a row with the markers of what it acquired; the
 * messages that carry its id are what it still holds.
 */
import type { ClaimController } from "../../data-driver.ts";
import type { Pool } from "../pool.ts";
import { ClaimAcquirer } from "./acquire.ts";
import { getClaim, listClaims, resumeClaim } from "./get.ts";
import { releaseClaim } from "./release.ts";
import { releaseMessages } from "./release-messages.ts";
import { ClaimRenewer } from "./renew.ts";

export function postgresClaims(pool: Pool): ClaimController {
  const acquirer = new ClaimAcquirer(pool);
  const get = getClaim(pool);
  return {
    create: (params) => acquirer.acquire(params, (id) => resumeClaim(get, { ...params, id })),
    get,
    list: listClaims(pool),
    update: new ClaimRenewer(pool).renew,
    delete: releaseClaim(pool),
    releaseMessages: releaseMessages(pool),
  };
}
