import { Link } from "../ui/link.tsx";

/** Leads to what to do about a problem. */
export function RunbookLink({ path }: { path: string }) {
  return (
    <Link href={path} className="text-xs text-accent whitespace-nowrap underline underline-offset-2">
      What to do
    </Link>
  );
}
