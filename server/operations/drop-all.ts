/** Dropping all of a noun at once: what runs is what a dry run has shown. */
import { createHash } from "node:crypto";
import { DomainError } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";
import { audited, type Trace, type Transaction } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";

/** Left out: a dry run, which changes nothing and gives the token. With the token of a dry run: done, if what is there is still what was shown, else CONFIRMATION_REQUIRED. */
export interface DropAllParams {
  confirmationToken?: string | null;
}

export interface DropAllResult {
  /** False: a dry run. */
  dropped: boolean;
  /** How many are (or were) there; exact up to 10,000. */
  count: { value: number; exact: boolean };
  /** Null once dropped. */
  confirmationToken: string | null;
}

const PAGE = 1000;
/** Beyond this nobody has looked at each; the token vouches for the first of them. */
const SHOWN = 10_000;

/**
 * `list` reads what would be dropped, `identity` names one of them with what matters of it. In one transaction: look, compare
 * with the token, `drop`, and the audit row.
 */
export async function dropAll<T>(
  context: OperationContext,
  trace: Trace,
  params: DropAllParams,
  noun: {
    list: (tx: Transaction, page: PageRequest) => Promise<Page<T>>;
    identity: (item: T) => readonly unknown[];
    drop: (tx: Transaction, items: readonly T[]) => Promise<void>;
  },
): Promise<DropAllResult> {
  const token = params.confirmationToken ?? null;
  const look = async (tx: Transaction) => {
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
    const { count, seen } = await look(context.control);
    return { dropped: false, count, confirmationToken: seen };
  }
  return audited(context, trace, async (tx) => {
    const { items, count, seen } = await look(tx);
    if (seen !== token) {
      throw new DomainError(
        "CONFIRMATION_REQUIRED",
        "What is there is not what the dry run showed. Look again with a dry run, and present its token.",
        { details: { count } },
      );
    }
    await noun.drop(tx, items);
    return { result: { dropped: true, count, confirmationToken: null }, details: { count } };
  });
}
