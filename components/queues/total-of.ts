import type { QueueFrameFacts } from "./fragments.ts";

/** All messages of a queue, in whatever state. */
export const totalOf = ({ ready, claimed, delayed, exhausted }: NonNullable<QueueFrameFacts["stats"]>) =>
  ready + claimed + delayed + exhausted;
