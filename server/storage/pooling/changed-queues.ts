/** The queues that changed, of all pools together. */
import type { ActivityReads, ChangedQueue } from "../activity.ts";
import { queueKey } from "../queue-ref.ts";

type Changed = Awaited<ReturnType<ActivityReads["changed"]>>;
/** By pool. */
type Marks = Readonly<Record<string, string | null>>;

/** The marks of the pools in a mark of all. Nothing of one that this driver did not give. */
export function marksOf(mark: string | null): Marks {
  try {
    const marks: unknown = JSON.parse(mark ?? "{}");
    return typeof marks === "object" && marks !== null ? (marks as Marks) : {};
  } catch {
    return {};
  }
}

/**
 * `answers`: of the pools `names`, in their order. A pool that failed, null, keeps its mark, so that nothing of it is
 * missed. A queue that has just moved may be told of by both pools; it comes once.
 */
export function changedOfAll(names: readonly string[], answers: readonly (Changed | null)[], before: Marks): Changed {
  const marks: Record<string, string | null> = {};
  const found = new Map<string, ChangedQueue>();
  let more = false;
  for (const [index, name] of names.entries()) {
    const answer = answers[index] ?? null;
    marks[name] = answer?.mark ?? before[name] ?? null;
    more ||= answer?.more ?? false;
    for (const changed of answer?.queues ?? []) {
      const key = queueKey(changed.queue);
      if ((found.get(key)?.weight ?? -1) < changed.weight) found.set(key, changed);
    }
  }
  return { queues: [...found.values()], mark: JSON.stringify(marks), more };
}
