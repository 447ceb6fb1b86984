"use client";

import type { ResultOf, VariablesOf } from "gql.tada";
import { type FormEvent, useEffect, useId, useState } from "react";
import { ApiError, callFields, type Done } from "../api.ts";
import { neededWhole } from "../field-rules.ts";
import { ShowRequest } from "../show-request.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { formatCount } from "../ui/format.ts";
import { useOpened } from "../ui/opener.tsx";
import { useRefresh } from "../ui/refresh.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { toastDone } from "../ui/toast.ts";
import { PLACEMENT, UPDATE_POOL } from "./documents.ts";

type Share = Done<ResultOf<typeof PLACEMENT>>["poolPlacement"][number];

type Question = VariablesOf<typeof PLACEMENT>;

interface Row extends Share {
  text: string;
  error: string | null;
  change: (text: string) => void;
}

/** Milliseconds without a keystroke before the prediction is asked for. */
const SETTLE_MS = 250;

/** 0.375 -> "37.5 %" */
const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;

/** A share in percent, with a bar below it. */
function Part({ share, look }: { share: number; look: "new" | "today" }) {
  return (
    <span className="inline-flex w-12 flex-col sm:w-20 items-end gap-0.5">
      {percent(share)}
      <span aria-hidden className="h-1.5 w-full overflow-hidden rounded-full bg-line">
        <span
          className={look === "new" ? "block h-full bg-accent-fill" : "block h-full bg-line-strong"}
          style={{ width: `${100 * share}%` }}
        />
      </span>
    </span>
  );
}

function WeightField({ row }: { row: Row }) {
  const id = useId();
  return (
    <span className="flex flex-col items-end gap-0.5">
      <input
        aria-label={`Weight of ${row.poolName}`}
        aria-invalid={row.error !== null || undefined}
        aria-describedby={row.error === null ? undefined : id}
        inputMode="numeric"
        autoComplete="off"
        value={row.text}
        onChange={(event) => row.change(event.target.value)}
        className="h-8 w-14 rounded border border-line-strong bg-sunken px-2 text-right sm:w-20 aria-invalid:border-danger"
      />
      {row.error === null ? null : (
        <span id={id} className="text-xs whitespace-normal text-danger">
          {row.error}
        </span>
      )}
    </span>
  );
}

const COLUMNS = [
  column<Row>("pool", "Pool", (row) => (
    <span title={row.poolName} className="block max-w-20 truncate font-mono text-xs sm:max-w-72">
      {row.poolName}
    </span>
  )),
  column<Row>("weight", "Weight", (row) => <WeightField row={row} />, { align: "right" }),
  column<Row>("share", "New", (row) => <Part share={row.share} look="new" />, { align: "right" }),
  column<Row>("today", "Today", (row) => <Part share={row.shareNow} look="today" />, { align: "right" }),
  column<Row>("queues", "Queues", (row) => formatCount(row.queues.value, row.queues.exact ? "exact" : "at-least"), {
    align: "right",
    wide: true,
  }),
];

/** Predicts how new queues would be spread with other weights, before saving. `flavors`: null is "without one". */
export default function WeightTrialDialog({ flavors }: { flavors: (string | null)[] }) {
  const { open, setOpen } = useOpened();
  const [unsaved, setUnsaved] = useState(false);
  return (
    <Dialog
      open={open}
      onOpenChange={setOpen}
      title="Try other weights"
      description="How new queues would be spread among the pools of a flavor, and how queues are spread today. No queue moves."
      wide
      unsaved={open && unsaved}
    >
      {open ? <Trial flavors={flavors} close={() => setOpen(false)} onUnsaved={setUnsaved} /> : null}
    </Dialog>
  );
}

interface TrialState {
  rows: Row[];
  /** True: a weight is not a whole number. */
  wrong: boolean;
  /** Those that differ from the saved ones. */
  weights: { pool: string; weight: number }[];
  refusal: ApiError | null;
  saving: boolean;
  save: () => Promise<void>;
  /** Forgets what was typed, for another flavor. */
  reset: () => void;
}

/** The weights that are typed for the pools of a flavor, and what the API predicts for them. */
function useTrial(flavor: string | null, close: () => void): TrialState {
  const { refresh } = useRefresh();
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [saved, setSaved] = useState<Share[] | null>(null);
  const [predicted, setPredicted] = useState<Share[] | null>(null);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const [saving, setSaving] = useState(false);

  const rows = (saved ?? []).map((share): Row => {
    const text = typed[share.poolName] ?? String(share.weight);
    const result = neededWhole.safeParse(text);
    return {
      ...share,
      share: predicted?.find(({ poolName }) => poolName === share.poolName)?.share ?? share.share,
      text,
      error: result.success ? null : (result.error.issues[0]?.message ?? "This must be a whole number."),
      change: (next) => setTyped((before) => ({ ...before, [share.poolName]: next })),
    };
  });
  const wrong = rows.some(({ error }) => error !== null);
  const weights = rows
    .filter(({ error, text, weight }) => error === null && Number(text) !== weight)
    .map(({ poolName, text }) => ({ pool: poolName, weight: Number(text) }));
  const question = JSON.stringify({ flavor, weights } satisfies Question);

  useEffect(() => {
    if (wrong) return;
    let over = false;
    const timer = setTimeout(async () => {
      try {
        const variables: Question = JSON.parse(question);
        const { poolPlacement } = await callFields(PLACEMENT, variables);
        if (over) return;
        setRefusal(null);
        setPredicted(poolPlacement);
        if (variables.weights?.length === 0) setSaved(poolPlacement);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!over) setRefusal(error);
      }
    }, SETTLE_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [question, wrong]);

  async function save() {
    if (wrong || saving) return;
    setSaving(true);
    setRefusal(null);
    const done: string[] = [];
    try {
      for (const { pool, weight } of weights) {
        await callFields(UPDATE_POOL, { input: { pool, weight } });
        done.push(pool);
      }
      close();
      toastDone(
        done.length === 1 ? `The weight of ${done[0]} is saved.` : `The weights of ${done.join(", ")} are saved.`,
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
      // The weights before it are saved: the next prediction starts from them.
      setSaved((before) =>
        (before ?? []).map((share) => ({
          ...share,
          weight: done.includes(share.poolName) ? Number(typed[share.poolName]) : share.weight,
        })),
      );
    } finally {
      setSaving(false);
      refresh();
    }
  }

  function reset() {
    setTyped({});
    setSaved(null);
    setPredicted(null);
  }

  return { rows, wrong, weights, refusal, saving, save, reset };
}

function Trial({
  flavors,
  close,
  onUnsaved,
}: {
  flavors: (string | null)[];
  close: () => void;
  onUnsaved: (unsaved: boolean) => void;
}) {
  const [index, setIndex] = useState(0);
  const flavor = flavors[index] ?? null;
  const { rows, wrong, weights, refusal, saving, save, reset } = useTrial(flavor, close);
  const unsaved = wrong || weights.length > 0;
  useEffect(() => {
    onUnsaved(unsaved);
    return () => onUnsaved(false);
  }, [unsaved, onUnsaved]);

  function submit(event: FormEvent) {
    event.preventDefault();
    event.stopPropagation();
    void save();
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {flavors.length > 1 ? (
        <FlavorField
          flavors={flavors}
          index={index}
          onChange={(next) => {
            // The same flavor again is the same question, which is not asked again.
            if (next === index) return;
            setIndex(next);
            reset();
          }}
        />
      ) : null}
      <div className="overflow-hidden rounded border border-line">
        <DataTable
          label="Weights, and shares of new queues and of today's"
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.poolName}
          empty={
            <p className="p-4 text-muted">{refusal === null ? "Counting queues…" : "Queues could not be counted."}</p>
          }
        />
      </div>
      <div className="flex flex-wrap items-start justify-between gap-2">
        <Outcome rows={rows} wrong={wrong} flavor={flavor} />
        <ShowRequest document={PLACEMENT} variables={wrong ? null : { flavor, weights }} />
      </div>
      {refusal ? (
        <div
          role="alert"
          className="rounded border border-danger/40 bg-danger-soft px-3 py-2 text-danger wrap-anywhere"
        >
          {refusal.message} <code className="font-mono text-xs">{refusal.code}</code>
        </div>
      ) : null}
      <div className="sticky -bottom-4 -mx-5 -mb-4 flex flex-wrap items-center justify-end gap-2 border-t border-line bg-surface px-5 py-3 sm:rounded-b">
        <div className="mr-auto">
          <ShowRequest
            document={UPDATE_POOL}
            variables={wrong || weights.length === 0 ? null : weights.map((input) => ({ input }))}
          />
        </div>
        <Button onClick={close}>Cancel</Button>
        <Button
          type="submit"
          kind="primary"
          needs="updatePool"
          pending={saving}
          disabledReason={
            wrong ? "A weight is not a whole number." : weights.length === 0 ? "No weight is changed." : null
          }
        >
          Save weights
        </Button>
      </div>
    </form>
  );
}

function FlavorField({
  flavors,
  index,
  onChange,
}: {
  flavors: (string | null)[];
  index: number;
  onChange: (index: number) => void;
}) {
  const id = useId();
  return (
    <div className="flex items-center gap-2">
      <label htmlFor={id} className="font-medium">
        Flavor
      </label>
      <select
        id={id}
        value={index}
        onChange={(event) => onChange(Number(event.target.value))}
        className="h-9 min-w-40 rounded border border-line-strong bg-sunken px-2.5"
      >
        {flavors.map((name, position) => (
          <option key={name ?? ""} value={position}>
            {name ?? "none"}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The prediction in words, announced when it changes. */
function Outcome({ rows, wrong, flavor }: Pick<TrialState, "rows" | "wrong"> & { flavor: string | null }) {
  const nobody = rows.length > 0 && !wrong && rows.every(({ text }) => Number(text) === 0);
  return (
    <p role="status" className={nobody ? "text-danger" : "text-muted"}>
      {rows.length === 0
        ? ""
        : wrong
          ? "A weight is not a whole number."
          : nobody
            ? flavor === null
              ? "No registered pool would take new queues. The built-in pool would."
              : `No pool would take new queues of flavor ${flavor}. They would be refused.`
            : `New queues: ${rows.map(({ poolName, share }) => `${poolName} ${percent(share)}`).join(", ")}.`}
    </p>
  );
}
