import type { LoadedInParts } from "@/app/execute.ts";
import type { Failure } from "@/components/failed.tsx";

/** The queue of a tab's document, for the frame above the tab. */
export function frameOf<Queue>(
  loaded: LoadedInParts<{ queue: Queue | null }>,
): { ok: true; data: Queue | null } | { ok: false; error: Failure } {
  if (!loaded.ok) return loaded;
  const error = loaded.failures.queue;
  return error ? { ok: false, error } : { ok: true, data: loaded.data.queue };
}
