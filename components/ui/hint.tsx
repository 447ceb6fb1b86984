"use client";

import { lazy, Suspense, useEffect, useState } from "react";

const HintLayer = lazy(() => import("./hint-layer.tsx"));

/** The hints of the page. Loaded when the pointer or the focus first comes to something that has one. */
export function Hints() {
  const [first, setFirst] = useState<EventTarget | null>(null);
  useEffect(() => {
    if (first !== null) return;
    const look = ({ target }: Event) => {
      if (target instanceof Element && target.closest("[data-hint]")) setFirst(target);
    };
    document.addEventListener("pointerover", look);
    document.addEventListener("focusin", look);
    return () => {
      document.removeEventListener("pointerover", look);
      document.removeEventListener("focusin", look);
    };
  }, [first]);
  return first === null ? null : (
    <Suspense fallback={null}>
      <HintLayer first={first} />
    </Suspense>
  );
}
