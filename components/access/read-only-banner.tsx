"use client";

import { Notice } from "../ui/notice.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { AllowChanges } from "./allow-changes.tsx";
import type { ReadOnlyFacts } from "./fragments.ts";

/** Who made the service read-only, when and why. Somebody wants it so: it has no color. */
export default function ReadOnlyBanner({ readOnly: { at, actor, reason } }: { readOnly: ReadOnlyFacts }) {
  return (
    <Notice shape="square" action={<AllowChanges />}>
      <span className="font-semibold">The service is read-only</span>, switched by {visible(actor)} <Ago at={at} />:{" "}
      {visible(reason)}
    </Notice>
  );
}
