/** The work of a job that posts test messages. */
import type { JobWork } from "../../jobs/job-work.ts";
import type { OperationContext } from "../context.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { requirePresentRight } from "./rights.ts";

/** What the job keeps of what was asked for. */
export interface GenerateInput {
  messages: number;
  bodyBytes: number | null;
  /** JSON text with NUMBER in it. */
  bodyText: string | null;
  ttlSeconds: number;
  /** Messages of one post. Fixed, because a post that is repeated after a crash must be the same. */
  batch: number;
}

/** In a template: the message's number, from 1. A string that is nothing else becomes a number. */
const NUMBER = /"\{\{number\}\}"|\{\{number\}\}/g;

export function createGenerateWork(context: OperationContext, { lookup }: { lookup: QueueLookup }): JobWork {
  return async (job, progress) => {
    const input = JSON.parse(job.inputText) as GenerateInput;
    const queue = { project: job.project ?? "", name: job.target };
    let posted = (JSON.parse(job.positionText ?? '{"done":0}') as { done: number }).done;
    progress.report(posted, input.messages);
    while (posted < input.messages) {
      const batch = Math.min(input.batch, input.messages - posted);
      for (let allowed = 0; allowed < batch; ) allowed += await progress.allowance(batch - allowed);
      await progress.patiently(() => requirePresentRight(context, job, [queue]));
      const first = posted + 1;
      const messages = Array.from({ length: batch }, (_, index) => ({
        bodyText: bodyOf(input, first + index),
        ttlSeconds: input.ttlSeconds,
        delaySeconds: 0,
      }));
      await progress.patiently(async () => {
        await lookup.attributes(queue);
        const idempotencyKey = `job ${job.id}, ${first}`;
        return context.data.messages.post({ queue, messages, clientId: clientIdOf(job.id), idempotencyKey });
      });
      posted += batch;
      progress.keep({ done: posted, left: [] });
      progress.report(posted, input.messages);
      await progress.patiently(() => progress.confirm());
    }
    return { messages: posted, left: [], clientId: clientIdOf(job.id) };
  };
}

/** Finds the messages of the job again, to delete them. */
const clientIdOf = (jobId: string) => `generated-by-job-${jobId}`;

export function bodyOf({ bodyText, bodyBytes }: Pick<GenerateInput, "bodyText" | "bodyBytes">, number: number): string {
  if (bodyText !== null) return bodyText.replaceAll(NUMBER, String(number));
  const start = `{"number":${number},"filler":"`;
  return `${start}${"x".repeat(Math.max(0, (bodyBytes ?? 0) - start.length - 2))}"}`;
}
