/** While it is there, the whole service changes nothing that is asked for. */
export interface ReadOnly {
  readonly at: Date;
  readonly actor: string;
  readonly reason: string;
}

export interface ReadOnlyController {
  /** Null: changes are allowed. */
  get(): Promise<ReadOnly | null>;
  /** One that is there already stays as it is, and is returned. */
  begin(by: { actor: string; reason: string }): Promise<{ readOnly: ReadOnly; begun: boolean }>;
  /** Ends it and returns it; null when there was none. */
  end(): Promise<ReadOnly | null>;
}
