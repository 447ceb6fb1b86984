"use client";

import { lazy, Suspense, useSyncExternalStore } from "react";
import type { OpenMessage, Steps } from "./fragments.ts";

/** From this width on, a message is beside the page. The class `xl:` of the style sheet begins there too. */
const WIDE = "(min-width: 80rem)";

/** The message that the address opens: beside the page, or over it where there is no room. */
export function OpenedMessage(props: OpenMessage & { steps: Steps }) {
  const wide = useSyncExternalStore<boolean | null>(
    subscribe,
    () => matchMedia(WIDE).matches,
    () => null,
  );
  return (
    <Suspense fallback={null}>{wide === null ? null : wide ? <Panel {...props} /> : <Dialog {...props} />}</Suspense>
  );
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(WIDE);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

const Panel = lazy(() => import("./message-panel.tsx"));
const Dialog = lazy(() => import("./message-dialog-content.tsx"));
