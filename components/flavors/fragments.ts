import type { ResultOf } from "gql.tada";
import { graphql } from "../graphql.ts";

/** A pool that a flavor may have. */
export const FLAVOR_CHOICE = graphql(`
  fragment FlavorChoice on Pool {
    name
    flavorName
    builtIn
  }
`);
export type FlavorChoice = ResultOf<typeof FLAVOR_CHOICE>;

export const FLAVOR_ROW = graphql(`
  fragment FlavorRow on Flavor {
    project
    name
    pools {
      name
    }
    capabilities
  }
`);
export type FlavorRow = ResultOf<typeof FLAVOR_ROW> & { choices: FlavorChoice[] };
