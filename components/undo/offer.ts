"use client";

import { ApiError, callFields, type Done } from "../api.ts";
import { formatCount } from "../ui/format.ts";
import { type ToastOffer, toastDone, toastFailed } from "../ui/toast.tsx";
import { TAKE_BACK } from "./documents.ts";
import type { OpenUndoFacts } from "./fragments.ts";

type Offered = Pick<OpenUndoFacts, "token" | "until">;

interface Payload {
  undo?: Offered | null;
  job?: { undos?: readonly Offered[] } | null;
}

/** The undo that a mutation's answer carries. A job's page has several one by one. */
function undoIn(data: object): Offered | null {
  for (const payload of Object.values(data) as (Payload | null)[]) {
    const [undo, ...others] = payload?.undo ? [payload.undo] : (payload?.job?.undos ?? []);
    if (undo?.until && others.length === 0) return undo;
  }
  return null;
}

/** "Undo" for the toast of a mutation, while it can be taken back. `refresh` shows the page as it is after that. */
export function offerOf(data: object, refresh: () => void): ToastOffer | undefined {
  const undo = undoIn(data);
  if (undo === null) return undefined;
  const act = async () => {
    try {
      const done = await callFields(TAKE_BACK, { input: { token: undo.token } });
      toastDone(takenBack(done));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toastFailed(error.message, error.code);
    }
    refresh();
  };
  return { label: "Undo", until: new Date(undo.until).getTime(), act: () => void act() };
}

interface TakenBack {
  undo: { messages: number | null; queue: { name: string } } | null;
}

/** What is told when something was taken back. */
export function takenBack({ undo: { messages, queue } }: Done<TakenBack>): string {
  if (messages === null) return `Taken back: the messages are in ${queue.name} again.`;
  if (messages === 0) return `Taken back: ${queue.name} is as it was.`;
  const are = messages === 1 ? "1 message is" : `${formatCount(messages)} messages are`;
  return `Taken back: ${are} in ${queue.name} again.`;
}
