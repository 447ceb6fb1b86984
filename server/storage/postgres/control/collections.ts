/** The last garbage collection of all pools, in one row that every process overwrites. */
import type { Collection, CollectionsController } from "../../control-driver.ts";
import { guarded, type Session } from "./prisma-session.ts";

export function collectionsController({ session }: { session: Session }): CollectionsController {
  const { prisma } = session;
  const controller: CollectionsController = {
    async record(collection) {
      await prisma.$executeRaw`
        INSERT INTO garbage_collection (at, report) VALUES (clock_timestamp(), ${JSON.stringify(collection)})
        ON CONFLICT ("only") DO UPDATE SET at = excluded.at, report = excluded.report`;
    },

    async last() {
      const row = await prisma.garbageCollection.findFirst();
      return row === null ? null : { at: row.at, ...(JSON.parse(row.reportText) as Omit<Collection, "at">) };
    },
  };
  return guarded(session, controller, ["record"]);
}
