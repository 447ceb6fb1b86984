import type { ResultOf } from "gql.tada";
import { shorten } from "../ui/shorten.ts";
import type { DRY_RUN_FACTS, DryRunFacts } from "./fragments.ts";

/** Characters of a body that a row shows. */
const PREVIEW = 200;

/** Without whole bodies, of which a sample could have megabytes. */
export function shortSample(facts: ResultOf<typeof DRY_RUN_FACTS>): DryRunFacts {
  const sample =
    facts.sample?.map(({ bodyText, ...rest }) => ({ ...rest, preview: shorten(bodyText, PREVIEW) })) ?? null;
  return { ...facts, sample };
}

/** How many messages it would act upon: those that stay do not count. */
export function actingOn({ count, claimed, refused }: DryRunFacts, takesClaimed: boolean): number {
  const refusals = refused.reduce((sum, { messages }) => sum + messages, 0);
  return Math.max(0, count.value - (takesClaimed ? 0 : claimed) - refusals);
}
