import { type Access, requirePermission } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { endBefore, FINEST, MINUTE, RESOLUTIONS, type ResolutionSeconds } from "../../history/sample.ts";
import type { Cuts } from "../../history/sample-budget.ts";
import type { GroupKind, LastRounds, LastSample, Subject } from "../../history/sample-history.ts";
import { endsOf, type Metric, metricOf, type Span } from "../../history/sample-series.ts";
import type { OperationContext } from "../context.ts";
import { FreshValue } from "../fresh-value.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput, checkBatch, checkWhole } from "../input/limits.ts";
import { chosenProject, chosenQueue } from "../input/names.ts";

export interface HistoryRange {
  /** Up to then. Default: now. */
  until?: Date | null;
  /** How long before. Default: an hour. */
  seconds?: number | null;
}

export interface HistoryParams {
  range?: HistoryRange | null;
  /** Default: the finest that is still kept for the range, and gives at most 400 intervals. */
  resolutionSeconds?: ResolutionSeconds | null;
}

export interface History extends Span {
  /** One value for each interval, oldest first. Null: unknown. */
  values(metric: Metric): (number | null)[];
}

export interface Sampling {
  /** False: no samples are taken. */
  on: boolean;
  last: LastRounds;
  /** For each resolution, how long samples are kept: less than usual when all together would take too much. */
  kept: { resolutionSeconds: ResolutionSeconds; seconds: number }[];
}

/** Permission read. In the order asked, at most MAX_PAGE_SIZE at once. */
export interface SampleOperations {
  /** The last sample of each queue; null without one. */
  last(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(LastSample | null)[]>;
  lastOfProjects(access: Access, params: { projects: readonly string[] }): Promise<(LastSample | null)[]>;
  lastOfPools(access: Access, params: { pools: readonly string[] }): Promise<(LastSample | null)[]>;
  /**
   * How queues were over time; null without a sample. BAD_INPUT for a range that is shorter than an interval, or longer
   * than samples are kept. TOO_LARGE for more than MAX_INTERVALS together.
   */
  history(access: Access, params: HistoryParams & { queues: readonly QueueAddress[] }): Promise<(History | null)[]>;
  historyOfProjects(
    access: Access,
    params: HistoryParams & { projects: readonly string[] },
  ): Promise<(History | null)[]>;
  historyOfPools(access: Access, params: HistoryParams & { pools: readonly string[] }): Promise<(History | null)[]>;
  sampling(access: Access, params: Record<string, never>): Promise<Sampling>;
}

export const DEFAULT_RANGE_SECONDS = 3600;
const MAX_RANGE_SECONDS = Math.max(...RESOLUTIONS.map(({ keptSeconds }) => keptSeconds));
/** Of all histories that one call asks for: each is a block of samples to read. */
export const MAX_INTERVALS = 40_000;
/** Of a history whose resolution is not asked for: enough for a chart. */
export const USUAL_INTERVALS = 400;

export function createSampleOperations({ samples, limits, now }: OperationContext): SampleOperations {
  const cuts = new FreshValue({ read: () => samples.cuts(), now });

  async function histories(subjects: readonly Subject[], params: HistoryParams): Promise<(History | null)[]> {
    const finest = subjects[0]?.kind === "queue" ? FINEST : MINUTE;
    const [time, since] = await Promise.all([samples.now(), cuts.get()]);
    const span = spanOf(params, finest, time, since);
    const ends = endsOf(span);
    if (subjects.length * ends.length > MAX_INTERVALS) {
      const value = subjects.length * ends.length;
      throw new DomainError(
        "TOO_LARGE",
        `The histories of one list may have ${MAX_INTERVALS} intervals together; these have ${value}. Ask for fewer rows, a shorter range or a coarser resolution.`,
        { details: { field: "range", value, maximum: MAX_INTERVALS } },
      );
    }
    const found = await samples.histories(subjects, span);
    return found.map(
      (intervals) =>
        intervals && {
          ...span,
          values: (metric) => intervals.map((interval, index) => metricOf(metric, interval, ends[index] as number)),
        },
    );
  }

  const chosenQueues = (access: Access, queues: readonly QueueAddress[]) => {
    requirePermission(access, "read");
    return checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, "read", queue));
  };
  const chosenProjects = (access: Access, projects: readonly string[]) => {
    requirePermission(access, "read");
    return checkBatch(limits, "projects", projects).map((project) => chosenProject(limits, access, "read", project));
  };
  const chosenPools = (access: Access, pools: readonly string[]) => {
    requirePermission(access, "read");
    return checkBatch(limits, "pools", pools);
  };
  const subjects = (kind: GroupKind, names: readonly string[]) => names.map((name): Subject => ({ kind, name }));

  return {
    last: async (access, { queues }) => samples.last(chosenQueues(access, queues)),
    lastOfProjects: async (access, { projects }) => samples.lastOf("project", chosenProjects(access, projects)),
    async lastOfPools(access, { pools }) {
      const names = chosenPools(access, pools);
      return access.rights.read === "all" ? samples.lastOf("pool", names) : names.map(() => null);
    },

    async history(access, { queues, ...params }) {
      const chosen = chosenQueues(access, queues).map(
        ({ project, name }): Subject => ({ kind: "queue", project, name }),
      );
      return histories(chosen, params);
    },

    async historyOfProjects(access, { projects, ...params }) {
      return histories(subjects("project", chosenProjects(access, projects)), params);
    },

    async historyOfPools(access, { pools, ...params }) {
      if (access.rights.read !== "all") return chosenPools(access, pools).map(() => null);
      return histories(subjects("pool", chosenPools(access, pools)), params);
    },

    async sampling(access) {
      requirePermission(access, "read");
      const [last, time, since] = await Promise.all([samples.lastRounds(), samples.now(), cuts.get()]);
      const kept = RESOLUTIONS.map(({ seconds, keptSeconds }) => {
        const age = (time.getTime() - (since.get(seconds)?.getTime() ?? 0)) / 1000;
        return { resolutionSeconds: seconds, seconds: Math.min(keptSeconds, Math.floor(age)) };
      });
      return { on: samples.isOn, last, kept };
    },
  };
}

function spanOf({ range, resolutionSeconds }: HistoryParams, finest: number, now: Date, cuts: Cuts): Span {
  const until = range?.until ?? now;
  if (Number.isNaN(until.getTime())) throw badInput("range.until", "range.until must be an instant.");
  const asked = range?.seconds ?? DEFAULT_RANGE_SECONDS;
  const seconds = checkWhole("range.seconds", asked, finest, MAX_RANGE_SECONDS, "seconds");
  if (typeof resolutionSeconds === "number" && resolutionSeconds < finest) {
    throw badInput("resolution", `resolution must be ${finest} seconds or longer here.`, { minimum: finest });
  }
  const chosen =
    resolutionSeconds ?? usualResolution({ seconds, finest, from: until.getTime() - seconds * 1000, now, cuts });
  const kept = RESOLUTIONS.find((one) => one.seconds === chosen)?.keptSeconds ?? 0;
  if (seconds > kept) {
    throw badInput("range.seconds", `Samples of ${chosen} seconds are kept for ${kept} seconds.`, {
      value: seconds,
      maximum: kept,
    });
  }
  const end = endBefore(until.getTime(), chosen);
  return { from: end - Math.ceil(seconds / chosen) * chosen * 1000, until: end, resolutionSeconds: chosen };
}

/** The finest that is kept from the beginning of the range on, and gives a usual number of intervals. */
function usualResolution({
  seconds,
  finest,
  from,
  now,
  cuts,
}: {
  seconds: number;
  finest: number;
  /** Where the range begins, in milliseconds since 1970. */
  from: number;
  now: Date;
  cuts: Cuts;
}): number {
  const begin = ({ seconds: one, keptSeconds }: (typeof RESOLUTIONS)[number]) =>
    Math.max(now.getTime() - keptSeconds * 1000, cuts.get(one)?.getTime() ?? 0);
  const fitting = RESOLUTIONS.filter((one) => one.seconds >= finest).find(
    (one) => from >= begin(one) && seconds / one.seconds <= USUAL_INTERVALS,
  );
  return (fitting ?? RESOLUTIONS[RESOLUTIONS.length - 1] ?? { seconds: finest }).seconds;
}
