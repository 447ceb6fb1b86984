import type { ReactNode } from "react";
import { Link } from "./link.tsx";

/** A link whose text is exactly a name or id. */
export function NameLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className="font-mono text-xs text-accent underline-offset-2 hover:underline">
      {children}
    </Link>
  );
}
