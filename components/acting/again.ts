/** What an earlier job was asked for, as choices for another dry run. */
import { z } from "../zod.ts";
import type { ActionName, Choices, Scope } from "./choices.ts";
import { namedQueues, readChoices, STATES } from "./choices.ts";
import { HOLDING } from "./dry-run-input.ts";

/** Stands for a text that this reader may not see. */
const HIDDEN = "***";

const orNull = <Value>(value: z.ZodType<Value>) => value.nullish().transform((given) => given ?? null);
// An empty text is a condition of its own for the API, and none in an address.
const text = orNull(z.string().min(1));
const whole = orNull(z.number().min(1));
const address = z.strictObject({ project: orNull(z.string()), queue: z.string().min(1) });

const held = orNull(z.literal(true));
const HELD = { hasReady: held, hasClaimed: held, hasDelayed: held, hasExhausted: held };

/** Strict: a condition that the page does not have must not get lost. */
const INPUT = z.strictObject({
  action: z.union([
    z.strictObject({ redrive: z.strictObject({ to: text, ttlSeconds: whole }) }),
    z.strictObject({ delete: z.strictObject({ force: orNull(z.boolean()) }) }),
    z.strictObject({ move: z.strictObject({ project: z.string(), queue: z.string(), ttlSeconds: whole }) }),
    z.strictObject({ release: z.strictObject({ delaySeconds: orNull(z.number()) }) }),
    z.strictObject({ purge: z.strictObject({ before: text }) }),
  ]),
  queues: z.union([
    z.strictObject({ queue: address }),
    z.strictObject({ queues: z.array(address) }),
    z.strictObject({ project: z.string() }),
    z.strictObject({
      filter: z.strictObject({
        project: orNull(z.string()),
        allProjects: orNull(z.boolean()),
        queues: z.strictObject({
          search: text,
          pool: text,
          flavor: text,
          isDeadLetterQueue: orNull(z.literal(true)),
          ...HELD,
          oldestReadyOlderThanSeconds: whole,
        }),
      }),
    }),
  ]),
  filter: orNull(
    z.strictObject({
      states: orNull(z.array(z.enum(STATES))),
      postedFrom: text,
      postedBefore: text,
      clientId: text,
      minClaimCount: whole,
      holder: text,
      claimEndsBefore: text,
      bodyContains: orNull(
        z
          .string()
          .min(1)
          .refine((searched) => searched !== HIDDEN),
      ),
      ids: orNull(z.array(z.string())),
    }),
  ),
  all: orNull(z.boolean()),
  limit: whole,
});
type Input = z.infer<typeof INPUT>;

interface FormerJob {
  /** Null: of a pool, or over queues of several projects. */
  project: string | null;
  inputText: string;
  ratePerSecond: number | null;
}

/** Null: it has no dry run, or conditions that the page for acting does not show, or that are hidden from this reader. */
export function readAgain(job: FormerJob): { scope: Scope; choices: Choices } | null {
  const read = INPUT.safeParse(JSON.parse(job.inputText));
  const scope = read.success ? scopeOf(read.data.queues, job.project) : null;
  return read.success && scope !== null ? { scope, choices: choicesOf(read.data, job.ratePerSecond) } : null;
}

/** `own`: the project of all its queues. */
function scopeOf(queues: Input["queues"], own: string | null): Scope | null {
  const none = { search: null, pool: null, flavor: null, deadLetters: false, holds: null, waits: null };
  if ("queue" in queues) {
    const project = queues.queue.project ?? own;
    return project === null ? null : { kind: "queue", project, name: queues.queue.queue };
  }
  if ("queues" in queues) {
    const named = queues.queues.map(({ project, queue }) => ({ project: project ?? own, name: queue }));
    return named.some(({ project }) => project === null)
      ? null
      : namedQueues(named.map(({ project, name }) => ({ project: project ?? "", name })));
  }
  if ("project" in queues) return { kind: "queues", project: queues.project, allProjects: false, ...none };
  const { project, allProjects, queues: conditions } = queues.filter;
  const { search, pool, flavor, isDeadLetterQueue, oldestReadyOlderThanSeconds: waits } = conditions;
  const [holds = null, ...others] = STATES.filter((state) => conditions[HOLDING[state]] === true);
  const of = allProjects === true ? null : (project ?? own);
  // The page shows queues with messages in one state.
  if ((of === null && allProjects !== true) || others.length > 0) return null;
  return {
    kind: "queues",
    project: of,
    allProjects: allProjects === true,
    ...{ search, pool, flavor, holds, waits },
    deadLetters: isDeadLetterQueue === true,
  };
}

function choicesOf({ action, filter, limit }: Input, ratePerSecond: number | null): Choices {
  const ids = filter?.ids ?? [];
  const conditions = {
    body: filter?.bodyContains ?? null,
    states: STATES.filter((state) => filter?.states?.includes(state)),
    client: filter?.clientId ?? null,
    deliveries: filter?.minClaimCount ?? null,
    from: filter?.postedFrom ?? null,
    before: filter?.postedBefore ?? null,
    holder: filter?.holder ?? null,
    ends: filter?.claimEndsBefore ?? null,
    ...actionOf(action),
  };
  const some = Object.values(filter ?? {}).some((condition) => condition !== null) || conditions.before !== null;
  return {
    ...readChoices(() => null, "delete"),
    ...conditions,
    which: ids.length > 0 ? "ids" : some ? "match" : "all",
    ids,
    limit,
    rate: ratePerSecond,
  };
}

function actionOf(action: Input["action"]): Partial<Choices> & { action: ActionName } {
  if ("redrive" in action) return { action: "redrive", to: action.redrive.to, ttl: action.redrive.ttlSeconds };
  if ("delete" in action) return { action: "delete", force: action.delete.force === true };
  if ("release" in action) return { action: "release", delay: action.release.delaySeconds };
  if ("purge" in action) return { action: "purge", before: action.purge.before };
  const { project, queue, ttlSeconds } = action.move;
  return { action: "move", to: queue, toProject: project, ttl: ttlSeconds };
}
