/**
 * A dead letter group: a queue, its dead letter queue, and the other queues that use that one. The members should be in
 * one pool. There a dead letter moves in one statement; between two pools it is copied and then deleted.
 */
import { createHash } from "node:crypto";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import { createDeadLetterLinks, type LinkedQueue } from "./dead-letter-links.ts";

/**
 * A member of the group that does not move along, or a dead letter queue with too many users to look at all. `why` is a
 * sentence for people.
 */
export interface ExcludedQueue {
  queue: string;
  why: string;
}

export interface DeadLetterGroups {
  /**
   * The queues that move along with a queue: the members of its group that are in `source` or `target`, and whose
   * flavor allows the target. At most 100; of the queues that use one dead letter queue, the first 100 alphabetically.
   * `excluded` lists the rest with reasons, and the dead letter queues that more than 100 queues use.
   */
  of(queue: QueueRef, source: string, target: string): Promise<{ included: QueueRef[]; excluded: ExcludedQueue[] }>;
  /**
   * A pool of the flavor that takes new queues and already holds a member of the group, other than `except`. Null when
   * there is none.
   */
  homeOf(queue: QueueRef, flavor: string | null, except: string): Promise<string | null>;
  /** A seeded random generator: it returns the same numbers for all members of a group, in every process. */
  random(queue: QueueRef): Promise<() => number>;
  /** The queue's dead letter queue, if it is in a third pool or its flavor does not allow `target`; else null. */
  excludedFrom(queue: QueueRef, source: string, target: string): Promise<ExcludedQueue | null>;
}

const MAX_INCLUDED = 100;
/** Members that `homeOf` looks up. */
const MAX_LOOKED_UP = 10;
/** How far a chain of dead letter queues is followed. */
const MAX_DEPTH = 10;

export function createDeadLetterGroups({
  control,
  limits,
}: Pick<OperationContext, "control" | "limits">): DeadLetterGroups {
  const links = createDeadLetterLinks({ control, limits });

  const flavorOf = async (pool: string) => (pool === DEFAULT_POOL ? null : (await control.pools.get(pool)).flavor);

  return {
    async of(queue, source, target) {
      const wanted = await flavorOf(target);
      const seen = new Set([queue.name]);
      const included: QueueRef[] = [];
      const excluded: ExcludedQueue[] = [];
      const { project } = queue;
      // Grows during the loop.
      const walked: QueueRef[] = [queue];
      for (const one of walked) {
        const { names, last } = await links.neighboursOf(one, MAX_INCLUDED);
        const fresh = names.filter((name) => !seen.has(name));
        for (const name of fresh) seen.add(name);
        for (const found of await links.look(project, fresh)) {
          const why =
            whyNot(found, source, target, wanted) ??
            (included.length < MAX_INCLUDED
              ? null
              : `More than ${MAX_INCLUDED} queues belong together. Move it by itself.`);
          if (why !== null) excluded.push({ queue: found.queue.name, why });
          else {
            included.push(found.queue);
            walked.push(found.queue);
          }
        }
        if (last !== null) excluded.push({ queue: one.name, why: tooMany(last) });
      }
      return { included, excluded };
    },

    async homeOf(queue, flavor, except) {
      const members = await links.look(queue.project, (await links.neighboursOf(queue, MAX_LOOKED_UP)).names);
      if (members.length === 0) return null;
      const open = (await control.pools.getPoolsByFlavor(flavor)).filter(({ weight }) => weight > 0);
      const home = members.find(({ pool }) => pool !== except && open.some(({ name }) => name === pool));
      return home?.pool ?? null;
    },

    async random({ project, name }) {
      let root = name;
      for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
        const above = await links.deadLetterQueueOf({ project, name: root });
        if (above === null) break;
        root = above;
      }
      let drawn = 0;
      return () => {
        const digest = createHash("sha256")
          .update(JSON.stringify([project, root, drawn++]))
          .digest();
        return digest.readUInt32BE() / 2 ** 32;
      };
    },

    async excludedFrom(queue, source, target) {
      const name = await links.deadLetterQueueOf(queue);
      const [found] = name === null ? [] : await links.look(queue.project, [name]);
      if (found === undefined) return null;
      const why = whyNot(found, source, target, await flavorOf(target));
      return why === null ? null : { queue: found.queue.name, why };
    },
  };
}

/** Why the queue does not move along, or null. `wanted` is the flavor of the target. */
function whyNot({ pool, flavor }: LinkedQueue, source: string, target: string, wanted: string | null): string | null {
  const elsewhere = pool !== source && pool !== target ? `It is in the pool ${pool}.` : null;
  if (flavor === wanted) return elsewhere === null ? null : `${elsewhere} Move it by itself.`;
  if (elsewhere !== null) return elsewhere;
  const own = flavor === null ? "It is of no flavor" : `It is of the flavor ${flavor}`;
  return `${own}, and the pool ${target} is of ${wanted ?? "none"}.`;
}

function tooMany(last: string): string {
  return (
    `More than ${MAX_INCLUDED} queues use it as their dead letter queue. ` +
    `Those after ${last} by name were not looked at, and stay where they are. Move them by themselves.`
  );
}
