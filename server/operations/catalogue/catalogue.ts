import type { OperationContext } from "../context.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import { type CatalogueReads, createCatalogueReads } from "./read.ts";
import { type CatalogueWrites, createCatalogueWrites } from "./write.ts";

/** Which pool holds which queue. Reading needs the permission read, changing administer. */
export interface CatalogueOperations extends CatalogueReads, CatalogueWrites {}

export function createCatalogueOperations(
  context: OperationContext,
  parts: { lifecycle: Pick<QueueLifecycle, "attach"> },
): CatalogueOperations {
  return { ...createCatalogueReads(context), ...createCatalogueWrites(context, parts) };
}
