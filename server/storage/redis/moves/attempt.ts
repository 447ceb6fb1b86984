/** What the calls of a mover share at the source. */
import { CALL } from "../queue-lua.ts";
import { numeral } from "../server/script-parameters.ts";

/** The arguments of every call of a mover: those of a call, and the attempt. */
export const ATTEMPT = { ...CALL, attempt: numeral };

/** Bytes of message bodies, or of kept answers, that one script reads. The last one may go beyond. */
export const READ_BYTES = 4 * 1024 * 1024;

/** Milliseconds from `earlier` to `later`, both in microseconds. */
export const until = (later: string, earlier: string) => (Number(later) - Number(earlier)) / 1000;
