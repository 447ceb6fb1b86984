/** Looks at the registered pools and at the Redis of key-value stores. */
import type { Config } from "../../config.ts";
import { inBytes } from "../../problems/text.ts";
import { createSecretBox } from "../../secret-box.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import { maskPoolUri, schemeOf } from "../../storage/pool-uri.ts";
import { readStoredPools, type StoredPool } from "../../storage/postgres/control/stored-pools.ts";
import { readPostgresFacts } from "../../storage/postgres/server-facts.ts";
import { inspectPostgresStore } from "../../storage/postgres/store-inspection.ts";
import { type RedisFacts, readRedisFacts } from "../../storage/redis/server-facts.ts";
import { clockSkewSeconds, type ServerClock } from "../../storage/server-clock.ts";
import { inSeconds, lookAtSpace, lookAtTables } from "./database.ts";
import { type Finding, failed, ok, reasonOf, warning } from "./finding.ts";

/** Pools that are asked at the same time. */
const AT_ONCE = 8;

interface Looked {
  findings: Finding[];
  /** Which store it is: see StoreFacts. Null when the pool does not answer, or was never used. */
  identity: string | null;
}

export async function lookAtPools(
  url: string,
  config: Config,
  key: string | null,
  control: ServerClock,
): Promise<Finding[]> {
  const pools = await readStoredPools(url, createSecretBox(key ?? ""));
  if (key === null && pools.length > 0) {
    const message = `There are ${pools.length} pools, and no key that opens their URIs.`;
    return [failed("keys", message, "Put DATA_DIR/secret-key back from a backup, or set SECRET_KEY.")];
  }
  const closed = pools.filter(({ uri }) => uri === null);
  const findings = closed.map(({ name, error }) =>
    failed(
      "keys",
      `The URI of the pool ${name} cannot be read: ${error}`,
      "Start with the right key, or do as it says.",
    ),
  );
  if (closed.length === 0) {
    const read =
      pools.length === 0 ? "No pool is registered." : `SECRET_KEY opens the URIs of all ${pools.length} pools.`;
    findings.push(ok("keys", read));
  }
  const open = pools.filter((pool): pool is StoredPool & { uri: string } => pool.uri !== null);
  // The first pool of each store. The built-in one is that of the control database.
  const firsts = new Map([[await ownIdentity(url), DEFAULT_POOL]]);
  for (let at = 0; at < open.length; at += AT_ONCE) {
    const some = open.slice(at, at + AT_ONCE);
    const looked = await Promise.all(some.map((pool) => lookAtPool(pool, config, control)));
    for (const [index, { findings: ofPool, identity }] of looked.entries()) {
      const { name } = some[index] as StoredPool;
      findings.push(...ofPool);
      const first = identity === null ? undefined : firsts.get(identity);
      if (first !== undefined) findings.push(sameStore(name, first));
      else if (identity !== null) firsts.set(identity, name);
    }
  }
  return findings;
}

/** Null while the tables of its version have none. */
async function ownIdentity(url: string): Promise<string | null> {
  return (await inspectPostgresStore(url)).identity;
}

function sameStore(name: string, first: string): Finding {
  return failed(
    `pool ${name}`,
    `It is the same server and namespace as the pool ${first}, or a copy of it: both stores have one identity.`,
    "Give it no new queues, move those that it has to a third pool, and delete it.",
  );
}

async function lookAtPool(
  { name, uri }: { name: string; uri: string },
  config: Config,
  control: ServerClock,
): Promise<Looked> {
  const check = `pool ${name}`;
  try {
    const isPostgres = schemeOf(uri)?.startsWith("postgres") === true;
    return isPostgres
      ? await lookAtPostgresPool(check, uri, config, control)
      : await lookAtRedisPool(check, uri, config, control);
  } catch (error) {
    const advice = "Start its server, or give the pool the right URI with updatePool. Its queues wait until then.";
    return { findings: [failed(check, `${maskPoolUri(uri)}: ${reasonOf(error)}`, advice)], identity: null };
  }
}

async function lookAtPostgresPool(check: string, uri: string, config: Config, control: ServerClock): Promise<Looked> {
  const facts = await readPostgresFacts(uri);
  const { capabilities, identity } = await inspectPostgresStore(uri);
  const space = facts.space === null ? "" : ` ${inBytes(facts.space.freeBytes)} are free.`;
  const can = [...capabilities].join(", ");
  const shown = `PostgreSQL ${facts.version} at ${maskPoolUri(uri)}: ${can}.${space}`;
  const findings = [
    facts.readOnly
      ? failed(check, `${shown} It takes no writes.`, "Give the pool the URI of the primary server.")
      : ok(check, shown),
    ...lookAtSpace(check, facts, config),
    ...judgeClocks(check, [facts.clock], config, control),
    ...(await lookAtTables(uri, "pool", check)),
  ];
  return { findings, identity };
}

async function lookAtRedisPool(check: string, uri: string, config: Config, control: ServerClock): Promise<Looked> {
  const facts = await readRedisFacts(uri);
  const { durable, space, identity } = facts;
  const room = space === null ? "" : ` ${inBytes(space.freeBytes)} of its memory are free.`;
  const can = `FIFO, CLAIMS, AOD, HIGH_THROUGHPUT${durable ? ", DURABILITY" : ""}`;
  const findings = [ok(check, `${inVersion(facts)} at ${maskPoolUri(uri)}: ${can}.${room}`)];
  if (facts.evicts) {
    const message = `It drops messages when its memory is full: maxmemory-policy is ${facts.policies.join(", ")}.`;
    findings.push(failed(check, message, "Set maxmemory-policy to noeviction."));
  }
  if (facts.volatile) {
    const message = "It writes nothing to its disk: a restart loses all messages.";
    findings.push(warning(check, message, "Set appendonly to yes, and appendfsync to always for no loss at all."));
  }
  findings.push(...lookAtSpace(check, facts, config), ...judgeClocks(check, facts.clocks, config, control));
  return { findings, identity };
}

const inVersion = ({ versions }: RedisFacts) => `Redis ${versions.join(" and ") || "of an unknown version"}`;

/** Only what differs is told. */
function judgeClocks(check: string, clocks: ServerClock[], config: Config, control: ServerClock): Finding[] {
  const { CLOCK_SKEW_SECONDS: most } = config;
  const skews = clocks.map((clock) => clockSkewSeconds(clock, control));
  const worst = skews.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  if (most === 0 || Math.abs(worst) < most) return [];
  const message = `Its clock ${inSeconds(worst, "the control database's")}; claims and delays follow it.`;
  return [warning(check, message, "Let both servers set their clocks by NTP.")];
}

/** The Redis of REDIS_URL. */
export async function lookAtKeyValueRedis({ REDIS_URL: uri }: Config): Promise<Finding[]> {
  const check = "key-value stores";
  if (uri === undefined) return [ok(check, "In the control database and in memory: REDIS_URL is not set.")];
  try {
    const facts = await readRedisFacts(uri);
    const findings = [ok(check, `${inVersion(facts)} at ${maskPoolUri(uri)}.`)];
    if (facts.evicts) {
      const message = `It drops entries and locks when its memory is full: maxmemory-policy is ${facts.policies.join(", ")}.`;
      findings.push(warning(check, message, "Set maxmemory-policy to noeviction, if a store holds more than a cache."));
    }
    if (facts.volatile) {
      const message = "It writes nothing to its disk: a restart loses all entries.";
      findings.push(warning(check, message, "Set appendonly to yes, if a store holds more than a cache."));
    }
    return findings;
  } catch (error) {
    const advice = "Start it, or correct REDIS_URL. Stores that use it fail until then.";
    return [failed(check, `${maskPoolUri(uri)}: ${reasonOf(error)}`, advice)];
  }
}
