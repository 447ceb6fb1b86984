"use client";

import { type ToastOffer, toastFailed } from "../ui/toast.ts";
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
      const { takeBack } = await import("./take-back.ts");
      await takeBack(undo.token);
    } catch {
      toastFailed("The undo could not be loaded.", "The server did not answer. Try again on the queue's page.");
    }
    refresh();
  };
  return { label: "Undo", until: new Date(undo.until).getTime(), act: () => void act() };
}
