/** Left out: a dry run, which changes nothing and gives the token. With the token of a dry run: done, if what is there is still what was shown, else CONFIRMATION_REQUIRED. */
export interface DropAllParams {
  confirmationToken?: string | null;
}

export interface DropAllResult {
  /** False: a dry run. */
  dropped: boolean;
  /** How many are (or were) there. */
  count: { value: number; exact: boolean };
  /** Null once dropped. */
  confirmationToken: string | null;
}
