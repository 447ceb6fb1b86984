import type { ControlDriver } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";

const PAGE = 100;

/** The names of all pools, the built-in one first. Reads every page: there are few pools. */
export async function poolNames(control: ControlDriver): Promise<string[]> {
  const names = [DEFAULT_POOL];
  for (let after: string | undefined; ; ) {
    const page = await control.pools.list({ page: { limit: PAGE, ...(after === undefined ? {} : { after }) } });
    names.push(...page.items.map((pool) => pool.name));
    if (page.nextMarker === null) return names;
    after = page.nextMarker;
  }
}
