import type { ResultOf } from "gql.tada";
import { listenInSight } from "../live-stream.ts";
import { whileShown } from "../while-shown.ts";
import { MESSAGE_POSTED } from "./documents.ts";
import type { MESSAGE_ROW } from "./fragments.ts";

type Posted = ResultOf<typeof MESSAGE_ROW>;

/** Milliseconds between two changes of the list. */
const FLUSH_MS = 250;
/** A browser that shows messages so much later than they were posted goes on with those that come from now on. */
const LATE_MS = 5000;

/**
 * Calls `onPosted` with the messages of a queue as they are posted, those behind `after`, until `signal` aborts.
 * Reconnects by itself. A hidden tab listens to nothing. `onGap`: messages were left out before what comes next.
 */
export async function followMessages(params: {
  project: string;
  queue: string;
  /** A message's marker. Left out: from now on. */
  after: string | undefined;
  now: () => number;
  onPosted: (messages: Posted[]) => void;
  onGap: () => void;
  signal: AbortSignal;
}): Promise<void> {
  let { after } = params;
  await whileShown(async (stop, signal) => {
    const reached = await listenOnce({ ...params, after, stop, signal });
    const stopped = stop.signal.aborted;
    if (stopped && !params.signal.aborted) params.onGap();
    // A stream that broke goes on where it ended, one that was stopped begins anew.
    after = stopped ? undefined : (reached ?? after);
    return "again";
  }, params.signal);
}

/** Returns the marker of the last message that came. */
async function listenOnce({
  project,
  queue,
  after,
  now,
  onPosted,
  stop,
  signal,
}: Parameters<typeof followMessages>[0] & { stop: AbortController }) {
  let gathered: Posted[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: string | undefined;
  const flush = () => {
    timer = undefined;
    if (gathered.length > 0) onPosted(gathered);
    gathered = [];
  };
  const take = ({ messagePosted: message }: { messagePosted?: Posted | null }) => {
    if (!message) return;
    last = message.marker;
    gathered.push(message);
    timer ??= setTimeout(flush, FLUSH_MS);
    if (now() - Date.parse(message.createdAt) > LATE_MS) stop.abort();
  };
  const variables = { project, queue, after };
  await listenInSight("Messages as they are posted", MESSAGE_POSTED, variables, take, signal).catch(() => {});
  clearTimeout(timer);
  if (!stop.signal.aborted) flush();
  return last;
}
