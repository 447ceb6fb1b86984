import { Download } from "lucide-react";
import { type ExportName, exportHref } from "./export-href.ts";

const FORMATS = { csv: "CSV", ndjson: "NDJSON" } as const;

/** Downloads the whole list that a page shows, with its filters and its order. `of`: what the list has. */
export function ExportList({ list, of, variables = {} }: { list: ExportName; of: string; variables?: object }) {
  return (
    <span className="inline-flex h-6 items-center rounded text-xs text-ink-2">
      <Download aria-hidden className="size-3.5" />
      {(["csv", "ndjson"] as const).map((format) => (
        <a
          key={format}
          href={exportHref(list, format, variables)}
          download
          aria-label={`Export ${of} as ${FORMATS[format]}`}
          data-hint={`Export all ${of} of this list as ${FORMATS[format]}`}
          className="inline-flex h-6 items-center rounded px-1.5 font-medium hover:bg-raised hover:text-ink max-sm:h-9"
        >
          {FORMATS[format]}
        </a>
      ))}
    </span>
  );
}
