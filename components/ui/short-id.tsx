import { shorten } from "./shorten.ts";
import { visible } from "./visible.tsx";

/** Of a UUID, the parts in which ids made one after the other differ. */
const SHOWN = 18;

/** The beginning of a long id; the whole of it on hover and for readers. */
export function ShortId({ id }: { id: string }) {
  return (
    <span title={id} className="font-mono text-[0.8125rem]">
      <span aria-hidden>{visible(shorten(id, SHOWN))}</span>
      <span className="sr-only">{visible(id)}</span>
    </span>
  );
}
