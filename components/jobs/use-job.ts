"use client";

import { useEffect, useState } from "react";
import { useRefresh } from "../ui/refresh.tsx";
import type { JobDetail } from "./fragments.ts";
import { isUnfinished } from "./job-can.ts";

/** The job as it is now, second by second until it ends. Then the page is refreshed: what it did is elsewhere on it. */
export function useJob(job: JobDetail): JobDetail {
  const { refresh } = useRefresh();
  const [state, setState] = useState({ given: job, now: job });
  // What the page knows is as new as the stream when it comes.
  const now = state.given === job ? state.now : job;
  if (state.given !== job) setState({ given: job, now: job });
  const unfinished = isUnfinished(now);
  useEffect(() => {
    if (!unfinished) return;
    const stop = new AbortController();
    void import("./stream/follow-job.ts").then(({ followJob }) =>
      followJob(
        job.id,
        (next) => {
          setState((before) => ({ ...before, now: next }));
          if (!isUnfinished(next)) refresh();
        },
        stop.signal,
      ),
    );
    return () => stop.abort();
  }, [job.id, unfinished, refresh]);
  return now;
}
