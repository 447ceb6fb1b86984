/**
 * Writes and reads every address of the dashboard. Addresses are without the base path, which links and the router add.
 */

/**
 * A name as one segment of an address. "~" alone is the empty name, of the unnamed project. "~" also escapes names that
 * begin with it, and "." and "..", which browsers would resolve.
 */
export function segment(name: string): string {
  const reserved = name === "" || name === "." || name === ".." || name.startsWith("~");
  return encodeURIComponent(reserved ? `~${name}` : name);
}

/** The name in a segment; null when the segment is invalid. */
export function readSegment(text: string): string | null {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.startsWith("~") ? decoded.slice(1) : decoded;
  } catch {
    return null;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** Adds the parameters that are set; false, null and "" leave one out. */
function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    search.set(name, value === true ? "1" : String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export const QUEUE_TABS = ["messages", "claims", "subscriptions", "statistics", "settings"] as const;
export type QueueTab = (typeof QUEUE_TABS)[number];

/** Which entries of the audit log. */
export interface AuditQuery {
  actor?: string | undefined;
  action?: string | undefined;
  project?: string | null | undefined;
  target?: string | undefined;
  outcome?: string | undefined;
  request?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export const paths = {
  overview: (query?: { range?: string | undefined; table?: boolean }) => withQuery("/", query),
  projects: (query?: { search?: string; after?: string; before?: string }) => withQuery("/projects", query),
  /** Of one project, or with null of all projects. */
  queues: (
    project: string | null,
    query?: {
      search?: string;
      pool?: string;
      flavor?: string;
      deadLetters?: boolean | undefined;
      /** With messages in this state, in lower case, when last sampled. */
      holds?: string | undefined;
      /** Whose oldest ready message waits for longer than so many seconds. */
      waits?: number | undefined;
      /** "all", or one kind of problems in lower case. */
      problems?: string | undefined;
      /** Also problems that are silent. */
      silent?: boolean | undefined;
      sort?: string;
      after?: string | null;
      before?: string | null;
    },
  ) => withQuery(project === null ? "/queues" : `/projects/${segment(project)}/queues`, query),
  /** Of all projects, or of one. */
  claims: (query?: {
    project?: string | null;
    queue?: string;
    holder?: string;
    ends?: string;
    by?: string;
    after?: string | null;
    before?: string | null;
  }) => withQuery("/claims", { ...query, project: query?.project == null ? null : segment(query.project) }),
  queue: (project: string, name: string, tab: QueueTab = "messages", query?: Query) =>
    withQuery(`/projects/${segment(project)}/queues/${segment(name)}${tab === "messages" ? "" : `/${tab}`}`, query),
  /** Where people act on many messages: of one queue, or of all queues that fit. */
  act: (queue: { project: string; name: string } | null, query: Query) =>
    withQuery(
      queue === null ? "/queues/act" : `/projects/${segment(queue.project)}/queues/${segment(queue.name)}/act`,
      query,
    ),
  pools: (query?: { after?: string | null; before?: string | null }) => withQuery("/pools", query),
  /** `range` and `operation` choose the history that the page shows. */
  pool: (name: string, query?: { range?: string; operation?: string; after?: string | null; before?: string | null }) =>
    withQuery(`/pools/${segment(name)}`, query),
  flavors: (query?: { project?: string | null; after?: string | null; before?: string | null }) =>
    withQuery("/flavors", { ...query, project: query?.project == null ? null : segment(query.project) }),
  catalogue: (query?: {
    search?: string;
    pool?: string;
    project?: string | null;
    after?: string | null;
    before?: string | null;
  }) => withQuery("/catalogue", { ...query, project: query?.project == null ? null : segment(query.project) }),
  jobs: (query?: { state?: string; after?: string | null; before?: string | null }) => withQuery("/jobs", query),
  job: (id: string) => `/jobs/${segment(id)}`,
  /** `silent`: also problems that are silent. */
  health: (query?: { silent?: boolean; after?: string; before?: string }) => withQuery("/health", query),
  /** The API tells the addresses of its sections. */
  runbook: () => "/runbook",
  keys: (query?: { store?: string; after?: string | null; before?: string | null }) => withQuery("/keys", query),
  audit: (query?: AuditQuery & { after?: string | null; before?: string | null }) =>
    withQuery("/audit", { ...query, project: query?.project == null ? null : segment(query.project) }),
  settings: () => "/settings",
  /** People, or with `tab` the tokens of programs. */
  access: (
    tab: "people" | "tokens" = "people",
    query?: { state?: string | undefined; after?: string | null; before?: string | null },
  ) => withQuery(tab === "people" ? "/access" : "/access/tokens", query),
  account: () => "/account",
  /** `next`: where to go then. */
  signIn: (next?: string) => withQuery("/sign-in", { next }),
  /** Where a one-time link leads; its code is behind a #. */
  link: () => "/link",
  explorer: () => "/graphql",
};
