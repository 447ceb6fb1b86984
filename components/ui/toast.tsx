"use client";

import { Toast } from "@base-ui/react/toast";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { visibleIfText } from "./visible.tsx";

const manager = Toast.createToastManager();

/** Reports success. Disappears by itself. */
export function toastDone(title: string, description?: string): void {
  manager.add({ title, description, type: "done", timeout: 5000 });
}

/** Reports a failure, and what to do. Stays until it is closed; screen readers announce it at once. */
export function toastFailed(title: string, description?: string): void {
  manager.add({ title, description, type: "failed", timeout: 0, priority: "high" });
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      {children}
      <Toast.Portal>
        <Toast.Viewport
          aria-label="Notifications"
          className="fixed inset-x-3 bottom-3 z-50 flex flex-col gap-2 sm:left-auto sm:w-96"
        >
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className={classes(
        "rounded-lg border bg-surface shadow-lg transition-opacity data-ending-style:opacity-0 data-limited:hidden data-starting-style:opacity-0",
        toast.type === "failed" ? "border-danger/50" : "border-line",
      )}
    >
      <Toast.Content className="flex items-start gap-2.5 p-3">
        {toast.type === "failed" ? (
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-danger" />
        ) : (
          <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-ok" />
        )}
        <div className="min-w-0 flex-1 wrap-anywhere">
          <Toast.Title className="font-medium">{visibleIfText(toast.title)}</Toast.Title>
          <Toast.Description className="text-muted">{visibleIfText(toast.description)}</Toast.Description>
        </div>
        <Toast.Close aria-label="Close" className="rounded p-0.5 text-muted hover:bg-hover hover:text-ink">
          <X aria-hidden className="size-4" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
