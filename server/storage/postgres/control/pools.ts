/**
 * The registered pools. Their URIs are encrypted. No two pools are the same server and namespace, neither by URI nor by
 * the identity of the store found there.
 */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { SecretBox } from "../../../secret-box.ts";
import type { NewPool, Pool, PoolsController } from "../../control-driver.ts";
import { DEFAULT_POOL } from "../../data-driver.ts";
import type { Page, PageRequest } from "../../list-pages.ts";
import { keysetPage } from "../sql/keyset.ts";
import { holderOf, holdersOf, identityFor } from "./pool-identities.ts";
import { countQueues, holdPool } from "./pool-queues.ts";
import { PoolUris } from "./pool-uris.ts";
import { guarded, type Session } from "./prisma-session.ts";

/** What the verbs below share. */
interface PoolTable {
  session: Session;
  uris: PoolUris;
}

export function poolsController(params: {
  session: Session;
  secrets: SecretBox;
  defaultPoolUri?: string;
}): PoolsController {
  const { session } = params;
  const table: PoolTable = { session, uris: new PoolUris(params) };
  const controller: PoolsController = {
    list: ({ page }) => list(table, page),
    get: (name) => get(table, name),
    getMany: (names) => getMany(table, { name: { in: [...names] } }),
    create: (pool) => create(table, pool),
    update: (name, changes) => update(table, name, changes),
    note: (found) => note(table, found),
    listLosses: () => listLosses(session),
    listTwins: () => listTwins(session),
    findByIdentity: (identity) => holderOf(session.prisma, identity),
    findByIdentities: (identities) => holdersOf(session.prisma, identities),
    delete: (name) => deletePool(session, name),
    exists: async (name) => (await session.prisma.pool.count({ where: { name } })) > 0,
    getPoolsByFlavor: (flavor) => getMany(table, { flavor }),
    getPoolsByFlavors: (flavors) =>
      getMany(table, {
        OR: [
          { flavor: { in: flavors.filter((flavor) => flavor !== null) } },
          ...(flavors.includes(null) ? [{ flavor: null }] : []),
        ],
      }),
    dropAll: async () => void (await session.prisma.pool.deleteMany()),
  };
  return guarded(session, controller, ["create", "update", "note", "delete", "dropAll"]);
}

function list({ session, uris }: PoolTable, page: PageRequest): Promise<Page<Pool>> {
  return keysetPage({
    page,
    fetch: (bound, order, take) =>
      session.prisma.pool.findMany({
        where: bound ? { name: { [bound.side]: bound.marker } } : {},
        orderBy: { name: order },
        take,
      }),
    marker: (row) => row.name,
    item: (row) => uris.toPool(row),
  });
}

async function get({ session, uris }: PoolTable, name: string): Promise<Pool> {
  const row = await session.prisma.pool.findUnique({ where: { name } });
  if (row === null) throw poolDoesNotExist(name);
  return uris.toPool(row);
}

async function create({ session, uris }: PoolTable, pool: NewPool): Promise<boolean> {
  const { name } = pool;
  if (name === DEFAULT_POOL) {
    throw new DomainError("BAD_INPUT", `The name ${DEFAULT_POOL} belongs to the built-in pool. Choose another.`);
  }
  const values = {
    ...uris.columnsOf(name, pool.uri),
    weight: toWeight(pool.weight),
    flavor: pool.flavor ?? null,
    optionsText: pool.optionsText ?? "{}",
  };
  return session.atomically(async (tx) => {
    await lockPools(tx);
    const former = await tx.pool.findUnique({ where: { name } });
    const identity = await identityFor(tx, former, { name, uriDigest: values.uriDigest }, pool);
    const { count } = await tx.pool.updateMany({
      where: { name },
      data: { ...values, identity, lostAt: null, twinIdentity: null, updatedAt: new Date() },
    });
    if (count === 0) await tx.pool.create({ data: { name, ...values, identity } });
    return count === 0;
  });
}

async function update(
  { session, uris }: PoolTable,
  name: string,
  changes: Partial<Omit<NewPool, "name">>,
): Promise<Pool> {
  const { uri, weight, flavor, optionsText } = changes;
  if (uri === undefined && weight === undefined && flavor === undefined && optionsText === undefined) {
    throw new DomainError("BAD_INPUT", "Give at least one of uri, weight, flavor and options to change.");
  }
  const sealed = uri === undefined ? null : uris.columnsOf(name, uri);
  return session.atomically(async (tx) => {
    await lockPools(tx);
    const former = await tx.pool.findUnique({ where: { name } });
    const place =
      sealed === null
        ? {}
        : {
            ...sealed,
            identity: await identityFor(tx, former, { name, uriDigest: sealed.uriDigest }, changes),
            lostAt: null,
            twinIdentity: null,
          };
    const [row] = await tx.pool.updateManyAndReturn({
      where: { name },
      data: {
        ...place,
        ...(weight === undefined ? {} : { weight: toWeight(weight) }),
        ...(flavor === undefined ? {} : { flavor }),
        ...(optionsText === undefined ? {} : { optionsText }),
        updatedAt: new Date(),
      },
    });
    if (row === undefined) throw poolDoesNotExist(name);
    return uris.toPool(row);
  });
}

async function note(
  { session, uris }: PoolTable,
  { name, uri, identity, lost = false }: Parameters<PoolsController["note"]>[0],
): Promise<string | null> {
  return session.atomically(async (tx) => {
    await lockPools(tx);
    const holder = await holderOf(tx, identity, name);
    if (holder === null) {
      await tx.$executeRaw`
        UPDATE pools
        SET identity = ${identity}, twin_identity = NULL,
          lost_at = CASE WHEN ${lost} OR identity <> ${identity} THEN clock_timestamp() ELSE lost_at END
        WHERE name = ${name} AND uri_digest = ${uris.digestOf(uri)}`;
    } else {
      await tx.pool.updateMany({ where: { name, uriDigest: uris.digestOf(uri) }, data: { twinIdentity: identity } });
    }
    return holder;
  });
}

async function listTwins({ prisma }: Session): Promise<{ pool: string; sameAs: string }[]> {
  const rows = await prisma.pool.findMany({
    where: { twinIdentity: { not: null } },
    select: { name: true, twinIdentity: true },
    orderBy: { name: "asc" },
  });
  // The other pool may be gone by now.
  const holders = await holdersOf(
    prisma,
    rows.map(({ twinIdentity }) => twinIdentity ?? ""),
  );
  return rows.flatMap(({ name }, index) => {
    const sameAs = holders[index] ?? name;
    return sameAs === name ? [] : [{ pool: name, sameAs }];
  });
}

async function listLosses({ prisma }: Session): Promise<{ pool: string; at: Date }[]> {
  const rows = await prisma.pool.findMany({
    where: { lostAt: { not: null } },
    select: { name: true, lostAt: true },
    orderBy: { name: "asc" },
  });
  return rows.flatMap(({ name, lostAt }) => (lostAt === null ? [] : [{ pool: name, at: lostAt }]));
}

async function deletePool(session: Session, name: string): Promise<void> {
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
        { details: { queues: queues.value, exact: queues.exact } },
      );
    }
    if (row.flavor !== null) await requireNotLastOfFlavor(tx, name, row.flavor);
    await tx.pool.deleteMany({ where: { name } });
  });
}

async function getMany({ session, uris }: PoolTable, where: Prisma.PoolWhereInput): Promise<Pool[]> {
  const rows = await session.prisma.pool.findMany({ where, orderBy: { name: "asc" } });
  return rows.map((row) => uris.toPool(row));
}

/**
 * Makes changes of pools and flavors run one after another, in all processes. They are rare, and the rules about pools
 * and flavors concern several rows. Each change takes this lock first, so no two deadlock. Readers and the catalogue
 * are not blocked.
 */
export async function lockPools(tx: Prisma.TransactionClient): Promise<void> {
  await tx.$executeRaw`LOCK TABLE pools IN SHARE ROW EXCLUSIVE MODE`;
}

export function poolDoesNotExist(name: string): DomainError {
  return new DomainError("POOL_DOES_NOT_EXIST", `There is no pool named ${JSON.stringify(name)}.`, {
    details: { pool: name },
  });
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

function toWeight(weight: number): bigint {
  if (!Number.isSafeInteger(weight) || weight < 0) {
    throw new DomainError("BAD_INPUT", "A pool's weight must be a whole number, 0 or more.");
  }
  return BigInt(weight);
}
