/** Starting jobs on messages, and jobs that post test messages. */

import { createHash, randomBytes } from "node:crypto";
import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { type DryRun, readFilter } from "../../jobs/dry-run.ts";
import { type Job, RATED_JOB_KINDS, type TokenJob } from "../../jobs/job.ts";
import { keyReused } from "../../storage/idempotency.ts";
import { permitted, startIntention, type Trace } from "../audit/audit-trail.ts";
import { giving } from "../audit/reason.ts";
import type { BodySights } from "../bodies/sights.ts";
import type { OperationContext } from "../context.ts";
import { projectsOf, visibleDryRun } from "../dry-runs/projects-of.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkJsonText } from "../input/json-text.ts";
import { badInput, checkText, checkTextSize, checkWhole } from "../input/limits.ts";
import { checkLength, checkToken, chosenProject, chosenQueue } from "../input/names.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { bodyOf, type GenerateInput } from "./generate-work.ts";
import { maySee, waitForEnd } from "./parts.ts";

/** Permission operate. */
export interface JobStarts {
  /**
   * Starts the job of a dry run. Every start with its token returns the same job, also after it ended, as long as it is
   * kept. Returns once the job has ended when it is short, or after two seconds; a job with a rate, or on more than a
   * thousand messages, at once while it waits or runs.
   *
   * The job judges each message again when its turn comes. It asks for its asker's rights before each batch, and fails
   * with FORBIDDEN when they are gone. `ratePerSecond`: RATE.least to RATE.most messages; left out: no limit. `reason`:
   * 1 to MAX_REASON_LENGTH characters, for the audit log. Permission operate. DRY_RUN_DOES_NOT_EXIST, also for one that
   * has expired without a start; BAD_INPUT.
   */
  start(access: Access, params: { token: string; ratePerSecond?: number | null; reason: string }): Promise<Job>;
  /**
   * Adds a job that posts `messages` test messages (1 to MAX_GENERATED_MESSAGES) at a rate, none twice. Each has a body
   * of about `bodyBytes` bytes (default 100), or `bodyText` with the message's number in place of `{{number}}`. Returns
   * at once. With an `idempotencyKey`, a repeat returns the same job as long as it is kept. Permission operate.
   * QUEUE_DOES_NOT_EXIST, BAD_INPUT, TOO_LARGE, IDEMPOTENCY_KEY_REUSED.
   */
  generate(
    access: Access,
    params: QueueAddress & {
      messages: number;
      ratePerSecond: number;
      bodyBytes?: number | null;
      bodyText?: string | null;
      ttlSeconds?: number | null;
      reason: string;
      idempotencyKey?: string | null;
    },
  ): Promise<Job>;
}

/** Steps a second. */
export const RATE = { least: 0.01, most: 100_000 };
export const MAX_GENERATED_MESSAGES = 10_000_000;
/** A job without a rate on so few messages is worth a short wait for its end. */
const FEW_MESSAGES = 1000;
const USUAL_BODY_BYTES = 100;
/** Messages of one post of test messages. */
const MOST_POSTED = 100;
const POSTS_PER_SECOND = 4;

interface StartParts {
  lookup: QueueLookup;
  sights: BodySights;
  /** Called after a job was added. */
  added: () => void;
}

export function createJobStarts(context: OperationContext, { lookup, sights, added }: StartParts): JobStarts {
  const { dryRuns, jobs, limits } = context;

  /** Adds the job and its audit entry. The entry gets its outcome when the job ends. */
  async function add(trace: Trace, job: Omit<TokenJob, "actor" | "requestId" | "auditEntry">, details: object) {
    const { actor, requestId } = trace.access;
    const entry = await startIntention(context, trace, details);
    const result = await jobs.addWithToken({ ...job, actor, requestId, auditEntry: entry.id });
    if (!result.created) await entry.settle("done", { job: result.job.id, repeated: true });
    added();
    return result;
  }

  return {
    async start(access, params) {
      const token = checkLength("token", checkText("token", params.token), 100);
      const dryRun = visibleDryRun(access, await dryRuns.get(token));
      const trace: Trace = {
        access,
        action: "startJob",
        project: dryRun?.project ?? null,
        target: dryRun === null ? token : `${dryRun.kind} ${dryRun.target}`.trim(),
      };
      await permitted(context, trace, (permission) => {
        for (const project of projectsOf(dryRun)) chosenProject(limits, access, permission, project);
      });
      const [known = null] = await jobs.getByTokens([token]);
      const prior = maySee(access, known);
      if (prior !== null) return prior;
      if (dryRun === null || dryRun.expired) throw dryRunDoesNotExist();
      const { action, filterText, queues } = dryRun.plan;
      const within = queues.map(({ project: one }) => one);
      await sights.requireFor(access, within, { action, filter: readFilter(filterText) });
      const { trace: because, reason } = withReason(trace, params.reason);
      const ratePerSecond = checkRate(params.ratePerSecond, dryRun.kind);
      const { kind, project, target, plan, inputText } = dryRun;
      const { job } = await add(
        because,
        {
          ...{ kind, project, target, inputText, token, reason, ratePerSecond, total: totalOf(dryRun) },
          projects: projectsOf(dryRun),
        },
        { kind, messages: plan.count, queues: plan.queues.length, ratePerSecond, token },
      );
      const isShort = ratePerSecond === null && plan.count.exact && plan.count.value <= FEW_MESSAGES;
      return isShort ? waitForEnd(jobs, job) : job;
    },

    async generate(access, params) {
      const trace: Trace = {
        access,
        action: "generateMessages",
        project: params.project ?? null,
        target: String(params.queue),
      };
      const queue = await permitted(context, trace, (permission) => chosenQueue(limits, access, permission, params));
      const attributes = await lookup.attributes(queue);
      const { trace: because, reason } = withReason({ ...trace, project: queue.project }, params.reason);
      const messages = checkWhole("messages", params.messages, 1, MAX_GENERATED_MESSAGES, "messages");
      const ratePerSecond = checkRate(params.ratePerSecond, "generateMessages");
      if (ratePerSecond === null) throw badInput("ratePerSecond", "ratePerSecond must be given.");
      const { maxMessagesPostBytes: maximum } = attributes;
      const body = checkBody(params, maximum);
      // The last one is the longest.
      const longest = bodyOf(body, messages);
      checkTextSize("body", longest, maximum);
      checkJsonText("body", longest, limits.MAX_JSON_DEPTH);
      const ttl = params.ttlSeconds ?? null;
      if (ttl !== null) checkWhole("ttlSeconds", ttl, limits.MIN_MESSAGE_TTL, limits.MAX_MESSAGE_TTL, "seconds");
      const input: GenerateInput = {
        messages,
        ...body,
        ttlSeconds: ttl ?? attributes.defaultMessageTtlSeconds,
        batch: batchOf(ratePerSecond, Buffer.byteLength(longest), maximum),
      };
      const key = checkToken("idempotencyKey", params.idempotencyKey);
      const { job, created } = await add(
        because,
        {
          kind: "generateMessages",
          project: queue.project,
          projects: [queue.project],
          target: queue.name,
          inputText: JSON.stringify(input),
          token: key === null ? randomBytes(18).toString("base64url") : digestOf([queue.project, queue.name, key]),
          reason,
          ratePerSecond,
          total: messages,
        },
        { messages, ratePerSecond },
      );
      if (!created && key !== null && job.inputText !== JSON.stringify(input)) throw keyReused(key);
      return job;
    },
  };
}

const totalOf = ({ plan: { count } }: DryRun) => (count.exact ? count.value : null);
const digestOf = (parts: string[]) => createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

/** The reason of a job is kept with it, and with its audit entry. */
function withReason(trace: Trace, given: string): { trace: Trace; reason: string } {
  const access = giving(trace.access, checkText("reason", given).trim());
  return { trace: { ...trace, access }, reason: access.reason as string };
}

/** Null: no limit. */
export function checkRate(rate: number | null | undefined, kind: Job["kind"]): number | null {
  if (rate === null || rate === undefined) return null;
  if (!RATED_JOB_KINDS.includes(kind)) {
    throw badInput("ratePerSecond", "A job of this kind keeps to no rate: it takes whole queues. Leave it out.");
  }
  if (Number.isFinite(rate) && rate >= RATE.least && rate <= RATE.most) return rate;
  throw badInput("ratePerSecond", `ratePerSecond must be between ${RATE.least} and ${RATE.most}; it is ${rate}.`, {
    value: rate,
    minimum: RATE.least,
    maximum: RATE.most,
  });
}

function checkBody(
  params: { bodyBytes?: number | null; bodyText?: string | null },
  maximum: number,
): Pick<GenerateInput, "bodyBytes" | "bodyText"> {
  const bodyBytes = params.bodyBytes ?? null;
  const bodyText = params.bodyText ?? null;
  if (bodyBytes !== null && bodyText !== null) throw badInput("bodyBytes", "Give `bodyBytes` or `body`, not both.");
  if (bodyText !== null) return { bodyBytes, bodyText };
  const bytes = bodyBytes ?? USUAL_BODY_BYTES;
  return { bodyBytes: checkWhole("bodyBytes", bytes, 1, maximum, "bytes"), bodyText };
}

/** Some posts a second, none larger than a post may be. */
function batchOf(ratePerSecond: number, bytes: number, maximum: number): number {
  const few = Math.ceil(ratePerSecond / POSTS_PER_SECOND);
  return Math.max(1, Math.min(MOST_POSTED, few, Math.floor(maximum / bytes)));
}

function dryRunDoesNotExist(): DomainError {
  return new DomainError(
    "DRY_RUN_DOES_NOT_EXIST",
    "There is no such dry run, or it is older than ten minutes. Make another one, and start that.",
  );
}
