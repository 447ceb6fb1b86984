/**
 * The position of an event stream that can be resumed. A browser's EventSource keeps the `id` of the last event, and
 * sends it as the header Last-Event-ID when it connects again.
 */
export class StreamPosition {
  /** The header of the request. Null: it begins anew. */
  readonly lastEventId: string | null;
  #begin: string | null = null;
  #idOf: ((payload: object) => string) | null = null;

  constructor(lastEventId: string | null) {
    this.lastEventId = lastEventId;
  }

  /** The stream begins after `id`. `idOf` returns the id of each event, which is a position as well. */
  begin<Payload extends object>(id: string, idOf: (payload: Payload) => string): void {
    this.#begin = id;
    this.#idOf = idOf as (payload: object) => string;
  }

  /** An event without data: its client resumes here if the connection ends before the first message. */
  get beginning(): Buffer | null {
    return this.#begin === null ? null : Buffer.from(`${idLine(this.#begin)}\n`);
  }

  /** The line of an event that has the id; empty when the stream cannot be resumed. */
  lineOf(payload: object): string {
    return this.#idOf === null ? "" : idLine(this.#idOf(payload));
  }
}

/** Only what a header can carry: an argument of the client may be any text. */
const idLine = (id: string) => (/^[\x21-\x7e]+$/.test(id) ? `id: ${id}\n` : "");
