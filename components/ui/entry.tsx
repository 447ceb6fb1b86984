import type { ReactNode } from "react";

/** The frame of a page for people who have not signed in: one narrow box. */
export function Entry({
  name,
  mark,
  badge,
  children,
}: {
  name: string;
  mark: ReactNode;
  /** Which installation this is. */
  badge: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="flex min-h-dvh flex-col items-center px-3 pt-[12dvh] pb-6">
      <div className="mb-4 flex items-center gap-2 text-base font-bold [&_svg]:size-5">
        {mark}
        {name}
        {badge}
      </div>
      <main id="content" className="w-full max-w-sm">
        {children}
      </main>
    </div>
  );
}
