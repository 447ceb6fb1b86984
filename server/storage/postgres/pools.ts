/** Pools: their URIs encrypted, one pool per server and namespace. */
import type { Pool as PoolRow, Prisma } from "../../../prisma/generated/client.ts";
import { DomainError } from "../../errors.ts";
import type { SecretBox } from "../../secret-box.ts";
import type { NewPool, Pool, PoolsController } from "../control-driver.ts";
import { DEFAULT_POOL } from "../data-driver.ts";
import { maskPoolUri, normalisePoolUri } from "../pool-uri.ts";
import { guarded, type Session } from "./control-session.ts";
import { keysetPage } from "./keyset.ts";

/** Counting queues that keep a pool from being deleted goes no further. */
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
  const defaultPlace = defaultPoolUri === undefined ? null : normalisePoolUri(defaultPoolUri);

  function toPool(row: PoolRow): Pool {
    const uri = secrets.open(row.encryptedUri, poolContext(row.name));
    return {
      name: row.name,
      uri,
      maskedUri: maskPoolUri(uri),
      weight: Number(row.weight),
      flavor: row.flavor,
      optionsText: row.optionsText,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
    };
  }

  /** The columns that a URI becomes. POOL_URI_IN_USE for the place of the control database, which is a pool already. */
  function sealedUri(name: string, uri: string) {
    const place = normalisePoolUri(uri);
    if (place === defaultPlace) throw uriInUse();
    return { encryptedUri: secrets.seal(uri, poolContext(name)), uriDigest: secrets.digest(place) };
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
        await requireFreePlace(tx, pool.name, values.uriDigest);
        const { count } = await tx.pool.updateMany({
          where: { name: pool.name },
          data: { ...values, updatedAt: new Date() },
        });
        if (count === 0) await tx.pool.create({ data: { name: pool.name, ...values } });
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
        if (sealed !== null) await requireFreePlace(tx, name, sealed.uriDigest);
        const [row] = await tx.pool.updateManyAndReturn({
          where: { name },
          data: {
            ...sealed,
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
        // Waits for inserts into the catalogue that name this pool, and holds up later ones; the count below then sees them all.
        await tx.$queryRaw`SELECT 1 FROM pools WHERE name = ${name} FOR UPDATE`;
        const row = await tx.pool.findUnique({ where: { name }, select: { flavor: true } });
        if (row === null) return;
        const queues = await countQueues(tx, name);
        if (queues.value > 0) {
          throw new DomainError(
            "POOL_IN_USE",
            "The pool still holds queues, or what deleted queues left there while it could not be reached. Move or delete the queues, and take what is left out of the catalogue.",
            {
              details: { queues: queues.value, exact: queues.exact },
            },
          );
        }
        if (row.flavor !== null) await requireNotLastOfFlavor(tx, name, row.flavor);
        await tx.pool.deleteMany({ where: { name } });
      });
    },

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
  return guarded(session, controller, ["create", "update", "delete", "dropAll"]);
}

/** What a pool's URI is sealed for: another pool's row does not open with it. */
export function poolContext(name: string): string {
  return `pool ${name}`;
}

/**
 * Changes of pools and flavors run one after another, in every process: they are rare, and the rules that tie pools to flavors
 * look at several rows. Taken first in each of them, so that no two wait for each other. Readers, and the catalogue, pass.
 */
export async function lockPools(tx: Prisma.TransactionClient): Promise<void> {
  await tx.$executeRaw`LOCK TABLE pools IN SHARE ROW EXCLUSIVE MODE`;
}

/** How many queues the catalogue maps to a pool, exact up to 10,000. */
export async function countQueues(
  prisma: Prisma.TransactionClient,
  pool: string,
): Promise<{ value: number; exact: boolean }> {
  const rows = await prisma.$queryRaw<{ value: bigint }[]>`
    SELECT count(*) AS value FROM (SELECT 1 FROM catalogue_entries WHERE pool = ${pool} LIMIT ${COUNT_LIMIT + 1}) AS counted`;
  const value = Number(rows[0]?.value ?? 0);
  return { value: Math.min(value, COUNT_LIMIT), exact: value <= COUNT_LIMIT };
}

export function poolDoesNotExist(name: string): DomainError {
  return new DomainError("POOL_DOES_NOT_EXIST", `There is no pool named ${JSON.stringify(name)}.`, {
    details: { pool: name },
  });
}

async function requireFreePlace(tx: Prisma.TransactionClient, name: string, uriDigest: string): Promise<void> {
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

function uriInUse(pool = DEFAULT_POOL): DomainError {
  return new DomainError(
    "POOL_URI_IN_USE",
    `The pool ${JSON.stringify(pool)} is this server and namespace already. Use another database or schema.`,
    { details: { pool } },
  );
}

function toWeight(weight: number): bigint {
  if (!Number.isSafeInteger(weight) || weight < 0) {
    throw new DomainError("BAD_INPUT", "A pool's weight must be a whole number, 0 or more.");
  }
  return BigInt(weight);
}
