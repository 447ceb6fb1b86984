import { type RefObject, useEffect } from "react";

/** Calls `onLeave` when the pointer or the focus is no longer inside of `frame`. */
export function useLeave(frame: RefObject<HTMLElement | null>, onLeave: () => void): void {
  useEffect(() => {
    const leave = (event: Event) => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) onLeave();
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [frame, onLeave]);
}
