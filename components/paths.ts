/**
 * Every address of the dashboard is made here, and read back here. Addresses are without the base path:
 * links and the router add it.
 */

/**
 * A name as one segment of an address. "~" begins the spellings that are reserved: "~" alone is the empty name
 * (the unnamed project), and "~" before a name keeps it apart from those ("." and ".." would otherwise walk up the path).
 */
export function segment(name: string): string {
  const reserved = name === "" || name === "." || name === ".." || name.startsWith("~");
  return encodeURIComponent(reserved ? `~${name}` : name);
}

/** The name that a segment stands for; null when it is not a valid one. */
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

export const paths = {
  overview: () => "/",
  projects: (query?: { search?: string; after?: string; before?: string }) => withQuery("/projects", query),
  /** Of one project, or of all with null. */
  queues: (
    project: string | null,
    query?: { search?: string; sort?: string; after?: string | null; before?: string | null },
  ) => withQuery(project === null ? "/queues" : `/projects/${segment(project)}/queues`, query),
  queue: (project: string, name: string, tab: QueueTab = "messages", query?: Query) =>
    withQuery(`/projects/${segment(project)}/queues/${segment(name)}${tab === "messages" ? "" : `/${tab}`}`, query),
  pools: (query?: { after?: string | null; before?: string | null }) => withQuery("/pools", query),
  /** `range` and `operation`: of the history that it shows. */
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
  health: () => "/health",
  keys: (query?: { store?: string; after?: string | null; before?: string | null }) => withQuery("/keys", query),
  audit: (query?: { actor?: string; after?: string | null; before?: string | null }) => withQuery("/audit", query),
  explorer: () => "/graphql",
};
