import type { PoolFacts } from "./fragments.ts";

/** Where a pool is, as far as the viewer may know it. */
export const uriText = ({ uri, builtIn }: Pick<PoolFacts, "uri" | "builtIn">): string =>
  uri ?? (builtIn ? "control database" : "not shown to you");
