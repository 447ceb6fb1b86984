"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import type { QueueFrameFacts } from "./fragments.ts";
import { totalOf } from "./total-of.ts";

/** Deletes all messages of a queue, after a question that says how many. */
export function PurgeQueue(props: { project: string; queue: string; stats: QueueFrameFacts["stats"] }) {
  const { stats } = props;
  const isEmpty = stats?.exact && totalOf(stats) === 0;
  const trigger = (
    <Button
      kind="danger"
      needs="startJob"
      where={props.project}
      disabledReason={isEmpty ? "It has no messages." : null}
    >
      Purge…
    </Button>
  );
  return isEmpty ? trigger : <Opener trigger={trigger} load={loadQuestion} props={props} />;
}

const loadQuestion = () => import("./purge-question.tsx");
