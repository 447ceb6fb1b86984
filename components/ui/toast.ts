"use client";

import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  failed: boolean;
  title: string;
  description?: string;
  offer?: ToastOffer;
}

/** What the reader can do about it, until a time of the server, in milliseconds. */
export interface ToastOffer {
  label: string;
  until: number;
  act: () => void;
}

/** More than that, and the oldest goes. */
const MOST = 4;

/** Outside of React, so that a part of the page that is loaded later reports to the same list. */
let toasts: readonly Toast[] = [];
const NONE: readonly Toast[] = [];
const CHANGED = new EventTarget();
let lastId = 0;

function change(next: readonly Toast[]): void {
  toasts = next;
  CHANGED.dispatchEvent(new Event("change"));
}

function add(toast: Omit<Toast, "id">): void {
  lastId += 1;
  change([...toasts, { ...toast, id: lastId }].slice(-MOST));
}

function subscribe(listener: () => void): () => void {
  CHANGED.addEventListener("change", listener);
  return () => CHANGED.removeEventListener("change", listener);
}

/** Reports success. Disappears by itself: with an offer, when its time is over. */
export function toastDone(title: string, offer?: ToastOffer): void {
  add({ failed: false, title, offer });
}

/** Reports a failure, and what to do. Stays until it is closed; screen readers announce it at once. */
export function toastFailed(title: string, description?: string): void {
  add({ failed: true, title, description });
}

export function removeToast(id: number): void {
  change(toasts.filter((other) => other.id !== id));
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    subscribe,
    () => toasts,
    () => NONE,
  );
}
