/** The records of queues: name, metadata, dates. Their pools know how many messages they hold. */
import type { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { Queue, QueueController } from "../../control-driver.ts";
import type { QueueRef } from "../../queue-ref.ts";
import { countQueuesOfProjects } from "./counts.ts";
import {
  deadLetterQueueOf,
  listByDeadLetterQueues,
  listWithoutDeadLetterQueue,
  repairDeadLetterQueues,
} from "./dead-letter-queues.ts";
import { guarded, type Session } from "./prisma-session.ts";
import { listProjects, projectsWithQueues } from "./projects.ts";
import { countQueues, listQueues } from "./queue-lists.ts";

export function queueController({ session }: { session: Session }): QueueController {
  const { prisma } = session;
  const controller: QueueController = {
    create: (queue, metadataText) => create(prisma, queue, metadataText),
    delete: async ({ project, name }) => void (await prisma.queue.deleteMany({ where: { project, name } })),
    exists: async ({ project, name }) => (await prisma.queue.count({ where: { project, name } })) > 0,
    get: (queue) => get(session, queue),
    getMany: (queues) => getMany(prisma, queues),
    getMetadata: (queue) => getMetadata(session, queue),
    setMetadata: (queue, metadataText) => setMetadata(prisma, queue, metadataText),
    listByDeadLetterQueues: (params) => listByDeadLetterQueues(prisma, params),
    listWithoutDeadLetterQueue: (params) => listWithoutDeadLetterQueue(prisma, params),
    repairDeadLetterQueues: (queues) => repairDeadLetterQueues(prisma, queues),
    listWithMetrics: (params) => listWithMetrics(prisma, params),
    list: (params) => listQueues(prisma, params),
    count: (params) => countQueues(prisma, params),
    countByProjects: (projects) => countQueuesOfProjects(prisma, projects),
    listProjects: (params) => listProjects(prisma, params),
    projectsWithQueues: (projects) => projectsWithQueues(prisma, projects),
  };
  return guarded(session, controller, ["create", "delete", "setMetadata", "repairDeadLetterQueues"]);
}

async function create(
  prisma: Prisma.TransactionClient,
  { project, name }: QueueRef,
  metadataText = "{}",
): Promise<boolean> {
  const { count } = await prisma.queue.createMany({
    data: [{ project, name, metadataText, deadLetterQueue: deadLetterQueueOf(metadataText) }],
    skipDuplicates: true,
  });
  return count === 1;
}

async function get({ prisma, inTransaction }: Session, { project, name }: QueueRef): Promise<Queue> {
  // A transaction that reads a queue will probably write it next. The lock prevents a change in between.
  if (inTransaction) await lockQueue(prisma, project, name);
  const row = await prisma.queue.findUnique({
    where: { project_name: { project, name } },
    omit: { deadLetterQueue: true },
  });
  if (row === null) throw queueDoesNotExist();
  return row;
}

async function getMany(prisma: Prisma.TransactionClient, queues: readonly QueueRef[]): Promise<Queue[]> {
  if (queues.length === 0) return [];
  return prisma.$queryRaw<Queue[]>`
    SELECT project, name, metadata AS "metadataText", created_at AS "createdAt", updated_at AS "updatedAt" FROM queues
    WHERE (project, name) IN (
      SELECT * FROM unnest(
        ${queues.map((queue) => queue.project)}::text[], ${queues.map((queue) => queue.name)}::text[]))`;
}

async function getMetadata({ prisma, inTransaction }: Session, { project, name }: QueueRef): Promise<string> {
  if (inTransaction) await lockQueue(prisma, project, name);
  const row = await prisma.queue.findUnique({
    where: { project_name: { project, name } },
    select: { metadataText: true },
  });
  if (row === null) throw queueDoesNotExist();
  return row.metadataText;
}

async function setMetadata(
  prisma: Prisma.TransactionClient,
  { project, name }: QueueRef,
  metadataText: string,
): Promise<void> {
  const { count } = await prisma.queue.updateMany({
    where: { project, name },
    data: { metadataText, deadLetterQueue: deadLetterQueueOf(metadataText), updatedAt: new Date() },
  });
  if (count === 0) throw queueDoesNotExist();
}

/** `queue_has_metrics` and its index come with a migration of their own. */
async function listWithMetrics(prisma: Prisma.TransactionClient, { limit }: { limit: number }): Promise<QueueRef[]> {
  return prisma.$queryRaw<QueueRef[]>`
    SELECT project, name FROM queues WHERE queue_has_metrics(metadata) ORDER BY created_at, project, name LIMIT ${limit}`;
}

async function lockQueue(prisma: Prisma.TransactionClient, project: string, name: string): Promise<void> {
  await prisma.$queryRaw`SELECT 1 FROM queues WHERE project = ${project} AND name = ${name} FOR UPDATE`;
}

export function queueDoesNotExist(): DomainError {
  return new DomainError("QUEUE_DOES_NOT_EXIST", "There is no queue of this name in this project.");
}
