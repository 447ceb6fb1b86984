import { shorten } from "./shorten.ts";
import { visible } from "./visible.tsx";

/** The parts of a UUID that differ between ids created one after the other. */
const SHOWN = 18;

/** The beginning of a long id. The whole id shows on hover, and screen readers read it. */
export function ShortId({ id }: { id: string }) {
  return (
    <span title={id} className="font-mono text-xs">
      <span aria-hidden>{visible(shorten(id, SHOWN))}</span>
      <span className="sr-only">{visible(id)}</span>
    </span>
  );
}
