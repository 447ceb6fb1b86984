"use client";

import { Glyph } from "../ui/glyph.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { AllowChanges } from "./allow-changes.tsx";
import type { ReadOnlyFacts } from "./fragments.ts";

/** Who made the service read-only, when and why. Somebody wants it so: it has no color. */
export default function ReadOnlyBanner({ readOnly: { at, actor, reason } }: { readOnly: ReadOnlyFacts }) {
  return (
    <div
      role="status"
      className="mb-3 flex min-h-9 flex-wrap items-center gap-x-2 gap-y-1 rounded border border-line-strong bg-raised px-3 py-1"
    >
      <Glyph shape="square" ink="neutral" />
      <span className="min-w-0 flex-1 basis-56 wrap-anywhere">
        <span className="font-semibold">The service is read-only</span>, switched by {visible(actor)} <Ago at={at} />:{" "}
        {visible(reason)}
      </span>
      <AllowChanges />
    </div>
  );
}
