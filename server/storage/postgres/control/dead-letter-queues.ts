/**
 * Which queues use which dead letter queue. The column `dead_letter_queue` repeats what the metadata says, because text
 * cannot be searched for.
 */
import { Prisma } from "../../../../prisma/generated/client.ts";
import type { Queue, QueueController } from "../../control-driver.ts";
import type { QueueRef } from "../../queue-ref.ts";

/** At most this many queues with a missing dead letter queue have their metadata read. */
const MISSING_LIMIT = 1000;

export async function listByDeadLetterQueues(
  prisma: Prisma.TransactionClient,
  { queues, limit }: Parameters<QueueController["listByDeadLetterQueues"]>[0],
): Promise<string[][]> {
  if (queues.length === 0) return [];
  const rows = await prisma.$queryRaw<{ names: string[] }[]>`
    SELECT ARRAY(
      SELECT q.name FROM queues q WHERE q.project = asked.project AND q.dead_letter_queue = asked.name
      ORDER BY q.name LIMIT ${limit}
    ) AS names
    FROM unnest(${queues.map(({ project }) => project)}::text[], ${queues.map(({ name }) => name)}::text[])
      WITH ORDINALITY AS asked(project, name, n)
    ORDER BY asked.n`;
  return rows.map(({ names }) => names);
}

export async function listWithoutDeadLetterQueue(
  prisma: Prisma.TransactionClient,
  { projects, limit }: Parameters<QueueController["listWithoutDeadLetterQueue"]>[0],
): Promise<Pick<Queue, "project" | "name" | "metadataText">[]> {
  const inProjects = projects === "all" ? Prisma.empty : Prisma.sql`AND q.project = ANY (${[...projects]}::text[])`;
  // The inner query reads two indexes only. The metadata of 100,000 queues would be ten times as much.
  return prisma.$queryRaw<{ project: string; name: string; metadataText: string }[]>`
    SELECT q.project, q.name, q.metadata AS "metadataText" FROM (
      SELECT q.project, q.name, q.dead_letter_queue FROM queues q
      WHERE q.dead_letter_queue IS NOT NULL ${inProjects}
        AND NOT EXISTS (SELECT 1 FROM queues d WHERE d.project = q.project AND d.name = q.dead_letter_queue)
      ORDER BY q.project, q.dead_letter_queue, q.name LIMIT ${MISSING_LIMIT}
    ) AS missing JOIN queues q ON q.project = missing.project AND q.name = missing.name
    WHERE ${hasKey("_max_claim_count")}
    ORDER BY missing.project, missing.dead_letter_queue, missing.name LIMIT ${limit}`;
}

export async function repairDeadLetterQueues(
  prisma: Prisma.TransactionClient,
  queues: readonly QueueRef[],
): Promise<void> {
  if (queues.length === 0) return;
  const rows = await prisma.$queryRaw<{ project: string; name: string; metadata: string; recorded: string | null }[]>`
    SELECT project, name, metadata, dead_letter_queue AS recorded FROM queues
    WHERE (project, name) IN (
      SELECT * FROM unnest(
        ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))
      AND (dead_letter_queue IS NOT NULL OR ${hasKey("_dead_letter_queue")})`;
  for (const { project, name, metadata: metadataText, recorded } of rows) {
    const deadLetterQueue = deadLetterQueueOf(metadataText);
    if (deadLetterQueue === recorded) continue;
    await prisma.queue.updateMany({ where: { project, name, metadataText }, data: { deadLetterQueue } });
  }
}

/** True when the metadata may have this key. JSON writes a key as it is, or with an escape. */
function hasKey(key: string): Prisma.Sql {
  return Prisma.sql`(strpos(metadata, ${`"${key}"`}) > 0 OR strpos(metadata, ${"\\u00"}) > 0)`;
}

/**
 * The dead letter queue that the metadata names, for the indexed column. Null when that is not a text, or a text that
 * cannot be stored.
 */
export function deadLetterQueueOf(metadataText: string): string | null {
  if (!metadataText.includes("dead") && !metadataText.includes("\\u")) return null;
  try {
    const { _dead_letter_queue: name } = JSON.parse(metadataText) as { _dead_letter_queue?: unknown };
    return typeof name === "string" && name.isWellFormed() && !name.includes("\u0000") ? name : null;
  } catch {
    return null;
  }
}
