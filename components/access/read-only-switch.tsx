"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";
import { AllowChanges } from "./allow-changes.tsx";
import type { ReadOnlyFacts } from "./fragments.ts";

/** The switch, with what it does. */
export function ReadOnlySwitch({ readOnly }: { readOnly: ReadOnlyFacts | null }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <p className="max-w-prose">
        While the service is read-only, every change is refused with your reason: by people and by programs, posts and
        claims too. Reading goes on, jobs wait, and messages expire as always. People still sign in and out and choose
        their own passwords, and admins still end sessions and revoke tokens.
      </p>
      {readOnly === null ? (
        <Opener trigger={<Button needs="setReadOnly">Make read-only…</Button>} load={loadForm} props={{}} />
      ) : (
        <AllowChanges />
      )}
    </div>
  );
}

const loadForm = () => import("./read-only-form.tsx");
