import { CircleAlert, FileQuestion, Inbox } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "./classes.ts";
import { visible, visibleIfText } from "./visible.tsx";

type StateProps = { title: string; children?: ReactNode; action?: ReactNode };

function Frame({ icon, title, children, action, alert }: StateProps & { icon: ReactNode; alert?: boolean }) {
  return (
    <div
      role={alert ? "alert" : undefined}
      className="flex flex-col items-center gap-2 px-4 py-10 text-center [&>svg]:size-6 [&>svg]:text-muted"
    >
      {icon}
      <p className="font-semibold wrap-anywhere">{visible(title)}</p>
      {children ? <div className="max-w-prose text-muted wrap-anywhere">{visibleIfText(children)}</div> : null}
      {action ? <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div> : null}
    </div>
  );
}

/** An empty list, and the next step. */
export function EmptyState(props: StateProps) {
  return <Frame icon={<Inbox aria-hidden />} {...props} />;
}

/** What failed, and what to do. Screen readers announce it at once. */
export function ErrorState({ code, ...props }: StateProps & { code?: string }) {
  return (
    <Frame
      icon={<CircleAlert aria-hidden />}
      alert
      {...props}
      title={props.title}
      action={
        <>
          {props.action}
          {code ? <code className="self-center font-mono text-xs text-muted">{code}</code> : null}
        </>
      }
    />
  );
}

/** The address names something that does not exist. */
export function NotFoundState(props: StateProps) {
  return <Frame icon={<FileQuestion aria-hidden />} {...props} />;
}

/** Keeps the place of what is loading, so that nothing jumps. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classes("animate-pulse rounded bg-line/70", className ?? "h-4 w-full")} />;
}

/** A page's outline while it loads. */
export function PageSkeleton({ rows = 8 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-4">
      <Skeleton className="h-8 w-56" />
      <div className="overflow-hidden rounded border border-line bg-surface">
        {Array.from({ length: rows }, (_, row) => (
          // The rows are identical and never move.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <div key={row} className="border-b border-line p-3 last:border-0">
            <Skeleton className="h-4 w-full" />
          </div>
        ))}
      </div>
    </div>
  );
}
