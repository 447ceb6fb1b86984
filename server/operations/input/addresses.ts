/** How a request names a project. Left out or null = the caller's only project; "" is the project without a name. FORBIDDEN, BAD_INPUT. */
export interface ProjectAddress {
  project?: string | null;
}

/** How a request names the queue that it is about. */
export interface QueueAddress extends ProjectAddress {
  queue: string;
}

/** At most one of `after` and `before`: exclusive markers that need not exist. `limit` left out = DEFAULT_PAGE_SIZE; beyond 1 … MAX_PAGE_SIZE it is BAD_INPUT. */
export interface PageParams {
  page?: {
    after?: string | null;
    before?: string | null;
    limit?: number | null;
    /** What the caller calls `limit`, for the error. Left out: limit. */
    limitName?: string;
  } | null;
}
