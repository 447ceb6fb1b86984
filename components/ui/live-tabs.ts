/**
 * One stream for all tabs of a browser, which allows six connections to a host. The tabs elect a leader with a lock
 * that the browser releases when the tab is gone; the leader holds the stream and passes on what it hears.
 */

export interface View {
  document: string;
  variables: object;
}

export interface ViewChange {
  /** The index of the view among those that were asked for. */
  index: number;
  /** Equal for equal answers. */
  digest: string;
}

/** Opens the stream and calls `onChange` until it ends. Resolves or rejects at its end. */
export type Connect = (
  views: readonly View[],
  onChange: (change: ViewChange) => void,
  signal: AbortSignal,
) => Promise<void>;

interface Listener {
  /** `changed` false: the server has looked, and the view is as before. */
  onView: (changed: boolean) => void;
  onConnected: (connected: boolean) => void;
}

type Note =
  /** What a tab wants to see; null when it stops. */
  | { kind: "wants"; tab: string; view: View | null }
  /** From a new leader: every tab says what it wants. */
  | { kind: "who" }
  | { kind: "view"; key: string; changed: boolean }
  /** Which views the stream tells of. */
  | { kind: "connected"; keys: readonly string[] };

const NAME = "isimud-live";
const REPEAT_MS = 10_000;
/** A tab that said nothing for so long is gone. */
const GONE_MS = 25_000;
const RETRY_MS = { least: 500, most: 2000 };
/** Views that the server takes in one stream. A tab with another one has no stream, and refreshes by the clock. */
export const MOST_VIEWS = 20;

const keyOf = (view: View) => JSON.stringify([view.document, view.variables]);

export function canBeLive(): boolean {
  return typeof BroadcastChannel !== "undefined" && "locks" in navigator;
}

/** Watches `view` for this tab until the returned function is called. */
export function watchLive(view: View, connect: Connect, listener: Listener): () => void {
  const tab = Math.random().toString(36).slice(2);
  const channel = new BroadcastChannel(NAME);
  const stopped = new AbortController();
  const key = keyOf(view);
  let leader: Leader | null = null;

  const hear = (note: Note) => {
    if (note.kind === "view" && note.key === key) listener.onView(note.changed);
    if (note.kind === "connected") listener.onConnected(note.keys.includes(key));
  };
  const say = (note: Note) => channel.postMessage(note);
  const want = () => {
    say({ kind: "wants", tab, view });
    leader?.wants(tab, view);
  };
  channel.onmessage = ({ data }: MessageEvent<Note>) => {
    if (data.kind === "who") want();
    else if (data.kind === "wants") leader?.wants(data.tab, data.view);
    else hear(data);
  };
  want();
  const repeat = setInterval(want, REPEAT_MS);
  const lead = () => {
    leader = new Leader(connect, (note) => {
      say(note);
      hear(note);
    });
    leader.wants(tab, view);
    say({ kind: "who" });
    return leader.run(stopped.signal);
  };
  // Rejects when this tab stops while it waits for the lock.
  navigator.locks.request(NAME, { signal: stopped.signal }, lead).catch(() => {});
  return () => {
    stopped.abort();
    clearInterval(repeat);
    say({ kind: "wants", tab, view: null });
    channel.close();
  };
}

class Leader {
  readonly #connect: Connect;
  readonly #tell: (note: Note) => void;
  readonly #tabs = new Map<string, { view: View; at: number }>();
  readonly #digests = new Map<string, string>();
  /** The views of the present stream, once it tells of them. */
  #connected: readonly string[] = [];
  /** Ends the present stream, so that one with other views is opened. */
  #restart = new AbortController();
  #open: readonly string[] = [];

  constructor(connect: Connect, tell: (note: Note) => void) {
    this.#connect = connect;
    this.#tell = tell;
  }

  wants(tab: string, view: View | null): void {
    if (view === null) this.#tabs.delete(tab);
    else this.#tabs.set(tab, { view, at: Date.now() });
    for (const [name, { at }] of this.#tabs) if (Date.now() - at > GONE_MS) this.#tabs.delete(name);
    const keys = [...this.#views().keys()];
    // A view that nobody watches any more can stay until a new one comes.
    if (keys.some((key) => !this.#open.includes(key))) this.#restart.abort();
    else if (this.#connected.length > 0) this.#tell({ kind: "connected", keys: this.#connected });
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      this.#restart = new AbortController();
      const signal = AbortSignal.any([stop, this.#restart.signal]);
      // What several tabs want at the same moment comes into one stream.
      await pause(50, stop);
      const views = this.#views();
      this.#open = [...views.keys()];
      const onChange = ({ index, digest }: ViewChange) => {
        this.#say(this.#open);
        const key = this.#open[index];
        if (key === undefined) return;
        const changed = this.#digests.get(key) !== digest;
        this.#digests.set(key, digest);
        this.#tell({ kind: "view", key, changed });
      };
      if (!signal.aborted) await this.#connect([...views.values()], onChange, signal).catch(() => {});
      if (signal.aborted) continue;
      this.#say([]);
      await pause(RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least), signal);
    }
  }

  #views(): Map<string, View> {
    const views = new Map([...this.#tabs.values()].map(({ view }) => [keyOf(view), view]));
    return new Map([...views].slice(0, MOST_VIEWS));
  }

  #say(keys: readonly string[]): void {
    if (this.#connected === keys || (this.#connected.length === 0 && keys.length === 0)) return;
    this.#connected = keys;
    this.#tell({ kind: "connected", keys });
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
