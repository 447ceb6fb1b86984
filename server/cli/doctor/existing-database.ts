/** The control database as it is: it is not created, and its tables stay as they are. */
import type { Config } from "../../config.ts";
import { hasCluster } from "../../embedded-postgres/installation.ts";
import { withOwnDatabase } from "../own-database.ts";
import { type Finding, failed, ok, reasonOf } from "./finding.ts";

export async function withExistingDatabase(
  config: Config,
  look: (url: string) => Promise<Finding[]>,
): Promise<Finding[]> {
  const { DATABASE_URL, DATA_DIR } = config;
  if (DATABASE_URL === undefined && !hasCluster(DATA_DIR)) {
    return [ok("database", "There is none yet: the first start creates one in DATA_DIR.")];
  }
  let isOpen = false;
  try {
    return await withOwnDatabase(config, (url) => {
      isOpen = true;
      return look(url);
    });
  } catch (error) {
    if (isOpen) throw error;
    const advice = "Do as it says; a start fails in the same way.";
    return [failed("database", `The database in ${DATA_DIR} does not start: ${reasonOf(error)}`, advice)];
  }
}
