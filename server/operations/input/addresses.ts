/**
 * How a request names a project. Null or left out: the caller's only project, or BAD_INPUT if it has several. "" is the
 * project without a name. FORBIDDEN for a project that the caller may not see.
 */
export interface ProjectAddress {
  project?: string | null;
}

/** How a request names a queue. */
export interface QueueAddress extends ProjectAddress {
  queue: string;
}

/**
 * Which page of a list. `after` and `before` are exclusive markers; they need not exist in the list. `atEnd`: the last
 * page. At most one of the three may be given. `limit`: 1 to MAX_PAGE_SIZE, by default DEFAULT_PAGE_SIZE. BAD_INPUT.
 */
export interface PageParams {
  page?: {
    after?: string | null;
    before?: string | null;
    atEnd?: boolean;
    limit?: number | null;
    /** The caller's own name for `limit`, for the error. Left out: limit. */
    limitName?: string;
  } | null;
}
