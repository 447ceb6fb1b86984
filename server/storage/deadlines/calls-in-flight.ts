/** Counts the calls that have begun and not ended, so that a driver that closes can wait for them. */
export class CallsInFlight {
  #count = 0;
  #settled: (() => void)[] = [];

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const settled of this.#settled.splice(0)) settled();
  }

  /** Resolves once no call is left. */
  settled(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }
}
