"use client";

import { lazy, Suspense, useEffect } from "react";
import { useToasts } from "./toast.ts";

/** Loaded soon after the page: a toast may have to say that the server does not answer. */
const loadBox = () => import("./toast-box.tsx");
const Box = lazy(loadBox);

/**
 * The list of reports: one for the whole page. They stand below the navigation, and on narrow screens at the lower edge.
 * Nothing is under them there: see --toasts and --below in globals.css.
 */
export function Toasts() {
  useEffect(() => {
    loadBox().catch(() => {});
  }, []);
  const all = useToasts();
  const failed = all.filter((toast) => toast.failed);
  const done = all.filter((toast) => !toast.failed);
  return (
    <section
      aria-label="Notifications"
      className="pointer-events-none fixed inset-x-0 bottom-0 z-50 max-h-[50dvh] overflow-y-auto lg:right-auto lg:w-42"
    >
      {/* Always rendered, because screen readers announce what appears in a region that they know. */}
      <div role="alert" aria-live="assertive">
        {failed.map((toast) => (
          <Suspense key={toast.id} fallback={null}>
            <Box toast={toast} />
          </Suspense>
        ))}
      </div>
      <div role="status" aria-live="polite">
        {done.map((toast) => (
          <Suspense key={toast.id} fallback={null}>
            <Box toast={toast} />
          </Suspense>
        ))}
      </div>
    </section>
  );
}
