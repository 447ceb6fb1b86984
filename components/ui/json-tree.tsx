"use client";

import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useState } from "react";
import { classes } from "./classes.ts";
import { CopyButton } from "./copy-button.tsx";
import { type ExactJson, indentExactJson, parseExactJson } from "./exact-json.ts";
import { formatBytes } from "./format.ts";
import { ScrollRegion } from "./scroll-region.tsx";
import { cutAt, shorten } from "./shorten.ts";
import { visible } from "./visible.tsx";

const VIEWS = ["tree", "text", "hex", "base64"] as const;
type View = (typeof VIEWS)[number];
const VIEW_LABELS: Record<View, string> = { tree: "Tree", text: "Text", hex: "Hex", base64: "Base64" };

/** Characters that are shown: browsers lay out long lines slowly. Copying always copies everything. */
const SHOWN_CHARACTERS = 100_000;
const SHOWN_CHILDREN = 100;
/** An object or array with more children than this starts closed. */
const OPEN_CHILDREN = 12;
/** Bytes that are shown in hex. */
const SHOWN_BYTES = 16_384;

/** Shows a JSON text as a tree that keeps every digit, as text, or as bytes. */
export default function JsonTree({ text, label = "JSON" }: { text: string; label?: string }) {
  const parsed = useMemo(() => parseExactJson(text), [text]);
  const [view, setView] = useState<View>(parsed === null ? "text" : "tree");
  const bytes = useMemo(() => new TextEncoder().encode(text), [text]);
  return (
    <section aria-label={label} className="min-w-0 overflow-hidden rounded border border-line bg-sunken">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-2 py-1">
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields of a form */}
        <div role="group" aria-label="View as" className="flex overflow-hidden rounded border border-line-strong">
          {VIEWS.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === view}
              onClick={() => setView(name)}
              className="px-2 py-0.5 text-xs text-ink-2 not-first:border-l not-first:border-line-2 hover:text-ink focus-visible:-outline-offset-2 aria-pressed:bg-raised aria-pressed:font-semibold aria-pressed:text-ink aria-pressed:shadow-[inset_0_-2px_0_var(--accent)]"
            >
              {VIEW_LABELS[name]}
            </button>
          ))}
        </div>
        <span className="ml-auto text-xs text-muted">{formatBytes(bytes.length)}</span>
        <CopyButton text={view === "hex" ? hex(bytes) : view === "base64" ? base64(bytes) : text} label="Copy all" />
      </div>
      <ScrollRegion label={`${label}, content`} className="max-h-96 p-3 font-mono text-xs leading-5">
        {view === "tree" && parsed !== null ? <Node value={parsed} open /> : null}
        {view === "tree" && parsed === null ? (
          <p className="font-sans text-muted">This is not JSON. See the text.</p>
        ) : null}
        {view === "text" ? (
          <LongText text={parsed && text.length < SHOWN_CHARACTERS ? indentExactJson(parsed) : text} />
        ) : null}
        {view === "hex" ? <HexDump bytes={bytes} /> : null}
        {view === "base64" ? <LongText text={base64(bytes)} /> : null}
      </ScrollRegion>
    </section>
  );
}

function LongText({ text }: { text: string }) {
  const end = cutAt(text, SHOWN_CHARACTERS);
  const rest = text.length - end;
  return (
    <pre className="whitespace-pre-wrap wrap-anywhere">
      {visible(text.slice(0, end))}
      {rest > 0 ? (
        <span className="text-muted">{`\n… ${rest.toLocaleString("en-US")} more characters; copy to see all`}</span>
      ) : null}
    </pre>
  );
}

function Node({ name, value, open = false }: { name?: string; value: ExactJson; open?: boolean }) {
  const [expanded, setExpanded] = useState(open);
  const [shown, setShown] = useState(SHOWN_CHILDREN);
  const label = name === undefined ? null : <span className="text-accent">{visible(name)}</span>;
  if (value.kind !== "object" && value.kind !== "array") {
    return (
      <div className="pl-5 wrap-anywhere">
        {label}
        {label ? <span className="text-muted">: </span> : null}
        <Scalar value={value} />
      </div>
    );
  }
  const size = value.kind === "object" ? value.entries.length : value.items.length;
  const unit = value.kind === "object" ? (size === 1 ? "key" : "keys") : size === 1 ? "item" : "items";
  const children: { name: string; value: ExactJson }[] = expanded
    ? value.kind === "object"
      ? value.entries.slice(0, shown).map((entry) => ({ name: JSON.stringify(entry.key), value: entry.value }))
      : value.items.slice(0, shown).map((item, index) => ({ name: String(index), value: item }))
    : [];
  return (
    <div>
      <button
        type="button"
        aria-expanded={expanded}
        onClick={() => setExpanded(!expanded)}
        className="inline-flex max-w-full items-start rounded text-left hover:bg-hover"
      >
        {expanded ? (
          <ChevronDown aria-hidden className="my-0.5 mr-1 size-4 shrink-0" />
        ) : (
          <ChevronRight aria-hidden className="my-0.5 mr-1 size-4 shrink-0" />
        )}
        <span className="wrap-anywhere">
          {label}
          {label ? <span className="text-muted">: </span> : null}
          <span className="text-muted">
            {value.kind === "object" ? "{" : "["}
            {expanded ? "" : "…"}
            {expanded ? "" : value.kind === "object" ? "}" : "]"} {size} {unit}
          </span>
        </span>
      </button>
      {expanded ? (
        <div className="ml-2 border-l border-line pl-2">
          {children.map((child, index) => (
            // Keys may be repeated, and their order never changes.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <Node key={index} name={child.name} value={child.value} open={size <= OPEN_CHILDREN} />
          ))}
          {size > shown ? (
            <button
              type="button"
              onClick={() => setShown(shown + SHOWN_CHILDREN * 10)}
              className="pl-5 text-accent underline underline-offset-2"
            >
              {(size - shown).toLocaleString("en-US")} more
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Scalar({ value }: { value: Exclude<ExactJson, { kind: "object" | "array" }> }) {
  if (value.kind === "string") {
    return (
      <span className={classes("text-ink", "whitespace-pre-wrap")}>
        {visible(shorten(JSON.stringify(value.value), SHOWN_CHARACTERS))}
      </span>
    );
  }
  return <span className={value.kind === "number" ? "text-ink" : "text-muted"}>{value.text}</span>;
}

function HexDump({ bytes }: { bytes: Uint8Array }) {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += 16) {
    const row = shown.subarray(at, at + 16);
    const codes = [...row].map((byte) => byte.toString(16).padStart(2, "0"));
    const left = codes.slice(0, 8).join(" ");
    const right = codes.slice(8).join(" ");
    const plain = [...row].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${left.padEnd(23)}  ${right.padEnd(23)}  ${plain}`);
  }
  return (
    <pre>
      {lines.join("\n")}
      {bytes.length > shown.length ? `\n… ${(bytes.length - shown.length).toLocaleString("en-US")} more bytes` : ""}
    </pre>
  );
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // In chunks: one call with a million arguments overflows the stack.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}
