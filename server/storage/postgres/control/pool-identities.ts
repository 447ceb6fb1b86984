/** Which store a pool is: no two pools are one store, and a pool with queues stays the store that holds them. */
import type { Pool as PoolRow, Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { NewPool } from "../../control-driver.ts";
import { DEFAULT_POOL } from "../../data-driver.ts";
import { identityOf } from "../pool-identity.ts";
import { countQueues, holdPool } from "./pool-queues.ts";

/** The name of the pool with this identity, the built-in one included. Null when there is none, or it is `except`. */
export async function holderOf(
  tx: Prisma.TransactionClient,
  identity: string,
  except?: string,
): Promise<string | null> {
  const own = await tx.poolIdentity.findFirst({ select: { seed: true } });
  if (own !== null && identityOf(own.seed) === identity) return DEFAULT_POOL;
  const found = await tx.pool.findUnique({ where: { identity }, select: { name: true } });
  return found === null || found.name === except ? null : found.name;
}

/** The same for many identities, in the order given, with one more statement than for one. */
export async function holdersOf(
  tx: Prisma.TransactionClient,
  identities: readonly string[],
): Promise<(string | null)[]> {
  if (identities.length === 0) return [];
  const [own, found] = await Promise.all([
    tx.poolIdentity.findFirst({ select: { seed: true } }),
    tx.pool.findMany({ where: { identity: { in: [...identities] } }, select: { name: true, identity: true } }),
  ]);
  const holders = new Map(found.map(({ identity, name }) => [identity, name]));
  if (own !== null) holders.set(identityOf(own.seed), DEFAULT_POOL);
  return identities.map((identity) => holders.get(identity) ?? null);
}

/**
 * The identity to record for a pool with this URI. `identity` undefined: the store was not checked. POOL_URI_IN_USE
 * when another pool has the URI or the store. POOL_IN_USE when the pool has queues and would get another store than
 * before.
 */
export async function identityFor(
  tx: Prisma.TransactionClient,
  former: PoolRow | null,
  { name, uriDigest }: { name: string; uriDigest: string },
  { identity, formerIdentity }: Pick<NewPool, "identity" | "formerIdentity">,
): Promise<string | null> {
  await requireUnusedUri(tx, name, uriDigest);
  if (identity === undefined) return former?.uriDigest === uriDigest ? former.identity : null;
  const holder = await holderOf(tx, identity, name);
  if (holder !== null) throw uriInUse(holder);
  const known = former?.identity ?? formerIdentity ?? identity;
  if (former !== null && known !== identity) {
    await holdPool(tx, name);
    const queues = await countQueues(tx, name);
    if (queues.value > 0) throw otherStore(name, queues);
  }
  return identity;
}

async function requireUnusedUri(tx: Prisma.TransactionClient, name: string, uriDigest: string): Promise<void> {
  const taken = await tx.pool.findFirst({ where: { uriDigest, name: { not: name } }, select: { name: true } });
  if (taken !== null) throw uriInUse(taken.name);
}

export function uriInUse(pool: string): DomainError {
  return new DomainError(
    "POOL_URI_IN_USE",
    `The pool ${JSON.stringify(pool)} is this server and namespace already, or this is a copy of it. ` +
      "Use another database, schema or prefix.",
    { details: { pool } },
  );
}

function otherStore(pool: string, queues: { value: number; exact: boolean }): DomainError {
  return new DomainError(
    "POOL_IN_USE",
    `This URI leads to another storage than the one that holds the queues of the pool ` +
      `${JSON.stringify(pool)}, and their messages would stay behind. ` +
      "Register it as a pool of its own and drain this one, or make the change without verifying.",
    { details: { pool, queues: queues.value, exact: queues.exact } },
  );
}
