/** What the address of a queue's messages says: which of them, from which end, and where. */
import { paths } from "../paths.ts";
export interface Browse {
  order: "newest" | "oldest";
  /** In one of these states: their names, with commas between them. Null: in any. */
  state: string | null;
  /** A text in bodies. Null: any body. */
  body: string | null;
  /** Begins at this time, as ISO 8601. */
  at: string | null;
  /** The page at the other end. */
  end: boolean;
  after: string | null;
  before: string | null;
  /** New messages come in by themselves. */
  follow: boolean;
  /** How many messages a search has looked at. */
  searched: number;
  /** What the address says of other parts of the page. */
  others: Readonly<Record<string, string>>;
}

/** Where a list of other messages, or of another order, begins again. */
export const BEGINNING = { at: null, end: false, after: null, before: null, searched: 0 };

/**
 * True when the messages have to be searched for, a part of the queue at a time. Others are a page of the queue: they
 * cost little, and stay current.
 */
export const isSearch = ({ body, state }: Browse) => body !== null || (state !== null && state !== "ready");

/** The address of the messages, with the open one: `first` and `last` are those of the page. */
export function browseHref(
  { project, queue }: { project: string; queue: string },
  { order, searched, others, ...rest }: Browse,
  message?: string | null,
): string {
  const query = { ...others, ...rest, order: order === "oldest" && order, searched: searched > 0 && searched, message };
  return paths.queue(project, queue, "messages", query);
}

/** Where the page before or after a message is, and which message of that page is beside it. */
export function beside(browse: Browse, marker: string, step: -1 | 1): { browse: Browse; message: "first" | "last" } {
  const newer = (step === 1) === (browse.order === "oldest");
  return {
    browse: { ...browse, ...BEGINNING, ...(newer ? { after: marker } : { before: marker }), follow: false },
    message: step === 1 ? "first" : "last",
  };
}
