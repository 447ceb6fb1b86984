/** Why this cannot start, and what to do about it: shown at the terminal as it is, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
