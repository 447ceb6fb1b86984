/** What an import would do, object by object. */
import { isDeepStrictEqual } from "node:util";
import { parse } from "lossless-json";
import { type Access, requireEverywhere } from "../../access/access.ts";
import { NEEDS, requireNeed } from "../../access/needs.ts";
import { DomainError } from "../../errors.ts";
import type { Pool } from "../../storage/control-driver.ts";
import { maskPoolUri } from "../../storage/pool-uri.ts";
import type { OperationContext } from "../context.ts";
import { badInput } from "../input/limits.ts";
import { checkName, checkQueueName, chosenProject } from "../input/names.ts";
import { checkMetadata } from "../input/queue-metadata.ts";
import { checkChanges } from "../pools/input.ts";
import type { SettingsParts } from "./export.ts";
import type { FlavorSettings, PoolSettings, QueueSettings } from "./format.ts";

/** What is done to one object, or would be. */
export interface Step {
  kind: "pool" | "flavor" | "queue";
  /** Null for a pool. */
  project: string | null;
  name: string;
  action: "create" | "update" | "none";
  /** JSON text of an object with what changes, without passwords. Null: there was no such object. */
  beforeText: string | null;
  afterText: string;
  /** Why it cannot be done. */
  error: DomainError | null;
  act: () => Promise<unknown>;
}

export interface Planning extends SettingsParts {
  context: OperationContext;
  access: Access;
  /** Nothing will have been done before: what the file has counts as there. */
  dryRun: boolean;
  verifyPools: boolean;
}

/** How many objects are looked up with one statement. */
const LOOK_UP = 100;

export async function planPools(planning: Planning, wanted: readonly PoolSettings[]): Promise<Step[]> {
  const { control } = planning.context;
  const found = await inParts(wanted, (some) => control.pools.getMany(some.map(({ name }) => name)));
  const known = new Map(found.map((pool) => [pool.name, pool]));
  const steps: Step[] = [];
  for (const pool of wanted) steps.push(await planPool(planning, pool, known.get(pool.name) ?? null));
  return steps;
}

async function planPool(planning: Planning, wanted: PoolSettings, known: Pool | null): Promise<Step> {
  const { access, pools, verifyPools: verify } = planning;
  const { name, ...given } = wanted;
  // Of pools that the caller may not change, nothing is told.
  const hidden = await errorOf(async () => requireEverywhere(access, "administer"));
  const now = hidden === null ? known : null;
  const changes = now === null ? given : changesOf(given, now);
  const isChanged = Object.keys(changes).length > 0;
  return {
    ...{ kind: "pool", project: null, name },
    action: now === null ? "create" : isChanged ? "update" : "none",
    beforeText: now === null ? null : shown(now, changes),
    afterText: shown(changes, changes),
    error: hidden ?? (await errorOf(() => checkPool(planning, name, changes, now))),
    act: () => {
      if (now !== null) return pools.update(access, { pool: name, verify, ...changes });
      const { uri = "", weight = 0, ...more } = changes;
      return pools.create(access, { pool: name, uri, weight, verify, ...more });
    },
  };
}

type PoolValues = Omit<PoolSettings, "name">;

/** What differs. A URI is the same as its mask: nobody can write a password that was masked. */
function changesOf(given: PoolValues, now: Pool): PoolValues {
  const { uri, weight, flavor, optionsText } = given;
  return {
    ...(uri === undefined || uri === now.uri || uri === now.maskedUri ? {} : { uri }),
    ...(weight === undefined || weight === now.weight ? {} : { weight }),
    ...(flavor === undefined || flavor === now.flavor ? {} : { flavor }),
    ...(optionsText === undefined || isSameJson(optionsText, now.optionsText) ? {} : { optionsText }),
  };
}

/** The values that change, as JSON. */
function shown(values: PoolValues, changes: PoolValues): string {
  const members: Record<string, unknown> = {};
  if (changes.uri !== undefined) members.uri = values.uri === undefined ? null : maskPoolUri(values.uri);
  if (changes.weight !== undefined) members.weight = values.weight ?? null;
  if (changes.flavor !== undefined) members.flavor = values.flavor ?? null;
  if (changes.optionsText !== undefined && isJson(values.optionsText)) members.options = JSON.parse(values.optionsText);
  return JSON.stringify(members);
}

async function checkPool(planning: Planning, name: string, changes: PoolValues, now: Pool | null): Promise<void> {
  const { access, context, pools, dryRun, verifyPools } = planning;
  const { uri, weight } = changes;
  checkName("pool", name);
  if (now === null && uri === undefined) throw badInput("uri", "A new pool needs a uri.");
  if (now === null && weight === undefined) throw badInput("weight", "A new pool needs a weight.");
  if (uri !== undefined && isMasked(uri)) {
    const advice = now === null ? "Write it." : "Write it, or leave out `uri` to keep that of the pool.";
    throw badInput("uri", `The password in the URI is masked. ${advice}`);
  }
  checkChanges(context, changes);
  if (!dryRun || !verifyPools || uri === undefined) return;
  const { registeredAs } = await pools.verify(access, { uri });
  if (registeredAs === null || registeredAs === name) return;
  throw new DomainError("POOL_URI_IN_USE", `This storage is registered as the pool ${registeredAs} already.`, {
    details: { pool: registeredAs },
  });
}

const isMasked = (uri: string) => uri.includes("***") && maskPoolUri(uri) === uri;

export async function planFlavors(
  planning: Planning,
  wanted: readonly FlavorSettings[],
  pools: readonly PoolSettings[],
): Promise<Step[]> {
  const { access, context, dryRun, flavors } = planning;
  const { control, limits } = context;
  const known = new Set((await inParts(wanted, (some) => control.flavors.getMany(some))).map(keyOf));
  const filled = await inParts(wanted, (some) => control.pools.getPoolsByFlavors(some.map(({ name }) => name)));
  const withPools = new Set([...filled, ...(dryRun ? pools : [])].map(({ flavor }) => flavor));
  const check = async ({ project, name }: FlavorSettings) => {
    requireNeed(access, NEEDS.createFlavor);
    chosenProject(limits, access, "administer", project);
    checkName("flavor", name);
    if (!withPools.has(name)) throw badInput("pools", "A flavor needs a pool that has it, and none does.");
  };
  const steps = wanted.map(async ({ project, name }): Promise<Step> => {
    const hidden = await errorOf(async () => void chosenProject(limits, access, "read", project));
    const isKnown = hidden === null && known.has(keyOf({ project, name }));
    return {
      ...{ kind: "flavor", project, name, afterText: "{}" },
      action: isKnown ? "none" : "create",
      beforeText: isKnown ? "{}" : null,
      error: hidden ?? (isKnown ? null : await errorOf(() => check({ project, name }))),
      act: () => flavors.create(access, { project, flavor: name, pools: [], replace: true, verify: false }),
    };
  });
  return Promise.all(steps);
}

export async function planQueues(
  planning: Planning,
  wanted: readonly QueueSettings[],
  flavors: readonly FlavorSettings[],
): Promise<Step[]> {
  const { access, context, dryRun, queues } = planning;
  const { control, limits } = context;
  const found = await inParts(wanted, (some) => control.queues.getMany(some));
  const known = new Map(found.map((queue) => [keyOf(queue), queue.metadataText]));
  const planned = new Set(dryRun ? flavors.map(keyOf) : []);
  const check = async ({ project, name, metadataText }: QueueSettings) => {
    chosenProject(limits, access, "operate", project);
    checkQueueName(limits, name);
    const { flavor } = checkMetadata(limits, name, metadataText).effective;
    if (!dryRun || flavor === null || planned.has(keyOf({ project, name: flavor }))) return;
    await planning.flavors.get(access, { project, flavor });
  };
  const steps: Step[] = [];
  for (const queue of wanted) {
    const { project, name, metadataText } = queue;
    const before = known.get(keyOf(queue)) ?? null;
    const isSame = before !== null && isSameJson(metadataText, before);
    // Of a project that the caller may not see, nothing is told.
    const hidden = await errorOf(async () => void chosenProject(limits, access, "read", project));
    const error = hidden ?? (isSame ? null : await errorOf(() => check(queue)));
    steps.push({
      ...{ kind: "queue", project, name, beforeText: hidden === null ? before : null, afterText: metadataText },
      action: before === null || hidden !== null ? "create" : isSame ? "none" : "update",
      error,
      act: () => queues.create(access, { project, queue: name, metadataText, replaceMetadata: true }),
    });
  }
  return steps;
}

const keyOf = ({ project, name }: FlavorSettings) => JSON.stringify([project, name]);

/** Looks objects up, some with each statement. */
async function inParts<T, Found>(
  wanted: readonly T[],
  find: (some: readonly T[]) => Promise<readonly Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (let at = 0; at < wanted.length; at += LOOK_UP) found.push(...(await find(wanted.slice(at, at + LOOK_UP))));
  return found;
}

/** The same values, whatever the order of the keys and the space between. Numbers are compared to the letter. */
function isSameJson(text: string, other: string): boolean {
  return text === other || (isJson(text) && isDeepStrictEqual(parse(text), parse(other)));
}

function isJson(text: string | undefined): text is string {
  try {
    JSON.parse(text ?? "");
    return true;
  } catch {
    return false;
  }
}

/** The DomainError of the work; null when it succeeds. */
export async function errorOf(work: () => Promise<unknown>): Promise<DomainError | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}
