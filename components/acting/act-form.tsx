"use client";

import { lazy, type ReactNode, Suspense, useId } from "react";
import { classes } from "../ui/classes.ts";
import { formatCount, formatDuration } from "../ui/format.ts";
import { Panel } from "../ui/page.tsx";
import { SegmentLinks } from "../ui/segments.tsx";
import { visible } from "../ui/visible.tsx";
import { ACTIONS, actHref, type Choices, type QueuesScope, type Scope, STATES } from "./choices.ts";
import { CheckBox, CONTROL, Condition, FormRow, NumberInput, Pick, TextInput, TimeInput } from "./controls.tsx";
import type { DryRunFacts } from "./fragments.ts";
import type { Pace } from "./pace.ts";
import { RateRow } from "./rate-row.tsx";
import { WORDS } from "./words.ts";

interface Props {
  scope: Scope;
  /** Those that many queues can be of. */
  projects: readonly string[];
  onScope: (changes: Partial<QueuesScope>) => void;
  choices: Choices;
  onChange: (changes: Partial<Choices>) => void;
  reason: string;
  onReason: (reason: string) => void;
  total: { value: number; exact: boolean } | null;
  facts: DryRunFacts | null;
  pace: Pace | null;
  rate: number | null;
}

/** Most people act on one queue. */
const QueuesRow = lazy(() => import("./queues-row.tsx"));
const NamedRow = lazy(() => import("./named-row.tsx"));

/** Which messages, what happens to them, how fast, and why. */
export function ActForm(props: Props) {
  const { scope, choices, reason, onReason, facts, pace, rate, onChange } = props;
  const { action } = choices;
  const reasonId = useId();
  return (
    <Panel flush title="1  What, how fast, why">
      <FormRow label="Action">
        <div className="flex">
          <SegmentLinks
            label="Action"
            segments={ACTIONS.map((one) => ({
              label: WORDS[one].label,
              href: actHref(scope, { ...choices, action: one }),
              current: one === action,
            }))}
          />
        </div>
      </FormRow>
      {scope.kind === "queues" ? (
        <Suspense fallback={<div className="h-44" />}>
          <QueuesRow scope={scope} projects={props.projects} onChange={props.onScope} />
        </Suspense>
      ) : null}
      {scope.kind === "named" ? <NamedRow queues={scope.queues} /> : null}
      {action === "purge" ? <PurgeRow {...props} /> : <MessagesRow {...props} />}
      {action === "redrive" || action === "move" ? <TargetRow {...props} /> : null}
      {action === "delete" ? (
        <FormRow label="Claimed">
          <CheckBox checked={choices.force} onChange={(force) => onChange({ force })}>
            Delete those that are claimed, too
          </CheckBox>
        </FormRow>
      ) : null}
      {action === "release" ? (
        <FormRow label="Delay" hint="How long they stay delayed. Empty: they are ready at once.">
          <NumberInput
            label="Delay in seconds"
            unit="s"
            value={choices.delay}
            least={0}
            onChange={(delay) => onChange({ delay })}
          />
        </FormRow>
      ) : null}
      {WORDS[action].rated ? (
        <RateRow
          rate={rate}
          isChosen={choices.rate !== "auto"}
          pace={pace}
          messages={facts?.count.value ?? null}
          onChange={(next) => onChange({ rate: next })}
        />
      ) : null}
      <FormRow label="Reason" htmlFor={reasonId} hint="Required. Shown in the job and in Audit.">
        <input
          id={reasonId}
          value={reason}
          maxLength={500}
          autoComplete="off"
          onChange={(event) => onReason(event.target.value)}
          className={classes(CONTROL, "w-full")}
        />
      </FormRow>
    </Panel>
  );
}

function PurgeRow({ choices, onChange }: Props) {
  return (
    <FormRow label="Messages" hint="Claimed ones go, too. With other conditions, choose Delete.">
      <Pick
        name="before"
        checked={choices.before === null}
        onChoose={() => onChange({ before: null })}
        label="All, whatever their state"
      />
      <Pick
        name="before"
        checked={choices.before !== null}
        onChoose={() => onChange({ before: new Date(Date.now() - 86_400_000).toISOString() })}
        label="Those posted before"
      >
        <TimeInput label="Posted before" value={choices.before} onChange={(before) => onChange({ before })} />
      </Pick>
    </FormRow>
  );
}

function MessagesRow({ scope, choices, onChange, total }: Props) {
  const { which, ids } = choices;
  const pick = (next: Choices["which"]) => () => onChange({ which: next });
  const all: ReactNode =
    total === null ? (
      scope.kind === "queue" ? (
        `All in ${scope.name}`
      ) : (
        "All in these queues"
      )
    ) : (
      <>
        All <strong className="font-semibold">{formatCount(total.value, total.exact ? "exact" : "about")}</strong>
        {scope.kind === "queue" ? ` in ${visible(scope.name)}` : ""}
      </>
    );
  return (
    <FormRow label="Messages">
      <div role="radiogroup" aria-label="Messages">
        <Pick name="which" checked={which === "all"} onChoose={pick("all")} label={all} />
        <Pick name="which" checked={which === "match"} onChoose={pick("match")} label="Those that match" />
        {which === "match" ? <Conditions {...{ choices, onChange }} /> : null}
        {ids.length === 0 ? null : (
          <Pick
            name="which"
            checked={which === "ids"}
            onChoose={pick("ids")}
            label={
              <>
                The <strong className="font-semibold">{formatCount(ids.length)}</strong> selected
              </>
            }
          />
        )}
      </div>
      {scope.kind === "queue" && which !== "ids" ? (
        <span className="mt-1 flex flex-wrap items-center gap-2">
          <span aria-hidden className="text-muted">
            Only the oldest
          </span>
          <NumberInput
            label="Only the oldest so many"
            value={choices.limit}
            least={1}
            placeholder="all"
            onChange={(limit) => onChange({ limit })}
          />
        </span>
      ) : null}
    </FormRow>
  );
}

function Conditions({ choices, onChange }: Pick<Props, "choices" | "onChange">) {
  const { action, body, states, client, deliveries, from, before, holder, ends } = choices;
  return (
    <div className="mt-1 mb-2 grid grid-cols-[auto_minmax(0,1fr)] items-center gap-x-3 gap-y-1.5 pl-6 max-sm:grid-cols-1">
      <Condition label="Body contains">
        <TextInput label="Body contains" mono value={body} onChange={(next) => onChange({ body: next })} />
      </Condition>
      <Condition label="Posted from">
        <TimeInput label="Posted from" value={from} onChange={(next) => onChange({ from: next })} />
      </Condition>
      <Condition label="Posted before">
        <TimeInput label="Posted before" value={before} onChange={(next) => onChange({ before: next })} />
      </Condition>
      {action === "release" ? null : (
        <Condition label="State">
          <fieldset className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1">
            <legend className="sr-only">State: one of these, or any</legend>
            {STATES.map((one) => (
              <label key={one} className="flex items-center gap-1.5">
                <input
                  type="checkbox"
                  checked={states.includes(one)}
                  onChange={() =>
                    onChange({ states: STATES.filter((each) => states.includes(each) !== (each === one)) })
                  }
                  className="size-4 accent-accent-fill"
                />
                {one.charAt(0).toUpperCase() + one.slice(1)}
              </label>
            ))}
          </fieldset>
        </Condition>
      )}
      <Condition label="Deliveries, at least">
        <NumberInput
          label="Deliveries, at least"
          value={deliveries}
          least={1}
          onChange={(next) => onChange({ deliveries: next })}
        />
      </Condition>
      {action === "release" || holder !== null || ends !== null ? (
        <>
          <Condition label="Held by">
            <TextInput label="Held by" mono value={holder} onChange={(next) => onChange({ holder: next })} />
          </Condition>
          <Condition label="Claims end before">
            <TimeInput label="Claims end before" value={ends} onChange={(next) => onChange({ ends: next })} />
          </Condition>
        </>
      ) : null}
      <Condition label="Posted by the client">
        <TextInput label="Posted by the client" mono value={client} onChange={(next) => onChange({ client: next })} />
      </Condition>
    </div>
  );
}

function TargetRow({ scope, choices, onChange }: Props) {
  const { action, to, toProject, ttl } = choices;
  return (
    <>
      <FormRow
        label="To"
        hint={action === "redrive" ? "Deliveries start at 0 again; bodies and headers stay as they are." : undefined}
      >
        {action === "redrive" ? (
          <div role="radiogroup" aria-label="To">
            <Pick
              name="to"
              checked={to === null}
              onChoose={() => onChange({ to: null })}
              label="where they came from"
            />
            <Pick name="to" checked={to !== null} onChoose={() => onChange({ to: to ?? "" })} label="the queue">
              <TextInput
                label="Queue"
                mono
                value={to}
                keepEmpty={to !== null}
                onChange={(next) => onChange({ to: next })}
              />
            </Pick>
          </div>
        ) : (
          <span className="flex flex-wrap items-center gap-2">
            <TextInput
              label="Project"
              value={toProject ?? scope.project}
              placeholder="project"
              keepEmpty
              onChange={(next) => onChange({ toProject: next ?? "" })}
            />
            <span aria-hidden>/</span>
            <TextInput label="Queue" mono placeholder="queue" value={to} onChange={(next) => onChange({ to: next })} />
          </span>
        )}
      </FormRow>
      <FormRow
        label="Life"
        hint={ttl === null ? "Empty: each keeps its expiry." : `Each lives ${formatDuration(ttl)} from then on.`}
      >
        <NumberInput
          label="New life in seconds"
          unit="s"
          value={ttl}
          least={1}
          onChange={(next) => onChange({ ttl: next })}
        />
      </FormRow>
    </>
  );
}
