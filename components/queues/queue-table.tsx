"use client";

import { Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { actHref, namedQueues } from "../acting/choices.ts";
import { ConfirmedAction } from "../action.tsx";
import { MESSAGE_STATES } from "../messages/message-state.tsx";
import { paths } from "../paths.ts";
import { KINDS, SEVERITIES } from "../problems/looks.ts";
import { ProjectLink } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button, LinkButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Sparkline } from "../ui/deck/sparkline.tsx";
import { formatRate } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks, type SortLink } from "../ui/table.tsx";
import { Age, Ago, Moment } from "../ui/time.tsx";
import { DELETE_QUEUE } from "./documents.ts";
import type { QueueRow } from "./fragments.ts";

const PENDING = (
  <span className="text-muted" title="Not every pool has answered yet.">
    …
  </span>
);

/** On narrow screens exhausted messages have a line below the queue's name, if there are any. */
function Exhausted({ row }: { row: QueueRow }) {
  return (
    <span data-nothing={row.stats?.exhausted ? undefined : ""}>
      <StatNumber row={row} of="exhausted" />
    </span>
  );
}

function StatNumber({ row, of }: { row: QueueRow; of: "ready" | "claimed" | "delayed" | "exhausted" | "total" }) {
  if (row.stats === undefined) return PENDING;
  if (row.stats === null) return <span className="text-muted">?</span>;
  const value = row.stats[of];
  return (
    <span className={classes(value === 0 && "text-muted", of === "total" && value > 0 && "font-semibold")}>
      {of === "exhausted" && value > 0 ? <Glyph {...MESSAGE_STATES.exhausted} /> : null}{" "}
      {formatCount(value, row.stats.exact ? "exact" : "about")}
    </span>
  );
}

/** By the last sample, and why there are no numbers when its pool has none. */
function OldestReady({ row: { stats, catalogueEntry, sample } }: { row: QueueRow }) {
  if (stats === null) {
    return <Badge tone="danger">{catalogueEntry ? "Pool unreachable" : "Not in the catalogue"}</Badge>;
  }
  if (sample === null) return <span className="text-muted">—</span>;
  return sample.oldestReadyAt === null ? (
    <span data-nothing className="text-muted">
      none
    </span>
  ) : (
    <Age since={sample.oldestReadyAt} coarse />
  );
}

/** The worst problem in a few words, and how many more there are. */
function WhyItWaits({ row: { problems, pause } }: { row: QueueRow }) {
  if (pause !== null) {
    return (
      <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
        <Glyph shape="bars" ink="neutral" />
        <span title={`since ${pause.at}`}>Paused</span>
      </span>
    );
  }
  const [worst] = problems;
  if (worst === undefined) {
    return (
      <span data-nothing className="text-muted">
        —
      </span>
    );
  }
  const { shape, ink, word } = SEVERITIES[worst.severity];
  return (
    // Beside all other columns, with numbers of eight digits, there is room for a line of it on wide screens only.
    <span className="flex items-center gap-1.5 whitespace-normal md:min-w-28 lg:min-w-36 min-[90rem]:whitespace-nowrap">
      <Glyph shape={shape} ink={ink} />
      <span>
        <span className="sr-only">{word}: </span>
        {KINDS[worst.kind].short} {worst.sinceFound ? "seen since" : "since"} <Moment at={worst.since} />
        {problems.length > 1 ? (
          <span className="whitespace-nowrap text-muted">
            {" "}
            +{problems.length - 1}
            <span className="sr-only"> more</span>
          </span>
        ) : null}
      </span>
    </span>
  );
}

/** Messages that came in and that consumers got, a second, at the last sample. */
function Rates({ row: { sample } }: { row: QueueRow }) {
  if (!sample?.rates) return <span className="text-muted">—</span>;
  const { posted, delivered } = sample.rates;
  return (
    <span className={classes(posted + delivered === 0 && "text-muted")}>
      {formatRate(posted)} / {formatRate(delivered)} /s
    </span>
  );
}

/** Ready messages in the last hour, minute by minute. */
function LastHour({ row: { name, history } }: { row: QueueRow }) {
  const values = history?.series[0]?.values ?? [];
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  if (values.every((value) => value === null)) return <span className="text-muted">—</span>;
  return (
    <Sparkline label={`Ready messages of ${name} in the last hour, at most ${formatCount(most)}`} values={values} />
  );
}

const name = column<QueueRow>(
  "name",
  "Queue",
  (row) => <NameLink href={paths.queue(row.project, row.name)}>{row.name}</NameLink>,
  { grow: true },
);

const project = column<QueueRow>(
  "project",
  "Project",
  (row) => (
    <span className="md:max-lg:[&>a]:max-w-16 lg:max-2xl:[&>a]:max-w-24">
      <ProjectLink project={row.project} />
    </span>
  ),
  { wide: "below" },
);

const rest = [
  column<QueueRow>("ready", "Ready", (row) => <StatNumber row={row} of="ready" />, { align: "right" }),
  column<QueueRow>("claimed", "Claimed", (row) => <StatNumber row={row} of="claimed" />, {
    align: "right",
    wide: "only wide",
  }),
  column<QueueRow>("delayed", "Delayed", (row) => <StatNumber row={row} of="delayed" />, {
    align: "right",
    wide: "only wide",
  }),
  column<QueueRow>("exhausted", "Exhausted", (row) => <Exhausted row={row} />, {
    align: "right",
    wide: "below",
  }),
  column<QueueRow>("total", "Total", (row) => <StatNumber row={row} of="total" />, { align: "right" }),
  column<QueueRow>("oldestReady", "Oldest ready", (row) => <OldestReady row={row} />, {
    align: "right",
    wide: "below",
  }),
  column<QueueRow>("why", "Why it waits", (row) => <WhyItWaits row={row} />, { wide: "below" }),
  column<QueueRow>("rates", "Posted / got", (row) => <Rates row={row} />, {
    align: "right",
    wide: "widest",
  }),
  column<QueueRow>("history", "Last hour", (row) => <LastHour row={row} />, { wide: "only wide" }),
  column<QueueRow>("createdAt", "Created", (row) => <Ago at={row.createdAt} coarse />, {
    align: "right",
    wide: "only wide",
  }),
  column<QueueRow>(
    "actions",
    "",
    (row) => (
      <ConfirmedAction
        document={DELETE_QUEUE}
        variables={{ input: { project: row.project, queue: row.name } }}
        done={`Queue ${row.name} is deleted.`}
        trigger={
          <Button kind="ghost" size="small" label={`Delete ${row.name}`}>
            <Trash2 aria-hidden />
          </Button>
        }
        title={`Delete queue ${row.name}?`}
        consequence={
          !row.stats || row.stats.total > 0
            ? "Its messages and claims are deleted at once. Its subscriptions stay."
            : "It is empty. Its subscriptions stay."
        }
        confirmLabel="Delete queue"
        typeName={row.name}
      />
    ),
    { align: "right" },
  ),
];

const OF_ONE = [name, ...rest];
const OF_ALL = [name, project, ...rest];

const keyOf = (row: QueueRow) => JSON.stringify([row.project, row.name]);

/** The rows with their counts once these arrive. Until then a row keeps its counts from before, if it had any. */
function useCounted(rows: QueueRow[], late: Promise<QueueRow[]> | null): QueueRow[] {
  const [counted, setCounted] = useState<{ of: typeof late; rows: QueueRow[] }>({ of: null, rows });
  useEffect(() => {
    let over = false;
    if (late === null) setCounted({ of: null, rows });
    else {
      const settle = (found: QueueRow[]) => over || setCounted({ of: late, rows: found });
      // It rejects when the server goes away while the page is open: then the counts are unknown.
      late.then(settle, () => settle([]));
    }
    return () => {
      over = true;
    };
  }, [rows, late]);
  return useMemo(() => {
    if (late === null) return rows;
    const found = new Map(counted.rows.map((row) => [keyOf(row), row.stats]));
    const missing = counted.of === late ? null : undefined;
    return rows.map((row) => ({ ...row, stats: found.has(keyOf(row)) ? found.get(keyOf(row)) : missing }));
  }, [rows, late, counted]);
}

/** A page of the queues of one project, or with `ofAll` of all projects. */
export function QueueTable({
  rows,
  late = null,
  ofAll,
  sortLinks,
  pager,
  summary,
  empty,
}: {
  rows: QueueRow[];
  /** Resolves with the rows and their counts. Null when `rows` has the counts. */
  late?: Promise<QueueRow[]> | null;
  ofAll: boolean;
  sortLinks: Record<string, SortLink>;
  pager: PagerLinks;
  summary: ReactNode;
  empty: ReactNode;
}) {
  return (
    <DataTable
      label="Queues"
      editable
      columns={ofAll ? OF_ALL : OF_ONE}
      rows={useCounted(rows, late)}
      rowKey={keyOf}
      sortLinks={sortLinks}
      pager={pager}
      summary={summary}
      empty={empty}
      selection={{
        name: ({ name: queue }) => `queue ${queue}`,
        actions: (chosen) => {
          const scope = namedQueues(chosen.map(({ project: of, name: queue }) => ({ project: of, name: queue })));
          return (
            <LinkButton href={actHref(scope, {})} needs="startJob" where={scope.project ?? undefined}>
              {chosen.length === 1 ? "Act on it…" : "Act on them…"}
            </LinkButton>
          );
        },
      }}
    />
  );
}
