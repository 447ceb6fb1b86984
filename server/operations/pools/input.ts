/** Checks of what a caller says about a pool. */
import type { OperationContext } from "../context.ts";
import { checkObjectText } from "../input/json-text.ts";
import { badInput, checkTextSize, checkWhole, isStorable } from "../input/limits.ts";
import { checkName } from "../input/names.ts";

export interface PoolChanges {
  uri?: string | null;
  weight?: number | null;
  /** Null or "" takes the pool out of its flavor. Left out: it keeps its flavor. */
  flavor?: string | null;
  optionsText?: string | null;
  /**
   * Default true. False: do not connect to the URI, so neither capabilities nor identity are checked. A text that
   * cannot be a pool's URI is refused all the same.
   */
  verify?: boolean;
}

const MAX_URI_LENGTH = 255;
const MAX_WEIGHT = 2 ** 32 - 1;

type Context = Pick<OperationContext, "data" | "limits">;

export function checkChanges(
  context: Context,
  changes: PoolChanges,
): {
  uri?: string;
  weight?: number;
  flavor?: string | null;
  optionsText?: string;
} {
  const { uri, weight, flavor, optionsText } = changes;
  return {
    ...(uri === undefined || uri === null ? {} : { uri: checkUri(context, uri) }),
    ...(weight === undefined || weight === null ? {} : { weight: checkWeight(weight) }),
    ...(flavor === undefined ? {} : { flavor: flavor === null || flavor === "" ? null : checkName("flavor", flavor) }),
    ...(optionsText === undefined || optionsText === null ? {} : { optionsText: checkOptions(context, optionsText) }),
  };
}

export function checkWeight(weight: number): number {
  return checkWhole("weight", weight, 0, MAX_WEIGHT);
}

function checkOptions({ limits }: Context, optionsText: string): string {
  checkTextSize("options", optionsText, limits.MAX_QUEUE_METADATA);
  checkObjectText("options", optionsText, limits.MAX_JSON_DEPTH);
  return optionsText;
}

/** Hazard: the URI may hold a password, so no error repeats it. */
export function checkUri({ data }: Context, uri: unknown): string {
  if (!isStorable(uri) || uri === "" || uri.length > MAX_URI_LENGTH) {
    throw badInput("uri", `uri must be text of 1 to ${MAX_URI_LENGTH} characters.`, {
      ...(typeof uri === "string" ? { value: uri.length } : {}),
      minimum: 1,
      maximum: MAX_URI_LENGTH,
    });
  }
  data.checkUri(uri);
  return uri;
}
