/** How problems look, and what they are called. */
import { paths } from "../paths.ts";
import { formatCount } from "../ui/format.ts";
import type { Ink, Shape } from "../ui/glyph.tsx";
import type { ProblemGroup, ProblemKind, ProblemRow, Severity } from "./fragments.ts";

interface Look {
  shape: Shape;
  ink: Ink;
  tone: "danger" | "warn";
  word: string;
}

/** Red: it cannot work. Amber: it works, and gets worse. */
export const SEVERITIES: Record<Severity, Look> = {
  CRITICAL: { shape: "octagon", ink: "danger", tone: "danger", word: "critical" },
  WARNING: { shape: "triangle", ink: "warn", tone: "warn", word: "warning" },
};

interface Kind {
  /** Of one queue, in a row of a list: "stuck since 11:24". */
  short: string;
  /** Of many. */
  many: (count: string) => string;
  about: "queues" | "pools" | "jobs";
}

export const KINDS: Record<ProblemKind, Kind> = {
  STUCK: { short: "stuck", many: (n) => `${n} queues are stuck: nothing takes their messages.`, about: "queues" },
  GROWING: { short: "grows", many: (n) => `${n} queues grow.`, about: "queues" },
  CLAIMS_LAPSING: { short: "claims lapse", many: (n) => `Claims lapse in ${n} queues.`, about: "queues" },
  EXHAUSTED: {
    short: "exhausted",
    many: (n) => `${n} queues have messages that nobody can claim.`,
    about: "queues",
  },
  DEAD_LETTERS_ARRIVING: { short: "dead letters", many: (n) => `${n} queues give up messages.`, about: "queues" },
  DEAD_LETTER_QUEUE_MISSING: {
    short: "no dead letter queue",
    many: (n) => `The dead letter queues of ${n} queues are missing.`,
    about: "queues",
  },
  CONSUMER_GONE: { short: "consumer gone", many: (n) => `Consumers of ${n} queues stopped.`, about: "queues" },
  POOL_UNHEALTHY: { short: "pool unhealthy", many: (n) => `${n} pools do not work well.`, about: "pools" },
  POOL_FULL: { short: "pool full", many: (n) => `${n} pools take no writes.`, about: "pools" },
  POOL_EMPTY_AGAIN: { short: "pool lost its data", many: (n) => `${n} pools came back empty.`, about: "pools" },
  JOB_FAILED: { short: "job failed", many: (n) => `${n} jobs failed.`, about: "jobs" },
  CLOCK_SKEW: { short: "clock differs", many: (n) => `The clocks of ${n} pools differ.`, about: "pools" },
  GC_BEHIND: { short: "garbage stays", many: (n) => `Garbage stays in ${n} pools.`, about: "pools" },
  DISK: { short: "little space", many: (n) => `${n} pools have little space left.`, about: "pools" },
};

/** The kinds of problems that are told where one looks at queues, and the others, which are told with health. */
export const QUEUE_KINDS = kindsAbout((about) => about === "queues");
export const HEALTH_KINDS = kindsAbout((about) => about !== "queues");

function kindsAbout(fits: (about: Kind["about"]) => boolean): ProblemKind[] {
  return (Object.keys(KINDS) as ProblemKind[]).filter((kind) => fits(KINDS[kind].about));
}

/** How many problems there are, or at least how many, and how bad the worst is. Null: none. */
export interface ProblemCount {
  count: number;
  exact: boolean;
  severity: Severity;
}

export function countProblems(groups: readonly ProblemGroup[], about?: Kind["about"]): ProblemCount | null {
  const chosen = about === undefined ? groups : groups.filter(({ kind }) => KINDS[kind].about === about);
  const count = chosen.reduce((sum, group) => sum + group.count, 0);
  if (count === 0) return null;
  const severity = chosen.some((group) => group.severity === "CRITICAL") ? "CRITICAL" : "WARNING";
  return { count, exact: chosen.every(({ exact }) => exact), severity };
}

/** Where the problems of a kind are listed, with what fixes them. */
export const problemsPath = (kind: ProblemKind) =>
  KINDS[kind].about === "queues" ? paths.queues(null, { problems: kind.toLowerCase() }) : paths.health();

export type About = Pick<ProblemRow, "project" | "queueName" | "poolName"> & { job: { id: string } | null };

/** Where one looks at what a problem is about. The queue of a failed job may be gone; the job tells why it failed. */
export function problemPath({ project, queueName, poolName, job }: About): string {
  if (job !== null) return paths.job(job.id);
  if (project !== null && queueName !== null) return paths.queue(project, queueName);
  return poolName === null ? paths.jobs({ state: "failed" }) : paths.pool(poolName);
}

/** "12", or "1,000+" where there may be more. */
export const countText = ({ count, exact }: { count: number; exact: boolean }) =>
  formatCount(count, exact ? "exact" : "at-least");

/** "a, b, c and 209 more". */
export function namesText({ names, count, exact }: Pick<ProblemGroup, "names" | "count" | "exact">): string {
  const more = count - names.length;
  return more <= 0 ? names.join(", ") : `${names.join(", ")} and ${countText({ count: more, exact })} more`;
}
