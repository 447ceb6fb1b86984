/** Problems and the histories that they are found in. */
import { api, history, type Mutation } from "./mutation.ts";

const rules = (name: string) => ({ file: "test/problems/queue-rules.test.ts", name });

export const PROBLEMS: readonly Mutation[] = [
  {
    guarantee: "Histories take no more room than they may",
    file: "server/history/sample-budget.ts",
    from: "size.bytes <= share",
    to: "size.bytes > 0",
    test: history(
      "queue-samples",
      "lose the oldest of those that take most when all take too much, and histories of a usual resolution know",
    ),
  },
  {
    guarantee: "A queue is stuck since the message was given out last, not since it was seen",
    file: "server/problems/queue-rules.ts",
    from: "const since = Math.max(oldest, state.givenAt ?? 0, state.readySince ?? 0);",
    to: "const since = oldest;",
    test: rules("since the last message was given out, if more waited then, and no more once one is given out"),
  },
  {
    guarantee: "A delayed message that has just become ready makes no queue stuck",
    file: "server/problems/queue-rules.ts",
    from: "return Math.max(depths.oldestReadyAt?.getTime() ?? 0, lastMinute ?? 0);",
    to: "return depths.oldestReadyAt?.getTime();",
    test: rules("not because of a delayed message that has just become ready, however old it is"),
  },
  {
    guarantee: "The rules look at a queue again though nothing happens in it",
    file: "server/problems/queue-rules.ts",
    from: "if (looks.length > 0) state.lookAt = Math.min(...looks);",
    to: "",
    test: rules("looking only when it is used or due finds the same problems as looking in each minute"),
  },
  {
    guarantee: "A minute without use is no minute of growth",
    file: "server/problems/queue-rules.ts",
    from: "const rising = followsOn ? before.rising : undefined;",
    to: "const rising = before.rising;",
    test: rules("not when it grew by less, when one minute was without growth, or when nothing happened in one"),
  },
  {
    guarantee: "A problem that ended and comes again is silent as long as it is snoozed",
    file: "server/problems/store.ts",
    from: "($8::boolean OR z.until IS NULL)",
    to: "($8::boolean OR true)",
    test: api(
      "problems",
      "a snoozed problem is silent until then, says who did it and why, and stays silent when it comes again",
    ),
  },
  {
    guarantee: "A queue that nobody uses is looked at when its problem begins by the passing of time",
    file: "server/history/sample-writes.ts",
    from: "changes_at: earlier(reading.changesAt, rules.lookAt),",
    to: "changes_at: reading.changesAt,",
    test: api(
      "problems",
      "a stuck queue is a problem since its oldest message came, for everybody who asks, until one is given out",
    ),
  },
];
