/**
 * The registered pools. Their URIs are encrypted. No two pools are the same server and namespace, neither by URI nor by
 * the identity of the store found there.
 */
import type { Pool as PoolRow, Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { SecretBox } from "../../../secret-box.ts";
import type { NewPool, Pool, PoolsController } from "../../control-driver.ts";
import { DEFAULT_POOL } from "../../data-driver.ts";
import { maskPoolUri, normalisePoolUri } from "../../pool-uri.ts";
import { identityOf } from "../pool-identity.ts";
import { keysetPage } from "../sql/keyset.ts";
import { guarded, type Session } from "./prisma-session.ts";

/** Queues of a pool are counted up to this number. */
const COUNT_LIMIT = 10_000;

export function poolsController({
  session,
  secrets,
  defaultPoolUri,
}: {
  session: Session;
  secrets: SecretBox;
  defaultPoolUri?: string;
}): PoolsController {
  const { prisma } = session;
  const defaultUri = defaultPoolUri === undefined ? null : normalisePoolUri(defaultPoolUri);

  function toPool(row: PoolRow): Pool {
    const uri = secrets.open(row.encryptedUri, poolContext(row.name));
    return {
      name: row.name,
      uri,
      maskedUri: maskPoolUri(uri),
      weight: Number(row.weight),
      flavor: row.flavor,
      optionsText: row.optionsText,
      identity: row.identity,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
    };
  }

  const digestOf = (uri: string) => secrets.digest(normalisePoolUri(uri));

  /** The columns for a URI. POOL_URI_IN_USE for the control database's URI: that is the built-in pool. */
  function sealedUri(name: string, uri: string) {
    if (normalisePoolUri(uri) === defaultUri) throw uriInUse(DEFAULT_POOL);
    return { encryptedUri: secrets.seal(uri, poolContext(name)), uriDigest: digestOf(uri) };
  }

  /** The name of the pool with this identity, the built-in one included. Null when there is none, or it is `except`. */
  async function holderOf(tx: Prisma.TransactionClient, identity: string, except?: string): Promise<string | null> {
    const own = await tx.poolIdentity.findFirst({ select: { seed: true } });
    if (own !== null && identityOf(own.seed) === identity) return DEFAULT_POOL;
    const found = await tx.pool.findUnique({ where: { identity }, select: { name: true } });
    return found === null || found.name === except ? null : found.name;
  }

  /**
   * The identity to record for a pool with this URI. `identity` undefined: the store was not checked. POOL_URI_IN_USE
   * when another pool has the URI or the store. POOL_IN_USE when the pool has queues and would get another store than
   * before.
   */
  async function identityFor(
    tx: Prisma.TransactionClient,
    former: PoolRow | null,
    name: string,
    uriDigest: string,
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

  const controller: PoolsController = {
    list: ({ page }) =>
      keysetPage({
        page,
        fetch: (bound, order, take) =>
          prisma.pool.findMany({
            where: bound ? { name: { [bound.side]: bound.marker } } : {},
            orderBy: { name: order },
            take,
          }),
        marker: (row) => row.name,
        item: toPool,
      }),

    async get(name) {
      const row = await prisma.pool.findUnique({ where: { name } });
      if (row === null) throw poolDoesNotExist(name);
      return toPool(row);
    },

    async create(pool: NewPool) {
      if (pool.name === DEFAULT_POOL) {
        throw new DomainError("BAD_INPUT", `The name ${DEFAULT_POOL} belongs to the built-in pool. Choose another.`);
      }
      const values = {
        ...sealedUri(pool.name, pool.uri),
        weight: toWeight(pool.weight),
        flavor: pool.flavor ?? null,
        optionsText: pool.optionsText ?? "{}",
      };
      return session.atomically(async (tx) => {
        await lockPools(tx);
        const former = await tx.pool.findUnique({ where: { name: pool.name } });
        const identity = await identityFor(tx, former, pool.name, values.uriDigest, pool);
        const { count } = await tx.pool.updateMany({
          where: { name: pool.name },
          data: { ...values, identity, lostAt: null, updatedAt: new Date() },
        });
        if (count === 0) await tx.pool.create({ data: { name: pool.name, ...values, identity } });
        return count === 0;
      });
    },

    async update(name, changes) {
      const { uri, weight, flavor, optionsText } = changes;
      if (uri === undefined && weight === undefined && flavor === undefined && optionsText === undefined) {
        throw new DomainError("BAD_INPUT", "Give at least one of uri, weight, flavor and options to change.");
      }
      const sealed = uri === undefined ? null : sealedUri(name, uri);
      return session.atomically(async (tx) => {
        await lockPools(tx);
        const former = await tx.pool.findUnique({ where: { name } });
        const uriColumns =
          sealed === null
            ? {}
            : { ...sealed, identity: await identityFor(tx, former, name, sealed.uriDigest, changes), lostAt: null };
        const [row] = await tx.pool.updateManyAndReturn({
          where: { name },
          data: {
            ...uriColumns,
            ...(weight === undefined ? {} : { weight: toWeight(weight) }),
            ...(flavor === undefined ? {} : { flavor }),
            ...(optionsText === undefined ? {} : { optionsText }),
            updatedAt: new Date(),
          },
        });
        if (row === undefined) throw poolDoesNotExist(name);
        return toPool(row);
      });
    },

    async delete(name) {
      await session.atomically(async (tx) => {
        await lockPools(tx);
        await holdPool(tx, name);
        const row = await tx.pool.findUnique({ where: { name }, select: { flavor: true } });
        if (row === null) return;
        const queues = await countQueues(tx, name);
        if (queues.value > 0) {
          throw new DomainError(
            "POOL_IN_USE",
            "The pool still holds queues, or the rest of queues that were deleted while it was unreachable. " +
              "Move or delete the queues, and delete what is left from the catalogue.",
            {
              details: { queues: queues.value, exact: queues.exact },
            },
          );
        }
        if (row.flavor !== null) await requireNotLastOfFlavor(tx, name, row.flavor);
        await tx.pool.deleteMany({ where: { name } });
      });
    },

    async note({ name, uri, identity, lost = false }) {
      return session.atomically(async (tx) => {
        await lockPools(tx);
        const holder = await holderOf(tx, identity, name);
        if (holder === null) {
          await tx.$executeRaw`
            UPDATE pools
            SET identity = ${identity},
              lost_at = CASE WHEN ${lost} OR identity <> ${identity} THEN clock_timestamp() ELSE lost_at END
            WHERE name = ${name} AND uri_digest = ${digestOf(uri)}`;
        }
        return holder;
      });
    },

    async listLosses() {
      const rows = await prisma.pool.findMany({
        where: { lostAt: { not: null } },
        select: { name: true, lostAt: true },
        orderBy: { name: "asc" },
      });
      return rows.flatMap(({ name, lostAt }) => (lostAt === null ? [] : [{ pool: name, at: lostAt }]));
    },

    findByIdentity: (identity) => holderOf(prisma, identity),

    async exists(name) {
      return (await prisma.pool.count({ where: { name } })) > 0;
    },

    async getPoolsByFlavor(flavor) {
      return (await prisma.pool.findMany({ where: { flavor }, orderBy: { name: "asc" } })).map(toPool);
    },

    async dropAll() {
      await prisma.pool.deleteMany();
    },
  };
  return guarded(session, controller, ["create", "update", "note", "delete", "dropAll"]);
}

/** The context with which a pool's URI is encrypted. So it cannot be decrypted in another pool's row. */
export function poolContext(name: string): string {
  return `pool ${name}`;
}

/**
 * Makes changes of pools and flavors run one after another, in all processes. They are rare, and the rules about pools
 * and flavors concern several rows. Each change takes this lock first, so no two deadlock. Readers and the catalogue
 * are not blocked.
 */
export async function lockPools(tx: Prisma.TransactionClient): Promise<void> {
  await tx.$executeRaw`LOCK TABLE pools IN SHARE ROW EXCLUSIVE MODE`;
}

/**
 * Waits for inserts into the catalogue that name this pool, and blocks later ones. So a count after it includes them
 * all.
 */
async function holdPool(tx: Prisma.TransactionClient, name: string): Promise<void> {
  await tx.$queryRaw`SELECT 1 FROM pools WHERE name = ${name} FOR UPDATE`;
}

/** How many queues the catalogue maps to a pool, exact up to 10,000. */
export async function countQueues(
  prisma: Prisma.TransactionClient,
  pool: string,
): Promise<{ value: number; exact: boolean }> {
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT count(*) AS value FROM (
      SELECT 1 FROM catalogue_entries WHERE pool = ${pool} LIMIT ${COUNT_LIMIT + 1}) AS counted`;
  const value = Number(rows[0]?.value ?? 0);
  return { value: Math.min(value, COUNT_LIMIT), exact: value <= COUNT_LIMIT };
}

export function poolDoesNotExist(name: string): DomainError {
  return new DomainError("POOL_DOES_NOT_EXIST", `There is no pool named ${JSON.stringify(name)}.`, {
    details: { pool: name },
  });
}

async function requireUnusedUri(tx: Prisma.TransactionClient, name: string, uriDigest: string): Promise<void> {
  const taken = await tx.pool.findFirst({ where: { uriDigest, name: { not: name } }, select: { name: true } });
  if (taken !== null) throw uriInUse(taken.name);
}

async function requireNotLastOfFlavor(tx: Prisma.TransactionClient, name: string, flavor: string): Promise<void> {
  const others = await tx.pool.count({ where: { flavor, name: { not: name } } });
  if (others > 0) return;
  const owner = await tx.flavor.findFirst({ where: { name: flavor }, select: { project: true } });
  if (owner === null) return;
  throw new DomainError(
    "POOL_IN_USE_BY_FLAVOR",
    `This is the last pool of the flavor ${JSON.stringify(flavor)}. Give the flavor another pool, or delete it, first.`,
    { details: { flavor } },
  );
}

function uriInUse(pool: string): DomainError {
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

function toWeight(weight: number): bigint {
  if (!Number.isSafeInteger(weight) || weight < 0) {
    throw new DomainError("BAD_INPUT", "A pool's weight must be a whole number, 0 or more.");
  }
  return BigInt(weight);
}
