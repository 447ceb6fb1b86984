import { PauseNotice } from "../components/pauses/pause-notice.tsx";
import { PAUSES } from "./documents.ts";
import { load } from "./execute.ts";

/** Above every page, while everything is paused. */
export async function EverythingPaused() {
  const loaded = await load(PAUSES, {}, ["pauses"]);
  const pause = loaded.ok ? loaded.data.pauses?.find(({ scope }) => scope === "EVERYTHING") : undefined;
  return pause === undefined ? null : <PauseNotice pause={pause} />;
}
