"use client";

import { formatRate } from "../ui/deck/values.ts";
import { formatDuration } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { visible } from "../ui/visible.tsx";
import { CONTROL, FormRow } from "./controls.tsx";
import type { Pace } from "./pace.ts";

/** The slider's ends, in powers of ten. Its right end is no limit. */
const [LEAST, MOST] = [-1, 4];
const STEPS = 100;

const stepOf = (rate: number | null) =>
  rate === null
    ? STEPS
    : Math.round(((Math.log10(Math.max(10 ** LEAST, rate)) - LEAST) / (MOST - LEAST)) * (STEPS - 1));

/** Two digits are enough. */
function rateOf(step: number): number | null {
  if (step >= STEPS) return null;
  const rate = 10 ** (LEAST + (step / (STEPS - 1)) * (MOST - LEAST));
  return Number(rate.toPrecision(2));
}

/** How fast, with a mark at what the consumers of the target can take. */
export function RateRow({
  rate,
  isChosen,
  pace,
  messages,
  onChange,
}: {
  rate: number | null;
  /** False: it is what the consumers can take, or no limit. */
  isChosen: boolean;
  pace: Pace | null;
  messages: number | null;
  onChange: (rate: number | "auto" | null) => void;
}) {
  const mark = pace?.rate ?? null;
  return (
    <FormRow label="Rate" hint={<Advice rate={rate} pace={pace} messages={messages} />}>
      <div className="flex flex-wrap items-center gap-3">
        <span className="relative flex min-w-32 flex-1 items-center">
          <input
            type="range"
            aria-label="Rate, messages a second"
            aria-valuetext={rate === null ? "no limit" : `${rate} a second`}
            min={0}
            max={STEPS}
            value={Math.min(STEPS, stepOf(rate))}
            onChange={({ target }) => onChange(rateOf(Number(target.value)))}
            className="h-7 w-full accent-accent-fill"
          />
          {mark === null ? null : (
            <span
              aria-hidden
              className="pointer-events-none absolute h-3.5 w-0.5 bg-warn"
              // The thumb's middle is half its width away from the ends.
              style={{ left: `calc(8px + (100% - 16px) * ${stepOf(mark) / STEPS})` }}
            />
          )}
        </span>
        <span className="flex items-center gap-1.5">
          <input
            aria-label="Messages a second"
            inputMode="decimal"
            value={rate ?? ""}
            placeholder="no limit"
            autoComplete="off"
            onChange={({ target }) => {
              const value = Number(target.value);
              onChange(target.value.trim() === "" || !Number.isFinite(value) || value <= 0 ? null : value);
            }}
            className={`${CONTROL} w-20 text-right`}
          />
          <span className="text-muted">/s</span>
        </span>
        {isChosen && mark !== null ? (
          <button
            type="button"
            onClick={() => onChange("auto")}
            className="rounded px-1.5 py-1 text-xs text-accent hover:bg-raised"
          >
            to the mark
          </button>
        ) : null}
      </div>
    </FormRow>
  );
}

function Advice({ rate, pace, messages }: { rate: number | null; pace: Pace | null; messages: number | null }) {
  const seconds = rate === null || messages === null ? null : messages / rate;
  const time =
    seconds === null
      ? "As fast as it can. "
      : seconds < 1
        ? "Less than a second. "
        : `About ${formatDuration(Math.ceil(seconds))}. `;
  if (pace === null) return time;
  const queue = visible(pace.queue);
  if (pace.spare === null || pace.rate === null) {
    return (
      <>
        <Glyph shape="triangle" ink="warn" /> {time}Nothing took messages from {queue} in the last hour.
      </>
    );
  }
  const spare = formatRate(pace.spare < 10 ? pace.spare : Math.round(pace.spare));
  const fits = rate !== null && rate <= pace.rate;
  return (
    <>
      <Glyph shape={fits ? "check" : "triangle"} ink={fits ? "ok" : "warn"} /> {time}By their best minute of the last
      hour, the consumers of {queue} can take {spare}/s more (<span className="text-warn">the mark</span>):{" "}
      {fits ? "nothing piles up." : "messages pile up there."}
    </>
  );
}
