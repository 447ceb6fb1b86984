"use client";

import { lazy, Suspense, useEffect } from "react";
import { useToasts } from "./toast.ts";

/** Loaded soon after the page: a toast may have to say that the server does not answer. */
const loadBox = () => import("./toast-box.tsx");
const Box = lazy(loadBox);

/** The list of reports: one for the whole page. */
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
      className="pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col gap-2 sm:left-auto sm:w-96"
    >
      {/* Always rendered, because screen readers announce what appears in a region that they know. */}
      <div role="alert" aria-live="assertive" className="flex flex-col gap-2">
        {failed.map((toast) => (
          <Suspense key={toast.id} fallback={null}>
            <Box toast={toast} />
          </Suspense>
        ))}
      </div>
      <div role="status" aria-live="polite" className="flex flex-col gap-2">
        {done.map((toast) => (
          <Suspense key={toast.id} fallback={null}>
            <Box toast={toast} />
          </Suspense>
        ))}
      </div>
    </section>
  );
}
