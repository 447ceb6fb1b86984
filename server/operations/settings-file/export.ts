import { type Access, requirePermission } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { FlavorOperations } from "../flavors.ts";
import type { ProjectAddress } from "../input/addresses.ts";
import { chosenScope } from "../input/names.ts";
import type { PoolOperations } from "../pools/pools.ts";
import type { QueueOperations } from "../queues/queues.ts";
import { writeFlavor, writePool, writeQueue, writeSettings } from "./format.ts";

/** What both directions work through, so that rights and limits are those of single calls. */
export interface SettingsParts {
  pools: PoolOperations;
  flavors: FlavorOperations;
  queues: QueueOperations;
}

/** Permission read. The passwords of pools are masked. */
export interface SettingsExport {
  /**
   * The file in parts, a page of each list at a time: all registered pools, and the flavors and queues of one project,
   * or without `project` of all that the caller may see. No snapshot. The first call of `next` throws FORBIDDEN and
   * BAD_INPUT.
   */
  write(access: Access, params: ProjectAddress): AsyncGenerator<string>;
  /** The same as one text. TOO_LARGE beyond MAX_ANSWER_BYTES. */
  text(access: Access, params: ProjectAddress): Promise<string>;
}

export function createSettingsExport(
  { limits }: Pick<OperationContext, "limits">,
  { pools, flavors, queues }: SettingsParts,
): SettingsExport {
  async function* pages<T>(
    list: (page: { after?: string; limit: number }) => Promise<Page<T>>,
    lineOf: (item: T) => string[],
  ): AsyncGenerator<string[]> {
    let after: string | undefined;
    do {
      const page = await list({ limit: limits.MAX_PAGE_SIZE, ...(after === undefined ? {} : { after }) });
      yield page.items.flatMap(lineOf);
      after = page.nextMarker ?? undefined;
    } while (after !== undefined);
  }

  async function* write(access: Access, params: ProjectAddress): AsyncGenerator<string> {
    requirePermission(access, "read");
    const named = params.project !== undefined && params.project !== null;
    const scope = named ? { project: params.project } : { allProjects: true };
    chosenScope(limits, access, "read", scope);
    yield* writeSettings({
      pools: pages(
        (page) => pools.list(access, { page }),
        ({ maskedUri, weight, ...pool }) =>
          maskedUri === null || weight === null ? [] : [writePool({ ...pool, uri: maskedUri, weight })],
      ),
      flavors: pages(
        (page) => flavors.list(access, { ...scope, page }),
        (flavor) => [writeFlavor(flavor)],
      ),
      queues: pages(
        (page) => queues.list(access, { ...scope, page, detailed: true }),
        ({ metadata, ...queue }) => [writeQueue({ ...queue, metadataText: metadata?.text ?? "{}" })],
      ),
    });
  }

  return {
    write,
    async text(access, params) {
      const parts: string[] = [];
      let bytes = 0;
      for await (const part of write(access, params)) {
        parts.push(part);
        bytes += Buffer.byteLength(part);
        if (bytes <= limits.MAX_ANSWER_BYTES) continue;
        throw new DomainError(
          "TOO_LARGE",
          "These settings are larger than an answer may be. Download them from /api/export/settings.json, or name a project.",
          { details: { maximum: limits.MAX_ANSWER_BYTES } },
        );
      }
      return parts.join("");
    },
  };
}
