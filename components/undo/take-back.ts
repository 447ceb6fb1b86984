"use client";

import { ApiError, callFields, type Done } from "../api.ts";
import { formatCount } from "../ui/format.ts";
import { toastDone, toastFailed } from "../ui/toast.ts";
import { TAKE_BACK } from "./documents.ts";

/** Takes back what the token stands for, and says so. Loaded at the first undo. */
export async function takeBack(token: string): Promise<void> {
  try {
    toastDone(takenBack(await callFields(TAKE_BACK, { input: { token } })));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toastFailed(error.message, error.code);
  }
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
