/** Why a command cannot go on, as one text that says what to do. The terminal shows it without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  /** The same may work in a moment. */
  readonly isTransient: boolean;

  /** `exitCode`: 1, it failed; 2, it was called wrongly; 128 and the number of a signal, which ended it. */
  constructor(message: string, exitCode = 1, { isTransient = false } = {}) {
    super(message);
    this.exitCode = exitCode;
    this.isTransient = isTransient;
  }
}
