import { ArrowRight, ArrowUp, CornerUpLeft } from "lucide-react";
import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { formatDuration } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { Moment } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { LifeEvent, MessageLifeFacts } from "./fragments.ts";
import { type ClaimStep, isRedrive, type Step, stepsOf } from "./life-steps.ts";

interface Props {
  project: string;
  queue: string;
  /** Null: neither its queue keeps lives nor one that it came from. */
  life: MessageLifeFacts | null;
  /** What it is now. Left out for a message that is gone. */
  state?: ReactNode;
}

/** What happened to one message, oldest first. */
export function MessageLife({ project, queue, life, state }: Props) {
  const settings = (
    <Link href={paths.queue(project, queue, "settings")} className="text-accent underline underline-offset-2">
      Settings
    </Link>
  );
  return (
    <section aria-label="Life" className="mt-4">
      <h3 className="mb-2 font-medium">Life</h3>
      {life === null ? (
        <p className="text-muted text-xs">
          This queue keeps no lives of its messages. _history_seconds in {settings} changes that.
        </p>
      ) : (
        <>
          {life.events.length === 0 && life.keptSince !== null ? (
            <p className="text-muted text-xs">
              Nothing is known of a message with this id. Either it was never in this queue, or only before{" "}
              <Moment at={life.keptSince} />, since when lives are kept, or all that happened is longer ago than{" "}
              {formatDuration(life.keptSeconds)}.
            </p>
          ) : null}
          <ol className="relative grid gap-1">
            {stepsOf(life.events).map((step) => (
              <StepLine key={keyOf(step)} project={project} step={step} events={life.events} />
            ))}
            {state === undefined || life.events.length === 0 ? null : (
              <li className={LINE}>
                <strong className="col-span-2 col-start-2 font-semibold">{state}</strong>
              </li>
            )}
          </ol>
          {life.isComplete || life.events.length === 0 ? null : (
            <p className="text-muted mt-2 text-xs">
              {life.keptSince === null ? (
                <>Only what other queues know: this one keeps no lives. _history_seconds in {settings} changes that.</>
              ) : (
                <>
                  Kept since <Moment at={life.keptSince} />. What was before, or in queues that keep no lives, is not
                  known.
                </>
              )}
            </p>
          )}
        </>
      )}
    </section>
  );
}

const keyOf = (step: Step): string => {
  const event = "event" in step ? step.event : "claim" in step ? step.claim : (step.claims[0] as ClaimStep).claim;
  return `${"claims" in step} ${event.kind} ${event.queueName} ${event.claimId} ${event.at}`;
};

const LINE = "grid grid-cols-[minmax(4rem,auto)_0.75rem_1fr] items-baseline gap-2";

function Line({ at, glyph, children }: { at: string; glyph: ReactNode; children: ReactNode }) {
  return (
    <li className={LINE}>
      <span className="text-muted text-xs tabular-nums">
        <Moment at={at} seconds />
      </span>
      <span className="translate-y-0.5">{glyph}</span>
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </li>
  );
}

interface StepProps {
  project: string;
  step: Step;
  events: readonly LifeEvent[];
}

function StepLine({ project, step, events }: StepProps) {
  if ("event" in step) return <EventLine project={project} event={step.event} events={events} />;
  if ("claim" in step) return <ClaimLine step={step} />;
  const [first] = step.claims as [ClaimStep];
  const lapsed = step.claims.filter(({ end }) => end?.kind === "LAPSED").length;
  return (
    <Line at={first.claim.at} glyph={<Glyph shape="half disc" ink="claimed" />}>
      <details>
        <summary>
          claimed {step.claims.length} more times, none deleted it{lapsed > 0 ? `; ${lapsed} lapsed` : ""}
        </summary>
        <ol className="mt-1 grid gap-1">
          {step.claims.map((one) => (
            <ClaimLine key={keyOf(one)} step={one} />
          ))}
        </ol>
      </details>
    </Line>
  );
}

const SHAPES: Partial<Record<LifeEvent["kind"], ReactNode>> = {
  POSTED: <ArrowUp aria-hidden className="size-3 text-ink-2" />,
  ARRIVED: <ArrowRight aria-hidden className="size-3 text-ink-2" />,
  MOVED: <CornerUpLeft aria-hidden className="size-3 text-ink-2" />,
  RENEWED: <Glyph shape="half disc" ink="claimed" />,
  RELEASED: <Glyph shape="half disc" ink="claimed" />,
  LAPSED: <Glyph shape="half disc" ink="warn" />,
  RESTORED: <CornerUpLeft aria-hidden className="size-3 text-ink-2" />,
  DEAD_LETTERED: <Glyph shape="cross" ink="danger" />,
  DELETED: <Glyph shape="check" />,
  POPPED: <Glyph shape="check" />,
  EXPIRED: <Glyph shape="clock" ink="delayed" />,
};

const by = ({ clientId, actor }: LifeEvent): ReactNode => {
  const who = clientId ?? actor;
  return who === null ? null : <> by {visible(who)}</>;
};

const times = (count: number, one: string, many: string) => (count === 1 ? `1 ${one}` : `${count} ${many}`);

function EventLine({ project, event, events }: Omit<StepProps, "step"> & { event: LifeEvent }) {
  return (
    <Line at={event.at} glyph={SHAPES[event.kind] ?? <Glyph shape="square" />}>
      {inWords(project, event, events)}
    </Line>
  );
}

function inWords(project: string, event: LifeEvent, events: readonly LifeEvent[]): ReactNode {
  const { kind, otherQueueName: name, until } = event;
  const other =
    name === null ? (
      "another queue"
    ) : (
      <Link href={paths.queue(project, name, "messages")} className="text-accent underline underline-offset-2">
        {visible(name)}
      </Link>
    );
  const delay = until === null ? null : <>, delayed until {<Moment at={until} />}</>;
  if (kind === "POSTED")
    return (
      <>
        posted{by(event)}
        {delay}
      </>
    );
  if (kind === "ARRIVED") return <>came from {other}</>;
  if (kind === "RENEWED") return <>renewed{by(event)}</>;
  if (kind === "RELEASED")
    return (
      <>
        released{by(event)}
        {delay}
      </>
    );
  if (kind === "LAPSED") return <>a claim{by(event)} lapsed</>;
  if (kind === "DEAD_LETTERED")
    return (
      <>
        to {other} after {times(event.deliveries ?? 0, "delivery", "deliveries")}
      </>
    );
  if (kind === "MOVED") return isRedrive(events, event) ? <>redriven to {other}</> : <>moved to {other}</>;
  if (kind === "RESTORED") return "came back by an undo";
  if (kind === "DELETED") return <>deleted{by(event)}</>;
  return kind.toLowerCase();
}

const OUTCOMES: Partial<Record<LifeEvent["kind"], string>> = {
  RELEASED: "released",
  LAPSED: "lapsed",
  DELETED: "deleted",
};

function ClaimLine({ step: { claim, renewals, end } }: { step: ClaimStep }) {
  const seconds = end === null ? 0 : (Date.parse(end.at) - Date.parse(claim.at)) / 1000;
  const ink = end?.kind === "LAPSED" ? "warn" : "claimed";
  return (
    <Line
      at={claim.at}
      glyph={end?.kind === "DELETED" ? <Glyph shape="check" /> : <Glyph shape="half disc" ink={ink} />}
    >
      claimed{by(claim)}
      {renewals === 0 ? null : `, renewed ${times(renewals, "time", "times")}`}
      {end === null ? null : `, ${OUTCOMES[end.kind]} after ${seconds < 1 ? "less than 1 s" : formatDuration(seconds)}`}
      {end?.until ? <>, delayed until {<Moment at={end.until} />}</> : null}
    </Line>
  );
}
