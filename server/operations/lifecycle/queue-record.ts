import type { Limits } from "../../config.ts";
import type { Queue } from "../../storage/control-driver.ts";
import { type QueueMetadata, readMetadata } from "../input/queue-metadata.ts";

export interface QueueRecord {
  project: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
  /** Null only in a list that was not asked for `detailed`. */
  metadata: QueueMetadata | null;
}

export function queueRecord(
  limits: Limits,
  queue: Queue,
  metadata: QueueMetadata | null = readMetadata(limits, queue.metadataText),
): QueueRecord {
  const { project, name, createdAt, updatedAt } = queue;
  return { project, name, createdAt, updatedAt, metadata };
}
