import type { Access } from "../../access/access.ts";
import { checkText } from "../input/limits.ts";
import { checkLength } from "../input/names.ts";

/** Characters of a reason. */
export const MAX_REASON_LENGTH = 1000;

/** The caller, who gives this reason for what it is about to do. BAD_INPUT. Null or left out: the caller as it is. */
export function giving(access: Access, reason: string | null | undefined): Access {
  if (reason === null || reason === undefined) return access;
  return { ...access, reason: checkLength("reason", checkText("reason", reason), MAX_REASON_LENGTH) };
}
