"use client";

import { useEffect, useState } from "react";
import { callApi } from "../api.ts";
import { OPEN_UNDOS } from "./documents.ts";
import type { OpenUndoFacts } from "./fragments.ts";
import OpenUndo from "./open-undo.tsx";

/** On the page of a queue that does not exist: offers to take its deletion back. Asks once, when the page opens. */
export default function Deletion({ project, queue }: { project: string; queue: string }) {
  const [undo, setUndo] = useState<OpenUndoFacts | null>(null);
  useEffect(() => {
    callApi(OPEN_UNDOS, { project }).then(
      ({ undos }) =>
        setUndo(undos?.find(({ action, queueName }) => action === "DELETE_QUEUE" && queueName === queue) ?? null),
      // The page says already that there is no such queue.
      () => undefined,
    );
  }, [project, queue]);
  return undo === null ? null : <OpenUndo undo={undo} />;
}
