/** What the doctor found. */

/** `skipped`: nobody could look. */
export type State = "ok" | "warning" | "failed" | "skipped";

export interface Finding {
  /** What was looked at, such as `database` or `pool fast`. */
  check: string;
  state: State;
  /** What it is like, for people. */
  message: string;
  /** What to do; null when nothing is to do. */
  advice: string | null;
}

type Look = (check: string, message: string) => Finding;

export const ok: Look = (check, message) => ({ check, state: "ok", message, advice: null });
export const skipped: Look = (check, message) => ({ check, state: "skipped", message, advice: null });

export function warning(check: string, message: string, advice: string): Finding {
  return { check, state: "warning", message, advice };
}

export function failed(check: string, message: string, advice: string): Finding {
  return { check, state: "failed", message, advice };
}

/** What an error says of itself, without a stack. Of a storage that does not answer: why. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause, code } = error as Error & { code?: string };
  if (code === "STORAGE_UNAVAILABLE" && cause instanceof Error) return reasonOf(cause);
  return (message || code || error.name).replace(/\s+/g, " ");
}
