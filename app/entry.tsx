import type { ReactNode } from "react";
import { Mark } from "../components/mark.tsx";
import { EnvironmentBadge } from "../components/ui/environment-badge.tsx";
import { environmentOfRequest } from "./environment.ts";

/** The frame of a page for people who have not signed in: one narrow box, and which installation this is. */
export async function Entry({ title, children }: { title: string; children: ReactNode }) {
  const environment = await environmentOfRequest();
  return (
    <main id="content" className="flex min-h-dvh flex-col items-center px-3 pt-[12dvh] pb-6">
      <div className="mb-4 flex items-center gap-2 text-base font-bold">
        <Mark />
        Isimud
        {environment === null ? null : <EnvironmentBadge environment={environment} />}
      </div>
      <div className="w-full max-w-sm rounded border border-line bg-surface p-5">
        <h1 className="mb-4 text-lg leading-6 font-semibold tracking-tight">{title}</h1>
        {children}
      </div>
    </main>
  );
}
