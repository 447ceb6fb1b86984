import { Badge } from "../ui/badge.tsx";

/** What a storage can do. Null: it did not say. */
export function Capabilities({ names }: { names: readonly string[] | null }) {
  if (names === null) return <Badge tone="danger">Unreachable</Badge>;
  return (
    <span className="flex flex-wrap gap-1">
      {names.map((name) => (
        <Badge key={name}>{name}</Badge>
      ))}
    </span>
  );
}
