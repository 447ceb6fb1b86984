/** Of a UUID, the parts in which ids made one after the other differ. */
const SHOWN = 18;

/** The beginning of a long id; the whole of it on hover and for readers. */
export function ShortId({ id }: { id: string }) {
  return (
    <span title={id} className="font-mono text-[0.8125rem]">
      <span aria-hidden>{id.length > SHOWN ? `${id.slice(0, SHOWN)}…` : id}</span>
      <span className="sr-only">{id}</span>
    </span>
  );
}
