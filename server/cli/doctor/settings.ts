/** Looks at this process, its settings and its folder. */
import { access, constants, stat, statfs } from "node:fs/promises";
import { type Config, ConfigError, environmentForChild, readConfig } from "../../config.ts";
import { spaceSeverity } from "../../problems/pool-rules.ts";
import { inBytes } from "../../problems/text.ts";
import { existingSecretKey } from "../../process/data-dir.ts";
import { type Finding, failed, ok, reasonOf, warning } from "./finding.ts";
import { givenSettings, misspeltSettings } from "./given-settings.ts";

/** Older ones cannot read the program; those between run it, but nobody tries them. */
const TRIED_NODE = 24;

export function lookAtNode(): Finding {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) === TRIED_NODE) return ok("node", `Node ${node}.`);
  return warning("node", `Node ${node}; Isimud is tried on Node ${TRIED_NODE}.`, `Run it with Node ${TRIED_NODE}.`);
}

/** The settings too, null when they are wrong. */
export function lookAtSettings(): { findings: Finding[]; config: Config | null } {
  const environment = environmentForChild({});
  const misspelt = misspeltSettings(environment).map(({ name, meant }) =>
    warning("settings", `${name} is set, and is no setting: nothing reads it.`, `Did you mean ${meant}?`),
  );
  try {
    const config = readConfig();
    const given = givenSettings(environment);
    const names = given.length === 0 ? "None is given: all have their defaults." : `Given: ${given.join(", ")}.`;
    return { findings: [ok("settings", names), ...misspelt], config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const wrong = failed("settings", reasonOf(error), "Correct them. A start refuses them too.");
    return { findings: [wrong, ...misspelt], config: null };
  }
}

/** The folder of the embedded database, of the key, and of registered documents. */
export async function lookAtDataDir(config: Config): Promise<Finding[]> {
  const { DATA_DIR: folder } = config;
  const isNeeded = config.DATABASE_URL === undefined;
  try {
    await stat(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      return [failed("data folder", reasonOf(error), "Correct DATA_DIR, or the rights of the folders above it.")];
    }
    return [ok("data folder", `${folder} does not exist yet${isNeeded ? ": the first start creates it" : ""}.`)];
  }
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const advice = "Start as the user that owns it, or set DATA_DIR to a folder of your own.";
    return [failed("data folder", `This user may not write to ${folder}.`, advice)];
  }
  const { bavail, blocks, bsize } = await statfs(folder);
  const space = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  const free = `${folder}: ${inBytes(space.freeBytes)} of ${inBytes(space.totalBytes)} are free.`;
  const severity = spaceSeverity(space, config);
  if (severity === null) return [ok("data folder", free)];
  const advice = "Free some space. DISK_FREE_PERCENT and DISK_FREE_GIB say from when on it is a problem.";
  return [severity === "critical" ? failed("data folder", free, advice) : warning("data folder", free, advice)];
}

/** Null when there is none yet, or a damaged one. */
export function lookAtKey(config: Config): { findings: Finding[]; key: string | null } {
  if (config.SECRET_KEY !== undefined) return { findings: [], key: config.SECRET_KEY };
  try {
    return { findings: [], key: existingSecretKey(config.DATA_DIR) };
  } catch (error) {
    return { findings: [failed("keys", reasonOf(error), "Do as it says; a start refuses this key.")], key: null };
  }
}
