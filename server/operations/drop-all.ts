/**
 * Drops everything of one noun, in two steps: a dry run shows what is there, and its token confirms the second step.
 */
import { createHash } from "node:crypto";
import { DomainError } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import { audited, intended, type Trace, type Transaction } from "./audit/audit-trail.ts";
import type { OperationContext } from "./context.ts";

/**
 * Without a token: a dry run, which changes nothing and returns the token. With the token of a dry run: drops
 * everything, if it is still what the dry run showed. Else CONFIRMATION_REQUIRED, and nothing changes.
 */
export interface DropAllParams {
  confirmationToken?: string | null;
}

export interface DropAllResult {
  /** False after a dry run. */
  dropped: boolean;
  /** How many are there, or were there before they were dropped. Exact up to 10,000. */
  count: { value: number; exact: boolean };
  /** Null once dropped. */
  confirmationToken: string | null;
}

const PAGE = 1000;
/** Hazard: a dry run reads so many. The token covers only these; what follows is dropped unseen. */
const SHOWN = 10_000;

/**
 * A dry run, or a drop. `list` reads what would be dropped. `identity` returns the values of an item that the token
 * covers: if one of them changes, the token no longer fits. The drop lists again and compares. Then it either
 *
 * - calls `drop` and writes the audit entry, all in one transaction: a crash leaves everything or nothing dropped; or
 * - calls `dropInSteps`, for what may be too much for a transaction: a crash can leave a part, and the audit entry
 *   "intended".
 */
export async function dropAll<T>(
  context: OperationContext,
  trace: Trace,
  params: DropAllParams,
  noun: {
    list: (tx: Transaction, page: PageRequest) => Promise<Page<T>>;
    identity: (item: T) => readonly unknown[];
  } & ({ drop: (tx: Transaction, items: readonly T[]) => Promise<void> } | { dropInSteps: () => Promise<void> }),
): Promise<DropAllResult> {
  const token = params.confirmationToken ?? null;
  const readAll = async (tx: Transaction) => {
    const items: T[] = [];
    let after: string | undefined;
    do {
      const page = await noun.list(tx, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      items.push(...page.items);
      after = page.nextMarker ?? undefined;
    } while (after !== undefined && items.length < SHOWN);
    const digest = createHash("sha256").update(JSON.stringify([trace.action, items.map(noun.identity)]));
    return { items, count: { value: items.length, exact: after === undefined }, seen: digest.digest("base64url") };
  };

  if (token === null) {
    const { count, seen } = await readAll(context.control);
    return { dropped: false, count, confirmationToken: seen };
  }
  const readConfirmed = async (tx: Transaction) => {
    const { items, count, seen } = await readAll(tx);
    if (seen === token) return { items, count, result: { dropped: true, count, confirmationToken: null } };
    throw new DomainError(
      "CONFIRMATION_REQUIRED",
      "Something has changed since the dry run. Do another dry run, and pass its token.",
      { details: { count } },
    );
  };
  if ("dropInSteps" in noun) {
    const { count, result } = await readConfirmed(context.control);
    await intended(context, trace, { count }, noun.dropInSteps, () => ({}));
    return result;
  }
  return audited(context, trace, async (tx) => {
    const { items, count, result } = await readConfirmed(tx);
    await noun.drop(tx, items);
    return { result, details: { count } };
  });
}
